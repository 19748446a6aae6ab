"""The silhouettes of the things in the miniature world.

Each is drawn white on black in the unit square, x to the right and y down, so that it
is told from every other at a width of ten pixels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Box = tuple[float, float, float, float]


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

    def polygon(self, *points: Point, fill: int = 255) -> None:
        """Fills a polygon."""
        self._draw.polygon([self._place(*point) for point in points], fill=fill)

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
def silhouette(kind: str, size: int, outline: int) -> tuple[Image.Image, Image.Image]:
    """Two masks of equal size: the thing, and the thing with its outline.

    Args:
        kind: What it is, one of `scenes.KINDS`.
        size: Its width and height, in pixels.
        outline: The outline's width, in pixels; also the masks' margin.
    """
    stencil = Stencil(size, outline)
    _SHAPES[kind](stencil)
    thing = stencil.image
    return thing, thing.filter(ImageFilter.MaxFilter(2 * outline + 1))


def _star(stencil: Stencil) -> None:
    def corner(place: int) -> Point:
        radius = 0.22 if place % 2 else 0.55
        angle = math.pi * place / 5
        return 0.5 + radius * math.sin(angle), 0.54 - radius * math.cos(angle)

    stencil.polygon(*map(corner, range(10)))


def _fish(stencil: Stencil) -> None:
    stencil.ellipse((0.0, 0.2, 0.75, 0.8))
    stencil.polygon((0.6, 0.5), (1.0, 0.12), (1.0, 0.88))
    stencil.disc(0.2, 0.42, 0.07, fill=0)


def _house(stencil: Stencil) -> None:
    stencil.polygon((0.0, 0.48), (0.5, 0.0), (1.0, 0.48))
    stencil.rectangle((0.12, 0.45, 0.88, 1.0))
    stencil.rectangle((0.38, 0.62, 0.62, 1.0), fill=0)


def _tree(stencil: Stencil) -> None:
    stencil.polygon((0.5, 0.0), (0.18, 0.42), (0.82, 0.42))
    stencil.polygon((0.5, 0.2), (0.05, 0.75), (0.95, 0.75))
    stencil.rectangle((0.4, 0.75, 0.6, 1.0))


def _heart(stencil: Stencil) -> None:
    stencil.disc(0.27, 0.32, 0.26)
    stencil.disc(0.73, 0.32, 0.26)
    stencil.polygon((0.04, 0.43), (0.5, 0.97), (0.96, 0.43), (0.5, 0.3))


def _flower(stencil: Stencil) -> None:
    for petal in range(5):
        angle = 2 * math.pi * petal / 5
        x, y = 0.5 + 0.29 * math.sin(angle), 0.5 - 0.29 * math.cos(angle)
        stencil.disc(x, y, 0.21)
    stencil.disc(0.5, 0.5, 0.13, fill=0)


def _cup(stencil: Stencil) -> None:
    stencil.ellipse((0.45, 0.22, 1.0, 0.75))
    stencil.ellipse((0.62, 0.38, 0.84, 0.6), fill=0)
    stencil.polygon((0.0, 0.1), (0.68, 0.1), (0.6, 0.92), (0.08, 0.92))


def _boat(stencil: Stencil) -> None:
    stencil.polygon((0.0, 0.68), (1.0, 0.68), (0.78, 1.0), (0.22, 1.0))
    stencil.rectangle((0.4, 0.0, 0.5, 0.68))
    stencil.polygon((0.5, 0.04), (0.92, 0.54), (0.5, 0.54))


def _bird(stencil: Stencil) -> None:
    wing = ((0.0, 0.12), (0.28, 0.22), (0.5, 0.5))
    other = tuple((1 - x, y) for x, y in reversed(wing))
    stencil.polygon(*wing, *other[1:], (0.76, 0.5), (0.5, 0.9), (0.24, 0.5))


def _ring(stencil: Stencil) -> None:
    stencil.disc(0.5, 0.5, 0.5)
    stencil.disc(0.5, 0.5, 0.26, fill=0)


def _cross(stencil: Stencil) -> None:
    stencil.rectangle((0.34, 0.0, 0.66, 1.0))
    stencil.rectangle((0.0, 0.34, 1.0, 0.66))


def _crown(stencil: Stencil) -> None:
    left = ((0.1, 0.92), (0.0, 0.15), (0.26, 0.48), (0.5, 0.05))
    right = tuple((1 - x, y) for x, y in reversed(left))
    stencil.polygon(*left, *right[1:])


def _box(stencil: Stencil) -> None:
    stencil.rectangle((0.06, 0.08, 0.94, 0.92))


_SHAPES: dict[str, Callable[[Stencil], None]] = {
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
