"""Line plots as SVG that stands in a page: axes with ticks and labels, and a legend.

A plot is drawn for about the width of a telephone and grows with its place; lines
differ by colour and, for a printer without colours, by dashes.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 380.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 68.0, 12.0, 10.0, 42.0
COLOURS = (
    *("#0b5fa5", "#c4500a", "#1b7f4d", "#8a3a9c"),
    *("#8f6b00", "#c2245e", "#3d4650", "#0b7c8a"),
)
DASHES = ("", "7 3", "2 3", "9 3 2 3")
# A line of more points is thinned; one of few points shows each of them.
MAX_POINTS, MAX_DOTS = 500, 25


@dataclass(frozen=True)
class Line:
    """One line of a plot.

    Attributes:
        name: What the legend says; "" where the title says it.
        points: `(x, y)` with rising x; a y that is not finite breaks the line.
        band: `(x, low, high)`, all finite: what lies around the line; may be empty.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()


def line_plot(title: str, lines: Sequence[Line], y_label: str, x_label: str) -> str:
    """A `<figure>` with the lines that have a point to show; empty if none has."""
    shown = [
        (number, dataclasses.replace(line, points=thinned(line.points)))
        for number, line in enumerate(lines)
        if any(math.isfinite(y) for _, y in line.points)
    ]
    if not shown:
        return ""
    found = [p for _, line in shown for p in line.points if math.isfinite(p[1])]
    x_ticks = ticks(min(x for x, _ in found), max(x for x, _ in found), 4)
    edges = [edge for _, line in shown for _, *ends in line.band for edge in ends]
    heights = [*(y for _, y in found), *edges]
    low, high = min(heights), max(heights)
    # From zero up where that does not press the line together.
    y_ticks = ticks(0.0 if 0.0 < low < 0.4 * high else low, high, 5)
    scale = _Scale((x_ticks[0], x_ticks[-1]), (y_ticks[0], y_ticks[-1]))
    name = html.escape(title)
    return (
        f"<figure><figcaption>{name}</figcaption>"
        f'<svg class="plot" role="img" aria-label="{name}" '
        f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}">'
        f"{_axes(scale, x_ticks, y_ticks, x_label, y_label)}"
        f"{''.join(_band(scale, line, number) for number, line in shown)}"
        f"{''.join(_line(scale, line, number) for number, line in shown)}</svg>"
        f"{_legend([(number, line.name) for number, line in shown])}</figure>"
    )


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers, about `wanted` steps of 1, 2 or 5 times a power of ten.

    The first is at or below `low`, the last at or above `high`.
    """
    if high <= low:
        reach = abs(low) / 2 or 1.0
        low, high = low - reach, high + reach
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most about `MAX_POINTS` of the points, the first and the last among them."""
    every = max(1, math.ceil(len(points) / MAX_POINTS))
    kept = list(points[::every])
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def number_text(value: float) -> str:
    """A number for a tick: `20,000`, `0.25`, `3e-06`."""
    if value and abs(value) < 1e-3:
        return f"{value:.3g}"
    return f"{value:,.10g}" if abs(value) < 1e7 else f"{value:.3g}"


@dataclass(frozen=True)
class _Scale:
    """From what is measured to places in the drawing."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _axes(
    scale: _Scale,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    x_label: str,
    y_label: str,
) -> str:
    bottom, middle = HEIGHT - BOTTOM, (HEIGHT - BOTTOM + TOP) / 2
    parts = []
    for value in y_ticks:
        y = scale.y(value)
        parts.append(f'<path class="grid" d="M{LEFT:.0f} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 5, y + 4, number_text(_rounded(value)), "end"))
    for value in x_ticks:
        x = scale.x(value)
        parts.append(f'<path class="axis" d="M{x:.1f} {bottom}v4"/>')
        is_last = value == x_ticks[-1]
        anchor = "end" if is_last else "middle"
        x += 8 if is_last else 0
        parts.append(_text(x, bottom + 17, number_text(_rounded(value)), anchor))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>')
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle"))
    parts.append(
        f'<text text-anchor="middle" transform="translate(14 {middle:.0f}) '
        f'rotate(-90)">{html.escape(y_label)}</text>'
    )
    return "".join(parts)


def _band(scale: _Scale, line: Line, number: int) -> str:
    """What lies between the lower and the upper edge, in the line's colour."""
    if len(line.band) < 2:
        return ""
    upper = [f"{scale.x(x):.1f} {scale.y(high):.1f}" for x, _, high in line.band]
    lower = [f"{scale.x(x):.1f} {scale.y(low):.1f}" for x, low, _ in line.band]
    colour = COLOURS[number % len(COLOURS)]
    path = "L".join([*upper, *reversed(lower)])
    return f'<path class="band" fill="{colour}" fill-opacity=".15" d="M{path}Z"/>'


def _line(scale: _Scale, line: Line, number: int) -> str:
    pieces: list[list[str]] = [[]]
    dots = []
    for x, y in line.points:
        if not math.isfinite(y):
            pieces.append([])
            continue
        place = f"{scale.x(x):.1f} {scale.y(y):.1f}"
        pieces[-1].append(place)
        dots.append(place)
    path = "".join(f"M{'L'.join(piece)}" for piece in pieces if piece)
    shapes = f'<path class="line" {_look(number)} d="{path}"/>'
    if len(dots) <= MAX_DOTS:
        colour = COLOURS[number % len(COLOURS)]
        for place in dots:
            left, top = place.split()
            shapes += f'<circle cx="{left}" cy="{top}" r="2.2" fill="{colour}"/>'
    return shapes


def _legend(named: Sequence[tuple[int, str]]) -> str:
    if not any(name for _, name in named):
        return ""
    entries = "".join(
        '<span><svg class="key" viewBox="0 0 26 8" aria-hidden="true">'
        f'<path class="line" {_look(number)} d="M1 4H25"/></svg>'
        f"{html.escape(name)}</span>"
        for number, name in named
    )
    return f'<p class="legend">{entries}</p>'


def _look(number: int) -> str:
    dash = DASHES[number % len(DASHES)]
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[number % len(COLOURS)]}"{style}'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}'
        "</text>"
    )


def _rounded(value: float) -> float:
    """Without the noise that multiples of a step bring: 0.3, not 0.30000000000004."""
    return float(f"{value:.10g}")
