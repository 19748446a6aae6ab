"""Differences as bars: zero is there, what is found stands out, names are safe."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from t2t_multimodel.reporting.interval_plot import WIDTH, Bar, interval_plot

FOUND = Bar("a <b>: company", 2.0, (1.0, 3.0), True)
NOT_SHOWN = Bar("c: " + "long " * 40, -0.5, (-2.0, 1.0), False)


def test_a_row_for_each_difference_about_zero() -> None:
    figure = ElementTree.fromstring(interval_plot("BLEU", [FOUND, NOT_SHOWN], "points"))
    texts = [element.text or "" for element in figure.iter("text")]
    assert {"a <b>: company", "points", "0", "-2"} <= set(texts)
    assert max(len(text) for text in texts) <= 58
    filled, hollow = figure.iter("circle")
    assert filled.get("fill") == filled.get("stroke") != hollow.get("stroke")
    assert hollow.get("fill") == "#ffffff"
    (zero,) = (p for p in figure.iter("path") if p.get("class") == "axis")
    at = float((zero.get("d") or "").split()[0].removeprefix("M"))
    # -0.5 lies left of zero, 2 right of it, four times as far.
    left, right = (float(dot.get("cx") or 0) - at for dot in (hollow, filled))
    assert abs(-4 * left - right) < 0.5 and left < 0 < right
    assert 0 <= at <= WIDTH


def test_nothing_is_no_figure() -> None:
    assert interval_plot("BLEU", [], "points") == ""


def test_equal_arms_are_drawn_too() -> None:
    same = Bar("a", 0.0, (0.0, 0.0), False)
    figure = ElementTree.fromstring(interval_plot("BLEU", [same], "points"))
    assert len(list(figure.iter("circle"))) == 1
