"""Mixtures: the rates asked for, evenly spread, a function of seed and number."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.data.mixture import Mixture

NAMES = ("a", "b", "c")
SIZES = {"a": 900, "b": 100, "c": 400}
SCHEDULE = "a=linear(1@0,4@200),b=exp(2@0,0.1@150),c=1@50..300"


def _taken(mixture: Mixture, count: int, first: int = 0) -> list[str]:
    return [mixture.problem_at(first + number) for number in range(count)]


def test_uniform_gives_each_problem_once_in_every_window() -> None:
    taken = _taken(Mixture(NAMES, SIZES), 300)
    windows = [tuple(taken[i : i + 3]) for i in range(0, 300, 3)]
    assert all(sorted(window) == list(NAMES) for window in windows)
    assert len(set(windows)) == 6


@pytest.mark.parametrize(
    ("rates", "order"),
    [
        ("uniform", "cbaabcacbbcaacbacbbacabcabcacbabcbcacabcbaabcbac"),
        ("a=6,b=2", "baaaacabaacaabaabaaacaabaababaaabacabaabaaaacaab"),
        ("a=4.5,b=0.4,c=0.5", "aaaaabaaaacaabaaaaaacaaaaaaabaaaaacabaaaaaaacaaa"),
    ],
)
def test_constant_rates_keep_their_order_from_version_to_version(
    rates: str, order: str
) -> None:
    assert "".join(_taken(Mixture(NAMES, SIZES, rates, seed=3), 48)) == order


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ("uniform", (1, 1, 1)),
        ("proportional", (9, 1, 4)),
        ("temperature=2", (3, 1, 2)),
        ("temperature=2,cap=400", (2, 1, 2)),
        ("a=3,b=0.5", (3, 0.5, 1)),
        (" c = 5 , a = 0 ", (0, 1, 5)),
    ],
)
def test_batches_are_shared_out_by_the_rates(
    rates: str, expected: tuple[float, ...]
) -> None:
    mixture = Mixture(NAMES, SIZES, rates)
    shares = [rate / sum(expected) for rate in expected]
    assert list(mixture.shares_at(7).values()) == pytest.approx(shares)
    counts = Counter(_taken(mixture, 3000))
    for name, share in zip(NAMES, shares, strict=True):
        assert abs(counts[name] - 3000 * share) <= 6


@given(
    st.lists(st.integers(0, 40), min_size=3, max_size=3).filter(any),
    st.integers(1, 50),
    st.integers(0, 9),
    st.integers(1, 3),
)
def test_evenly_a_problem_has_exactly_its_whole_number_of_batches(
    counts: list[int], times: int, seed: int, batches: int
) -> None:
    rates = ",".join(f"{n}={c}" for n, c in zip(NAMES, counts, strict=True))
    mixture = Mixture(
        NAMES, SIZES, f"evenly,{rates}", seed=seed, batches_per_step=batches
    )
    expected = {n: c * times for n, c in zip(NAMES, counts, strict=True)}
    assert mixture.counts_before(sum(counts) * times) == expected
    taken = _taken(mixture, sum(counts))
    assert Counter(taken) == {n: c for n, c in zip(NAMES, counts, strict=True) if c}


def _rate() -> st.SearchStrategy[str]:
    """A problem's rate: constant, or a shape through up to three points."""
    number = st.sampled_from(["0.01", "0.3", "1", "2.5", "40"])
    gaps = st.lists(st.integers(1, 400), min_size=1, max_size=3)

    def shaped(shape: str, rates: list[str], gaps: list[int]) -> str:
        steps = np.cumsum(gaps)
        points = [f"{r}@{s}" for r, s in zip(rates, steps, strict=False)]
        return f"{shape}({','.join(points)})"

    shape = st.sampled_from(["step", "linear", "exp"])
    rates = st.lists(number, min_size=3, max_size=3)
    return number | st.builds(shaped, shape, rates, gaps)


