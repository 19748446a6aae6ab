"""The line through what was measured, and the largest batch that it lets through."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.training.doctor.fit import (
    Bucket,
    Line,
    Shape,
    largest_batch_cost,
    worst,
)

SIZES = st.integers(1, 10**6)


def bucket(batch_size: int, held: dict[int, float], cost: int = 1) -> Bucket:
    return Bucket(Shape(batch_size, "in", "out", cost, 1), held)


@given(st.floats(0, 1e9), st.floats(0, 1e9), SIZES, SIZES, SIZES)
def test_a_line_is_found_from_any_two_of_its_points(
    base: float, slope: float, first: int, more: int, x: int
) -> None:
    true = Line(base, slope)
    sizes = (first, first + more)
    found = Line.through({size: true.at(size) for size in sizes})
    assert found.at(x) == pytest.approx(true.at(x), rel=1e-3, abs=1.0)


def test_the_line_goes_through_the_largest_sizes() -> None:
    # 10 of gradients until the activations outgrow them: 4 an example.
    held = {size: max(10.0, 2.0 + 4.0 * size) for size in (1, 2, 8, 16)}
    assert Line.through(held).at(100) == pytest.approx(402.0)


def test_nothing_is_held_by_less_than_no_examples() -> None:
    # Measured of a step on text: 29.2 MB by 14 examples, 80.6 by 21, 107.7 by 28.
    assert Line.through({14: 29.2, 21: 80.6}).at(28) == pytest.approx(107.7, rel=0.01)


def test_memory_does_not_shrink_with_the_batch() -> None:
    assert Line.through({2: 11.0, 4: 10.0}).at(100) == 10.0


def test_one_point_counts_for_all_its_examples() -> None:
    assert Line.through({1: 7.0}).at(3) == 21.0
    with pytest.raises(ValueError, match="needs at least one point"):
        Line.through({})


@given(st.floats(0, 100), st.floats(0.01, 100), st.floats(0, 1e5))
def test_the_largest_fits_and_one_more_does_not(
    base: float, slope: float, most: float
) -> None:
    line = Line(base, slope)
    largest = line.largest(most)
    assert largest == 0 or line.at(largest) <= most * 1.001
    assert line.at(largest + 1) > most * 0.999


def test_on_a_level_all_fit_or_none() -> None:
    assert Line(5.0, 0.0).largest(6.0) == math.inf
    assert Line(5.0, 0.0).largest(4.0) == 0


def test_a_whole_batch_is_predicted_from_smaller_ones_alone() -> None:
    assert bucket(8, {2: 4.0, 4: 8.0, 8: 99.0}).predicted == 16.0
    assert bucket(1, {1: 3.0}).predicted == 3.0


def test_the_worst_bucket_is_the_one_that_holds_the_most() -> None:
    many_short = bucket(128, {32: 50.0, 64: 90.0})
    few_long = bucket(8, {2: 30.0, 4: 60.0})
    assert worst([few_long, many_short]) == 1
    assert worst([many_short, few_long]) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.floats(0.1, 10), st.integers(1, 50)),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 3000),
    st.floats(1, 1000),
)
def test_the_proposed_cost_is_the_largest_whose_batches_all_fit(
    lines: list[tuple[float, float, int]], cost: int, room: float
) -> None:
    buckets = []
    for base, slope, own_cost in lines:
        line, size = Line(base, slope), max(1, cost // own_cost)
        buckets.append(bucket(size, {n: line.at(n) for n in (1, size)}, own_cost))

    def fits(proposed: int) -> bool:
        return all(
            b.line.at(max(1, proposed // b.shape.cost)) <= room * (1 + 1e-6)
            for b in buckets
        )

    found = largest_batch_cost(buckets, room, cost)
    assert 0 <= found <= cost
    if found:
        assert fits(found)
        assert found == cost or not fits(found + 1)
    else:
        assert any(b.line.at(1) > room * (1 - 1e-6) for b in buckets)
