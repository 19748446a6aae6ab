"""The picture of a scene: 64 by 64 pixels that show everything its sentence says.

What a viewer must know:
- The ground is the setting: grass, waves, sand, snow, night, or plain.
- The first group stands on light cards, the second on a dark panel that fills its half
  of the picture. The halves tell the relation: under what is above it, to the right of
  what is left of it, right or left of what is run to.
- Over each thing of the first group is what it does: a Z (sleeps), rays (shines), a
  note (dances), arrowheads (jumps), streaks (runs), an eye (watches), a knot with a
  rope to the second group (pulls).
- A half has four slots of 16 by 32 pixels, filled in order, a thing each. Small things
  are about 10.5 pixels wide, big ones 15; 13 is no size to speak of.

Tints, light, noise, texture and a pixel of displacement vary from rendering to
rendering and mean nothing, nor does the side where no relation is told.

Cards, panel and order are there to be learnt from few pictures: without them a small
net needs several times as many to tell which things act and what they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from t2t_multimodel.problems.mini.scenes import Group, Scene
from t2t_multimodel.problems.mini.silhouettes import ACCENTS, Colour, masks

SIZE = 64

_FINE = 4  # drawn this many times larger, then reduced
_OUTLINE = 3
_SLOT_WIDTH, _SLOT_HEIGHT = 16 * _FINE, 32 * _FINE
_HEIGHT = 22 * _FINE  # of a thing's centre in its slot; above is what it does
_WIDTHS = {"small": 10.5, None: 13.0, "big": 15.0}

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
_HOPS: Colour = (200, 0, 90)


@dataclass(frozen=True)
class _Look:
    """The colours of a surface, its texture, and the lines drawn on it."""

    surface: Colour
    texture: Colour
    ink: Colour = (20, 18, 25)


_GROUNDS: dict[str | None, _Look] = {
    None: _Look((175, 175, 175), (175, 175, 175)),
    "grass": _Look((160, 210, 130), (95, 160, 75)),
    "water": _Look((140, 200, 235), (70, 140, 200)),
    "beach": _Look((235, 210, 160), (190, 155, 100)),
    "snow": _Look((236, 242, 250), (180, 205, 240)),
    "night": _Look((110, 110, 175), (230, 230, 190)),
}
_CARD = _Look((225, 225, 228), (225, 225, 228))
_PANEL = _Look((58, 58, 64), (58, 58, 64), ink=(240, 240, 240))

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
    ground = _GROUNDS[scene.setting]
    canvas = Image.new("RGB", (SIZE * _FINE, SIZE * _FINE), ground.surface)
    draw = ImageDraw.Draw(canvas)
    _texture(draw, scene.setting, ground, rng)
    actors = _centres(side, scene.subject.number, rng)
    _cards(draw, actors)
    if scene.landmark is not None:
        _panel(draw, _OPPOSITE[side])
        others = _centres(_OPPOSITE[side], scene.landmark.number, rng)
        if scene.action == "pull":
            _ropes(draw, actors, others)
        _place(canvas, scene.landmark, others, _PANEL, rng)
    for actor in actors:
        _mark(draw, scene.action, actor)
    _place(canvas, scene.subject, actors, _CARD, rng)
    return _developed(canvas, rng)


def _centres(side: str, number: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Where the things of a half are, in fine pixels: one a slot, from the first on."""
    (column, row), slots = _HALVES[side]
    jitter = rng.integers(-_FINE, _FINE + 1, (number, 2)).tolist()
    return [
        (
            (column + x) * _SLOT_WIDTH + _SLOT_WIDTH // 2 + dx // 2,
            (row + y) * _SLOT_HEIGHT + _HEIGHT + dy,
        )
        for (x, y), (dx, dy) in zip(slots, jitter, strict=False)
    ]


def _place(
    canvas: Image.Image,
    group: Group,
    centres: Iterable[tuple[int, int]],
    look: _Look,
    rng: np.random.Generator,
) -> None:
    """Draws the group's things, each a little different in tint and width."""
    for x, y in centres:
        width = round((_WIDTHS[group.size] + rng.uniform(-0.5, 0.5)) * _FINE)
        tint = rng.integers(-14, 15, 3)
        colour = np.clip(np.array(_COLOURS[group.colour]) + tint, 0, 255)
        thing = masks(group.kind, width, _OUTLINE)
        corner = (x - thing.body.width // 2, y - thing.body.height // 2)
        canvas.paste(look.ink, corner, thing.outline)
        canvas.paste(tuple(colour.tolist()), corner, thing.body)
        canvas.paste(ACCENTS[group.kind], corner, thing.accent)


def _mark(draw: ImageDraw.ImageDraw, action: str, centre: tuple[int, int]) -> None:
    """Draws over a thing what it does, 8 pixels high."""
    x, y = centre
    ink, top = _CARD.ink, y - 20 * _FINE
    if action == "sleep":
        left, right, low = x - 16, x + 16, top + 30
        draw.line([(left, top), (right, top), (left, low), (right, low)], ink, 7)
    elif action == "shine":
        for lean in (-14, 0, 14):
            draw.line([(x + lean, top + 36), (x + 2 * lean, top)], _RAYS, 8)
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
        for height in (top, top + 16):
            hop = [(x - 20, height + 16), (x, height), (x + 20, height + 16)]
            draw.line(hop, _HOPS, 7)
    elif action == "run":
        for streak in range(3):
            height, end = top + 3 + 12 * streak, x + 28 - 12 * streak
            draw.line([(x - 28, height), (end, height)], ink, 5)


def _cards(draw: ImageDraw.ImageDraw, centres: Iterable[tuple[int, int]]) -> None:
    width, height = _SLOT_WIDTH // 2 - 1, _SLOT_WIDTH // 2 + 2
    for x, y in centres:
        draw.rectangle((x - width, y - height, x + width, y + height), _CARD.surface)


def _panel(draw: ImageDraw.ImageDraw, side: str) -> None:
    (column, row), slots = _HALVES[side]
    columns, rows = (4, 1) if slots is _ROW_SLOTS else (2, 2)
    left, top = column * _SLOT_WIDTH + 2, row * _SLOT_HEIGHT + 2
    right, bottom = left + columns * _SLOT_WIDTH - 5, top + rows * _SLOT_HEIGHT - 5
    draw.rectangle((left, top, right, bottom), _PANEL.surface)


def _texture(
    draw: ImageDraw.ImageDraw,
    setting: str | None,
    look: _Look,
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
) -> None:
    """Draws a rope from the knot over each actor to the other thing nearest to it."""
    for x, y in actors:
        end = min(others, key=lambda other: math.dist((x, y), other))
        draw.line([(x, y - 16 * _FINE), end], _CARD.ink, 2 * _FINE)


def _developed(canvas: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The canvas at its final size, in some light and with the noise of a camera."""
    pixels = np.asarray(canvas.reduce(_FINE), np.float32)
    light = rng.uniform(0.96, 1.04, 3) * rng.uniform(0.92, 1.06)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(6.0)
    return np.clip(pixels * light.astype(np.float32) + noise, 0, 255).astype(np.uint8)