@given(
    st.lists(_rate(), min_size=3, max_size=3),
    st.integers(0, 500),
    st.integers(1, 200),
    st.sampled_from(["", "@100..", "@..300", "@37..411"]),
    st.integers(0, 3),
    st.integers(1, 3),
)
def test_every_stretch_of_steps_follows_the_rates(
    rates: list[str], first: int, length: int, span: str, seed: int, batches: int
) -> None:
    """A problem's batches in any window differ from its rate's by a few, whatever."""
    text = f"a={rates[0]},b={rates[1]}{span},c={rates[2]}"
    mixture = Mixture(NAMES, SIZES, text, seed, batches_per_step=batches)
    before = mixture.counts_before(first * batches)
    after = mixture.counts_before((first + length) * batches)
    steps = [mixture.shares_at(first + step) for step in range(length)]
    shares = np.array([list(share.values()) for share in steps]) * batches
    # By orders.Metronomes, at each end of each stretch 1 + N/2; stairs are flat for
    # half a step before and after the rate that shares_at has.
    moves = np.abs(np.diff(shares, axis=0)).sum(axis=0)
    ends = 2 + 2 * len(
        [step for step in mixture.starts if first < step < first + length]
    )
    for place, name in enumerate(NAMES):
        off = after[name] - before[name] - shares[:, place].sum()
        assert abs(off) <= ends * (1 + 3 / 2) + moves[place], (text, name)


@pytest.mark.parametrize("rates", ["uniform", "proportional", "a=7.5,b=0.3", SCHEDULE])
@pytest.mark.parametrize("origin", [0, 120])
def test_counts_before_a_number_are_the_batches_taken(rates: str, origin: int) -> None:
    mixture = Mixture(NAMES, SIZES, rates, seed=4, origin=origin, batches_per_step=2)
    first = 2 * origin
    taken = _taken(mixture, 700, first)
    for number in range(0, 701, 7):
        counts = Counter(taken[:number])
        assert mixture.counts_before(first + number) == {n: counts[n] for n in NAMES}


def test_a_problem_gets_nothing_before_its_start_and_from_its_stop_on() -> None:
    for seed in range(5):
        taken = _taken(Mixture(NAMES, SIZES, "c=5@50..300", seed=seed), 400)
        assert "c" not in taken[:50] + taken[300:]
        assert "c" in taken[50:53] and "c" in taken[297:300]


def test_counts_of_a_long_run_are_exact_and_need_no_walk() -> None:
    mixture = Mixture(("x", "y"), {"x": 1, "y": 2}, "proportional")
    counts = mixture.counts_before(400_001)
    assert sum(counts.values()) == 400_001
    assert abs(counts["x"] - 400_001 / 3) < 10
    far = 10**12
    mixture = Mixture(NAMES, SIZES, SCHEDULE)
    counts = mixture.counts_before(far)
    assert sum(counts.values()) == far
    assert counts["a"] / counts["b"] == pytest.approx(40, rel=1e-6)
    assert mixture.problem_at(far) in ("a", "b")


@pytest.mark.parametrize("rates", ["uniform", SCHEDULE])
def test_a_seed_decides_the_order(rates: str) -> None:
    one, two = (_taken(Mixture(NAMES, SIZES, rates, seed=1), 60) for _ in range(2))
    assert one == two
    others = [_taken(Mixture(NAMES, SIZES, rates, seed), 60) for seed in range(2, 6)]
    assert any(other != one for other in others)


def test_the_steps_of_a_run_do_not_decide_the_order() -> None:
    long = _taken(Mixture(NAMES, SIZES, SCHEDULE), 120)
    assert _taken(Mixture(NAMES, SIZES, SCHEDULE, num_steps=120), 120) == long


def test_an_origin_cuts_a_schedule_and_keeps_its_rates() -> None:
    whole = Mixture(NAMES, SIZES, SCHEDULE)
    cut = Mixture(NAMES, SIZES, SCHEDULE, origin=100)
    assert cut.shares_at(130) == whole.shares_at(130)
    counts, expected = Counter(_taken(cut, 100, 100)), Counter(_taken(whole, 100, 100))
    assert all(abs(counts[name] - expected[name]) <= 3 for name in NAMES)


def test_one_problem_takes_all() -> None:
    mixture = Mixture(("a",), {"a": 5}, "proportional")
    assert _taken(mixture, 3) == ["a"] * 3
    assert mixture.counts_before(7) == {"a": 7}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ("a=1,d=2", "'d' is not among the problems: a, b, c"),
        ("a=0,b=0,c=0", "gives no problem a rate above 0 from step 0 on"),
        ("a=1@..40,b=0,c=0", "gives no problem a rate above 0 from step 40 on"),
        ("a=1@3..,b=0,c=0", "gives no problem a rate above 0 from step 0 on"),
    ],
)
def test_rates_that_make_no_sense_are_refused(rates: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(NAMES, SIZES, rates)


def test_steps_after_the_run_may_be_without_problems() -> None:
    mixture = Mixture(NAMES, SIZES, "a=1@..40,b=0,c=0", num_steps=40)
    assert _taken(mixture, 40) == ["a"] * 40
