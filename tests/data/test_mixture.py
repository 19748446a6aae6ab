"""Mixtures: the rates asked for, evenly spread, a function of seed and step."""

from __future__ import annotations

from collections import Counter

import pytest

from t2t_multimodel.data.mixture import Mixture

NAMES = ("a", "b", "c")
SIZES = {"a": 900, "b": 100, "c": 400}


def _steps(mixture: Mixture, count: int) -> list[str]:
    return [mixture.problem_at(step) for step in range(count)]


def test_uniform_gives_each_problem_once_in_every_window() -> None:
    steps = _steps(Mixture(NAMES, SIZES), 300)
    windows = [tuple(steps[i : i + 3]) for i in range(0, 300, 3)]
    assert all(sorted(window) == list(NAMES) for window in windows)
    assert len(set(windows)) == 6


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ("uniform", (1, 1, 1)),
        ("proportional", (9, 1, 4)),
        ("temperature=1", (9, 1, 4)),
        ("temperature=2", (3, 1, 2)),
        ("a=3,b=0.5", (3, 0.5, 1)),
        (" c = 5 , a = 0 ", (0, 1, 5)),
    ],
)
def test_steps_are_shared_out_by_the_rates(
    rates: str, expected: tuple[float, ...]
) -> None:
    mixture = Mixture(NAMES, SIZES, rates)
    shares = [rate / sum(expected) for rate in expected]
    assert list(mixture.probabilities.values()) == pytest.approx(shares)
    counts = Counter(_steps(mixture, 3000))
    for name, share in zip(NAMES, shares, strict=True):
        assert abs(counts[name] - 3000 * share) <= 6


def test_no_stretch_is_far_from_the_rates() -> None:
    mixture = Mixture(NAMES, SIZES, "a=6,b=2,c=2")
    steps = _steps(mixture, 3000)
    for first in range(0, 2900, 37):
        share = steps[first : first + 60].count("a") / 60
        assert abs(share - 0.6) < 0.1


@pytest.mark.parametrize("rates", ["uniform", "proportional", "a=7.5,b=0.3"])
def test_counts_before_a_step_are_the_steps_taken(rates: str) -> None:
    mixture = Mixture(NAMES, SIZES, rates, seed=4)
    steps = _steps(mixture, 200)
    for step in range(201):
        counts = Counter(steps[:step])
        assert mixture.counts_before(step) == {name: counts[name] for name in NAMES}


def test_counts_of_a_long_run_are_exact() -> None:
    mixture = Mixture(("x", "y"), {"x": 1, "y": 2}, "proportional")
    counts = mixture.counts_before(400_001)
    assert sum(counts.values()) == 400_001
    assert abs(counts["x"] - 400_001 / 3) < 10


def test_a_seed_decides_the_order() -> None:
    one, two, other = (_steps(Mixture(NAMES, SIZES, seed=s), 60) for s in (1, 1, 2))
    assert one == two != other


def test_one_problem_takes_all_steps() -> None:
    mixture = Mixture(("a",), {"a": 5}, "proportional")
    assert _steps(mixture, 3) == ["a"] * 3
    assert mixture.counts_before(7) == {"a": 7}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ("unifrom", "it is 'uniform', 'proportional'"),
        ("temperature=0", "a temperature is above 0"),
        ("a=1,d=2", "names 'd', which is not among the problems: a, b, c"),
        ("a=-1", "rates of 0 and above"),
        ("a=nan", "rates of 0 and above"),
        ("a=0,b=0,c=0", "gives no problem a step"),
        ("", "it is 'uniform'"),
    ],
)
def test_rates_that_make_no_sense_are_refused(rates: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(NAMES, SIZES, rates)
