"""What the benchmarks share: turns, rows, figures, children's answers."""

from __future__ import annotations

import sys

import measuring
import pytest


def test_calls_take_turns_and_warm_up_rounds_do_not_count() -> None:
    order: list[str] = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    seconds = measuring.in_turn(calls, rounds=4, warm_up=2)
    assert order == ["a", "b"] * 6
    assert [len(seconds[name]) for name in calls] == [4, 4]


def test_what_takes_long_is_timed_three_times_all_the_same() -> None:
    assert len(measuring.timed(lambda: None, rounds=50, most=0.0)) == 3


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0123, "s", "12.3 ms"), (2.5, "s", "2.5 s"), (12345.6, "MiB", "12,346 MiB")],
)
def test_a_figure_is_short(value: float, unit: str, text: str) -> None:
    assert measuring.figure(value, unit) == text


def test_a_childs_answer_is_its_last_line_and_its_fault_is_named() -> None:
    said = "print('loading'); print('{\"step_s\": 2}')"
    assert measuring.run_json([sys.executable, "-c", said]) == {"step_s": 2}
    with pytest.raises(ValueError, match=r"failed: .*no data"):
        measuring.run_json([sys.executable, "-c", "raise SystemExit('no data')"])
