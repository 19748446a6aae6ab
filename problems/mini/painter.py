"""The picture of a scene: 64 by 64 pixels that show everything its sentence says.

What a viewer must know:
- The ground is the setting: grass, waves, sand, snow, night, or plain.
- The second group stands on a framed panel, in the half of the picture that the
  relation tells: under what is above it, to the right of what is left of it.
- What the first group does is drawn at each of its things: over it a Z (sleeps), rays
  (shines), a note (dances), an eye (watches) or a knot with a rope to the second group
  (pulls); under it a shadow (jumps) or streaks (runs).
- A half has four slots of 16 by 32 pixels: a thing in one half of it and the mark of
  what it does in the other. Small things are about 10 pixels wide, big ones 15; 12.5 is
  no size to speak of.

Places, tints, light and noise vary from rendering to rendering and mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from t2t_multimodel.problems.mini.scenes import Group, Scene
from t2t_multimodel.problems.mini.silhouettes import silhouette

SIZE = 64

_FINE = 4  # drawn this many times larger, then reduced
_OUTLINE = 3
_SLOT_WIDTH, _SLOT_HEIGHT = 16 * _FINE, 32 * _FINE
# Where in its slot a thing is: high above its shadow or streaks, low under the others.
_HIGH, _LOW = 10 * _FINE, 22 * _FINE
_HEIGHTS = {"jump": (_HIGH,), "run": (_HIGH,)}
_WIDTHS = {"small": 10.0, None: 12.5, "big": 15.0}

Colour = tuple[int, int, int]

_COLOURS: dict[str, Colour] = {
    "red": (225, 25, 30),
    "green": (25, 150, 45),
    "blue": (35, 70, 225),
    "yellow": (250, 220, 30),
    "purple": (165, 50, 195),
    "brown": (125, 70, 25),
    "black": (18, 18, 18),
    "white": (250, 250, 250),
}
_RAYS: Colour = (255, 130, 0)


@dataclass(frozen=True)
class _Ground:
    """A setting's colours: the ground, its texture, the panel, and lines to be seen."""

    ground: Colour
    texture: Colour
    panel: Colour
    ink: Colour = (25, 22, 30)


_GROUNDS: dict[str | None, _Ground] = {
    None: _Ground((185, 183, 180), (185, 183, 180), (160, 158, 156)),
    "grass": _Ground((160, 210, 130), (95, 160, 75), (135, 185, 110)),
    "water": _Ground((140, 200, 235), (70, 140, 200), (115, 170, 210)),
    "beach": _Ground((235, 210, 160), (190, 155, 100), (210, 182, 132)),
    "snow": _Ground((236, 242, 250), (180, 205, 240), (208, 216, 228)),
    "night": _Ground((28, 28, 66), (190, 190, 150), (58, 58, 105), (235, 235, 245)),
}

# The half of the subject: where its slots are, as (column, row), and the other half.
_ROW_SLOTS = tuple((column, 0) for column in range(4))
_SQUARE_SLOTS = tuple((column, row) for row in range(2) for column in range(2))
_HALVES: dict[str, tuple[tuple[int, int], tuple[tuple[int, int], ...]]] = {
    "above": ((0, 0), _ROW_SLOTS),
    "under": ((0, 1), _ROW_SLOTS),
    "left": ((0, 0), _SQUARE_SLOTS),
    "right": ((2, 0), _SQUARE_SLOTS),
}
_OPPOSITE = {"above": "under", "under": "above", "left": "right", "right": "left"}
_FREE_SIDES = {"to": ("left", "right"), None: ("above", "under", "left", "right")}


