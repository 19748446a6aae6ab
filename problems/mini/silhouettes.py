"""How the things of the miniature world look: a silhouette and an accent.

A thing is drawn in its own colour, but for an accent whose colour belongs to its kind:
the roof of every house, the sail of every boat. Shapes are given in the unit square, x
to the right and y down, and are to be told apart at a width of ten pixels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]


class Masks(NamedTuple):
    """What to fill with which colour, in this order: images of equal size, mode L."""

    outline: Image.Image
    body: Image.Image
    accent: Image.Image


class Stencil:
    """Draws in the unit square of a black and white image.

    Args:
        size: The square's side, in pixels.
        margin: Black pixels around it.
    """

    def __init__(self, size: int, margin: int) -> None:
        self.image = Image.new("L", (size + 2 * margin, size + 2 * margin))
        self._draw = ImageDraw.Draw(self.image)
        self._size = size
        self._margin = margin

    def polygon(self, *points: Point) -> None:
        """Fills a polygon."""
        self._draw.polygon([self._place(*point) for point in points], fill=255)

    def rectangle(self, box: Box, fill: int = 255) -> None:
        """Fills a rectangle given as left, top, right, bottom."""
        self._draw.rectangle(self._corners(box), fill=fill)

    def ellipse(self, box: Box, fill: int = 255) -> None:
        """Fills the ellipse that touches the box's sides."""
        self._draw.ellipse(self._corners(box), fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: int = 255) -> None:
        """Fills a circle."""
        self.ellipse((x - radius, y - radius, x + radius, y + radius), fill)

    def _place(self, x: float, y: float) -> Point:
        return self._margin + x * self._size, self._margin + y * self._size

    def _corners(self, box: Box) -> tuple[Point, Point]:
        left, top, right, bottom = box
        return self._place(left, top), self._place(right, bottom)


@functools.cache
def masks(kind: str, size: int, outline: int) -> Masks:
    """The masks of a thing, which must not be changed.

    Args:
        kind: What it is, one of `scenes.KINDS`.
        size: Its width and height, in pixels.
        outline: The outline's width, in pixels; also the masks' margin.
    """
    body, accent = Stencil(size, outline), Stencil(size, outline)
    _SHAPES[kind](body, accent)
    whole = ImageChops.lighter(body.image, accent.image)
    grown = whole.filter(ImageFilter.MaxFilter(2 * outline + 1))
    return Masks(grown, body.image, accent.image)


def _star(body: Stencil, accent: Stencil) -> None:
    def corner(place: int) -> Point:
        radius = 0.24 if place % 2 else 0.55
        angle = math.pi * place / 5
        return 0.5 + radius * math.sin(angle), 0.54 - radius * math.cos(angle)

    body.polygon(*map(corner, range(10)))
    accent.disc(0.5, 0.54, 0.17)


def _fish(body: Stencil, accent: Stencil) -> None:
    body.ellipse((0.0, 0.2, 0.75, 0.8))
    accent.polygon((0.58, 0.5), (1.0, 0.1), (1.0, 0.9))


def _house(body: Stencil, accent: Stencil) -> None:
    body.rectangle((0.1, 0.45, 0.9, 1.0))
    accent.polygon((0.0, 0.48), (0.5, 0.0), (1.0, 0.48))


def _tree(body: Stencil, accent: Stencil) -> None:
    body.polygon((0.5, 0.0), (0.18, 0.4), (0.82, 0.4))
    body.polygon((0.5, 0.16), (0.03, 0.7), (0.97, 0.7))
    accent.rectangle((0.34, 0.7, 0.66, 1.0))


def _heart(body: Stencil, accent: Stencil) -> None:
    for x in (0.27, 0.73):
        body.disc(x, 0.32, 0.26)
    body.polygon((0.04, 0.43), (0.5, 0.97), (0.96, 0.43), (0.5, 0.3))
    accent.disc(0.3, 0.36, 0.17)


def _flower(body: Stencil, accent: Stencil) -> None:
    for petal in range(5):
        angle = 2 * math.pi * petal / 5
        x, y = 0.5 + 0.29 * math.sin(angle), 0.5 - 0.29 * math.cos(angle)
        body.disc(x, y, 0.21)
    accent.disc(0.5, 0.5, 0.19)


def _cup(body: Stencil, accent: Stencil) -> None:
    body.ellipse((0.45, 0.22, 1.0, 0.75))
    body.ellipse((0.64, 0.38, 0.84, 0.6), fill=0)
    body.polygon((0.0, 0.1), (0.68, 0.1), (0.6, 0.92), (0.08, 0.92))
    accent.rectangle((0.02, 0.1, 0.66, 0.34))


def _boat(body: Stencil, accent: Stencil) -> None:
    body.polygon((0.0, 0.62), (1.0, 0.62), (0.78, 1.0), (0.22, 1.0))
    accent.polygon((0.45, 0.0), (0.92, 0.6), (0.45, 0.6))


def _bird(body: Stencil, accent: Stencil) -> None:
    wing = ((0.0, 0.12), (0.28, 0.22), (0.5, 0.5))
    other = tuple((1 - x, y) for x, y in reversed(wing))
    body.polygon(*wing, *other[1:], (0.76, 0.5), (0.5, 0.9), (0.24, 0.5))
    accent.polygon((0.3, 0.54), (0.7, 0.54), (0.5, 1.0))


def _ring(body: Stencil, accent: Stencil) -> None:
    body.disc(0.5, 0.56, 0.44)
    body.disc(0.5, 0.56, 0.2, fill=0)
    accent.polygon((0.5, 0.0), (0.76, 0.18), (0.5, 0.36), (0.24, 0.18))


def _cross(body: Stencil, accent: Stencil) -> None:
    body.rectangle((0.33, 0.0, 0.67, 1.0))
    body.rectangle((0.0, 0.33, 1.0, 0.67))
    accent.rectangle((0.33, 0.33, 0.67, 0.67))


def _crown(body: Stencil, accent: Stencil) -> None:
    left = ((0.1, 0.92), (0.0, 0.15), (0.26, 0.48), (0.5, 0.05))
    right = tuple((1 - x, y) for x, y in reversed(left))
    body.polygon(*left, *right[1:])
    accent.rectangle((0.08, 0.68, 0.92, 0.92))


def _box(body: Stencil, accent: Stencil) -> None:
    body.rectangle((0.06, 0.08, 0.94, 0.92))
    accent.rectangle((0.37, 0.08, 0.63, 0.92))


_SHAPES: dict[str, Callable[[Stencil, Stencil], None]] = {
    "star": _star,
    "fish": _fish,
    "house": _house,
    "tree": _tree,
    "heart": _heart,
    "flower": _flower,
    "cup": _cup,
    "boat": _boat,
    "bird": _bird,
    "ring": _ring,
    "cross": _cross,
    "crown": _crown,
    "box": _box,
}

ACCENTS: dict[str, Colour] = {
    "star": (255, 120, 190),
    "fish": (255, 140, 0),
    "house": (0, 150, 150),
    "tree": (215, 175, 120),
    "heart": (100, 235, 255),
    "flower": (180, 255, 0),
    "cup": (120, 120, 0),
    "boat": (255, 205, 170),
    "bird": (130, 0, 60),
    "ring": (120, 255, 190),
    "cross": (130, 130, 140),
    "crown": (200, 150, 0),
    "box": (205, 165, 255),
}
