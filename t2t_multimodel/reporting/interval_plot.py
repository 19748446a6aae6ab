"""Differences with their intervals, one below the other, about zero, as SVG."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2t_multimodel.reporting.plot import COLOURS, number_text, ticks

WIDTH, ROW, RIGHT, TOP, BOTTOM = 380.0, 34.0, 14.0, 6.0, 42.0
LEFT = 10.0
_NEUTRAL = "#6b7280"
# Longer names would stick out of the drawing.
_MOST = 58


@dataclass(frozen=True)
class Bar:
    """One difference.

    Attributes:
        name: What differs.
        value: By how much.
        interval: Its ends.
        is_found: Whether it is drawn in colour.
    """

    name: str
    value: float
    interval: tuple[float, float]
    is_found: bool


def interval_plot(title: str, bars: Sequence[Bar], x_label: str) -> str:
    """A `<figure>` with a row for each difference; empty if there is none."""
    if not bars:
        return ""
    ends = [0.0, *(end for bar in bars for end in bar.interval)]
    marks = ticks(min(ends), max(ends), 4)
    height = TOP + ROW * len(bars) + BOTTOM
    bottom = height - BOTTOM
    low, high = marks[0], marks[-1]

    def place(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = []
    for mark in marks:
        x = place(mark)
        kind = "axis" if abs(mark) < 1e-12 else "grid"
        parts.append(f'<path class="{kind}" d="M{x:.1f} {TOP}V{bottom}"/>')
        # Ends of the axis must not stick out of the drawing.
        at = min(max(x, LEFT + 8), WIDTH - RIGHT - 8)
        parts.append(_text(at, bottom + 16, number_text(float(f"{mark:.10g}"))))
    for number, bar in enumerate(bars):
        parts.append(_row(bar, TOP + ROW * number, place))
    parts.append(_text(WIDTH / 2, height - 8, x_label))
    name = html.escape(title)
    return (
        f"<figure><figcaption>{name}</figcaption>"
        f'<svg class="plot" role="img" aria-label="{name}" '
        f'viewBox="0 0 {WIDTH:.0f} {height:.0f}">{"".join(parts)}</svg></figure>'
    )


def _row(bar: Bar, top: float, place: Callable[[float], float]) -> str:
    colour = COLOURS[0] if bar.is_found else _NEUTRAL
    low, high = (place(end) for end in bar.interval)
    y = top + 24
    fill = colour if bar.is_found else "#ffffff"
    name = bar.name if len(bar.name) <= _MOST else f"{bar.name[: _MOST - 1]}…"
    return (
        f'<text x="{LEFT}" y="{top + 13:.1f}">{html.escape(name)}</text>'
        f'<path d="M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {y - 4:.1f}v8'
        f'M{high:.1f} {y - 4:.1f}v8" stroke="{colour}" stroke-width="1.8"/>'
        f'<circle cx="{place(bar.value):.1f}" cy="{y:.1f}" r="3.6" fill="{fill}" '
        f'stroke="{colour}" stroke-width="1.8"/>'
    )


def _text(x: float, y: float, text: str) -> str:
    return (
        f'<text text-anchor="middle" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'
    )