def paint(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One rendering of the scene, uint8 of shape `[64, 64, 3]`."""
    side = scene.relation
    if side not in _HALVES:
        side = str(rng.choice(_FREE_SIDES[side]))
    look = _GROUNDS[scene.setting]
    canvas = Image.new("RGB", (SIZE * _FINE, SIZE * _FINE), look.ground)
    draw = ImageDraw.Draw(canvas)
    _texture(draw, scene.setting, look, rng)
    heights = _HEIGHTS.get(scene.action, (_LOW,))
    actors = _centres(side, scene.subject.number, heights, rng)
    if scene.landmark is not None:
        _panel(draw, _OPPOSITE[side], look)
        number = scene.landmark.number
        others = _centres(_OPPOSITE[side], number, (_HIGH, _LOW), rng)
        if scene.action == "pull":
            _ropes(draw, actors, others, look)
        _place(canvas, scene.landmark, others, look, rng)
    for actor in actors:
        _mark(draw, scene.action, actor, look)
    _place(canvas, scene.subject, actors, look, rng)
    return _developed(canvas, rng)


def _centres(
    side: str, number: int, heights: Sequence[int], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Where the things of a half are, in fine pixels, in different slots."""
    (column, row), slots = _HALVES[side]
    chosen = rng.permutation(len(slots))[:number]
    jitter = rng.integers(-_FINE, _FINE + 1, (number, 2)).tolist()
    return [
        (
            (column + slots[slot][0]) * _SLOT_WIDTH + _SLOT_WIDTH // 2 + dx // 2,
            (row + slots[slot][1]) * _SLOT_HEIGHT + heights[dx % len(heights)] + dy,
        )
        for slot, (dx, dy) in zip(chosen, jitter, strict=True)
    ]


def _place(
    canvas: Image.Image,
    group: Group,
    centres: Iterable[tuple[int, int]],
    look: _Ground,
    rng: np.random.Generator,
) -> None:
    """Draws the group's things, each a little different in tint and width."""
    for x, y in centres:
        width = round((_WIDTHS[group.size] + rng.uniform(-0.5, 0.5)) * _FINE)
        tint = rng.integers(-16, 17, 3)
        colour = np.clip(np.array(_COLOURS[group.colour]) + tint, 0, 255)
        thing, outlined = silhouette(group.kind, width, _OUTLINE)
        corner = (x - thing.width // 2, y - thing.height // 2)
        canvas.paste(look.ink, corner, outlined)
        canvas.paste(tuple(colour.tolist()), corner, thing)


def _mark(
    draw: ImageDraw.ImageDraw, action: str, centre: tuple[int, int], look: _Ground
) -> None:
    """Draws over or under a thing what it does; the thing itself comes on top."""
    x, y = centre
    ink, top, bottom = look.ink, y - 20 * _FINE, y + 11 * _FINE
    if action == "sleep":
        left, right, low = x - 16, x + 16, top + 30
        draw.line([(left, top), (right, top), (left, low), (right, low)], ink, 7)
    elif action == "shine":
        for lean in (-14, 0, 14):
            ray = [(x + lean, y - 10 * _FINE), (x + 2 * lean, top)]
            draw.line(ray, _RAYS, 8)
    elif action == "dance":
        draw.ellipse((x - 18, top + 19, x - 1, top + 32), ink)
        draw.line([(x - 4, top + 25), (x - 4, top), (x + 16, top + 10)], ink, 6)
    elif action == "watch":
        white, black = (255, 255, 255), (0, 0, 0)
        draw.ellipse((x - 25, top, x + 25, top + 29), white, ink, 4)
        draw.ellipse((x - 9, top + 5, x + 9, top + 24), black)
    elif action == "pull":
        middle = top + 15
        knot = [(x - 17, middle), (x, top - 2), (x + 17, middle), (x, top + 32)]
        draw.polygon(knot, ink)
    elif action == "jump":
        draw.ellipse((x - 26, bottom + 10, x + 26, bottom + 28), ink)
    elif action == "run":
        for line in range(3):
            height = bottom + 10 * line
            draw.line([(x - 28, height), (x + 28 - 12 * line, height)], ink, 5)


def _panel(draw: ImageDraw.ImageDraw, side: str, look: _Ground) -> None:
    (column, row), slots = _HALVES[side]
    columns, rows = (4, 1) if slots is _ROW_SLOTS else (2, 2)
    left, top = column * _SLOT_WIDTH + 2, row * _SLOT_HEIGHT + 2
    right, bottom = left + columns * _SLOT_WIDTH - 5, top + rows * _SLOT_HEIGHT - 5
    draw.rectangle((left, top, right, bottom), look.panel, look.ink, 4)


def _texture(
    draw: ImageDraw.ImageDraw,
    setting: str | None,
    look: _Ground,
    rng: np.random.Generator,
) -> None:
    if setting is None:
        return
    for x, y in rng.integers(0, SIZE * _FINE, (40, 2)).tolist():
        if setting == "grass":
            draw.line([(x - 3, y - 10), (x, y), (x + 4, y - 10)], look.texture, 3)
        elif setting == "water":
            wave = [(x - 14, y), (x - 7, y - 5), (x, y), (x + 7, y - 5), (x + 14, y)]
            draw.line(wave, look.texture, 3)
        elif setting == "night":
            draw.rectangle((x, y, x + 2, y + 2), look.texture)
        else:
            radius = 5 if setting == "snow" else 2
            draw.ellipse((x, y, x + 2 * radius, y + 2 * radius), look.texture)


def _ropes(
    draw: ImageDraw.ImageDraw,
    actors: Iterable[tuple[int, int]],
    others: Sequence[tuple[int, int]],
    look: _Ground,
) -> None:
    """Draws a rope from the knot over each actor to the other thing nearest to it."""
    for x, y in actors:
        end = min(others, key=lambda other: math.dist((x, y), other))
        draw.line([(x, y - 16 * _FINE), end], look.ink, 2 * _FINE)


def _developed(canvas: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The canvas at its final size, in some light and with the noise of a camera."""
    pixels = np.asarray(canvas.reduce(_FINE), np.float32)
    light = rng.uniform(0.9, 1.08, 3).astype(np.float32) * rng.uniform(0.94, 1.06)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(6.0)
    return np.clip(pixels * light.astype(np.float32) + noise, 0, 255).astype(np.uint8)
