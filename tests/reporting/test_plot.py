"""Plots: round ticks that enclose the data, labels, breaks, and safe text."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.reporting.plot import (
    MAX_POINTS,
    Line,
    line_plot,
    number_text,
    thinned,
    ticks,
)

FINITE = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-9)


@given(FINITE, FINITE)
def test_ticks_enclose_what_they_measure_at_equal_steps(a: float, b: float) -> None:
    low, high = sorted((a, b))
    found = ticks(low, high, 5)
    room = 1e-6 * (abs(low) + abs(high))
    assert found[0] <= low + room and found[-1] >= high - room
    assert 2 <= len(found) <= 9
    steps = [second - first for first, second in itertools.pairwise(found)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


def test_steps_are_round() -> None:
    assert ticks(0, 400, 4) == [0, 100, 200, 300, 400]
    assert ticks(1.83, 7.4, 5) == [0, 2, 4, 6, 8]
    assert ticks(3.0, 3.0, 2) == [0.0, 2.0, 4.0, 6.0]
    shown = [number_text(value) for value in (20000, 0.25, 3e-6, 0)]
    assert shown == ["20,000", "0.25", "3e-06", "0"]


def test_a_long_line_is_thinned_and_keeps_its_ends() -> None:
    points = [(float(n), 0.0) for n in range(12_345)]
    kept = thinned(points)
    assert len(kept) <= MAX_POINTS + 1
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert thinned(points[:10]) == points[:10]


def test_a_plot_names_its_axes_and_its_lines() -> None:
    lines = [Line("train", [(0, 2.0), (10, 1.0)]), Line("dev", [(5, 1.5)])]
    figure = ElementTree.fromstring(line_plot("A title", lines, "loss", "step"))
    texts = [element.text for element in figure.iter() if element.text]
    assert {"A title", "loss", "step", "0", "10"} <= set(texts)
    tails = [element.tail for element in figure.iter("svg") if element.tail]
    assert tails == ["train", "dev"]
    assert len(list(figure.iter("circle"))) == 3


def test_the_line_is_where_the_ticks_say() -> None:
    plot = line_plot("title", [Line("", [(0, 0.0), (10, 10.0)])], "y", "x")
    path = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', plot)
    assert path is not None
    left, bottom, right, top = map(float, path.groups())
    assert (left, right) == (68.0, 368.0)
    assert (bottom, top) == (208.0, 10.0)


def test_a_value_that_is_not_finite_breaks_the_line() -> None:
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0), (5, 2.0)]
    plot = line_plot("title", [Line("", points)], "y", "x")
    (path,) = re.findall(r'class="line"[^>]* d="([^"]*)"', plot)
    assert path.count("M") == 2 and "nan" not in plot and "inf" not in plot
    assert line_plot("title", [Line("", [(0, math.nan)]), Line("", [])], "y", "x") == ""


def test_names_stay_text() -> None:
    attack = '"><script>&'
    plot = line_plot(attack, [Line(attack, [(0, 1.0)])], attack, attack)
    figure = ElementTree.fromstring(plot)
    assert not list(figure.iter("script"))
    assert [e.text for e in figure.iter("figcaption")] == [attack]


def test_a_band_lies_about_its_line_and_within_the_axes() -> None:
    band = [(0.0, 1.0, 4.0), (10.0, 0.5, 9.0)]
    line = Line("mean", [(0.0, 2.0), (10.0, 1.0)], band)
    figure = ElementTree.fromstring(line_plot("A", [line], "loss", "step"))
    (shape,) = (p for p in figure.iter("path") if p.get("class") == "band")
    places = re.findall(r"[ML]([\d.]+) ([\d.]+)", shape.get("d") or "")
    assert len(places) == 4
    texts = {element.text for element in figure.iter("text")}
    assert "10" in texts  # The axis goes up to the band, not only to the line.
    heights = [float(y) for _, y in places]
    assert heights[0] < heights[3] and heights[1] < heights[2]
    plain = line_plot("A", [Line("mean", line.points)], "loss", "step")
    assert "band" not in plain
