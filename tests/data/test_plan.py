"""Plans of batches: each example in its place, little padding, few shapes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from t2t_multimodel.data.features import Audio, Image, Text
from t2t_multimodel.data.index import Index
from t2t_multimodel.data.plan import (
    BatchPlan,
    Bucket,
    best_bounds,
    in_order,
    make_buckets,
)


def _index(inputs: Sequence[int], targets: Sequence[int] | None = None) -> Index:
    zeros = np.zeros(len(inputs), np.int64)
    lengths = [np.array(x, np.int32) for x in (inputs, targets or inputs)]
    return Index(zeros, zeros, zeros, *lengths)


def _buckets(**changes: object) -> tuple[Bucket, ...]:
    lengths = np.random.default_rng(1).integers(1, 50, 203).tolist()
    given = {"batch_cost": 200, "num_buckets": 4, **changes}
    return make_buckets(_index(lengths), Text(), Text(), **given)  # type: ignore[arg-type]


def test_two_bounds_by_hand() -> None:
    # One bound at 1 and one at 10: 3 * 1 + 1 * 10 = 13; any other way costs more.
    assert best_bounds(np.array([1, 1, 1, 10]), 2).tolist() == [1, 10]
    # {2, 3} to 3 and {9} to 9: 15; {2} and {3, 9} would cost 20.
    assert best_bounds(np.array([2, 3, 9]), 2).tolist() == [3, 9]


@pytest.mark.parametrize("num_buckets", [1, 2, 3, 4, 9])
def test_no_other_bounds_pad_less(num_buckets: int) -> None:
    def padded(costs: np.ndarray, bounds: Sequence[int]) -> int:
        return sum(min(b for b in bounds if b >= cost) for cost in costs)

    for seed in range(5):
        costs = np.random.default_rng(seed).integers(1, 9, 12)
        values = np.unique(costs)
        found = best_bounds(costs, num_buckets)
        assert len(found) <= num_buckets and found[-1] == values[-1]
        others = itertools.chain.from_iterable(
            itertools.combinations(values[:-1], count) for count in range(num_buckets)
        )
        least = min(padded(costs, (*other, values[-1])) for other in others)
        assert padded(costs, found.tolist()) == least


def test_many_different_costs_are_bounded_too() -> None:
    costs = np.random.default_rng(0).integers(1, 100_000, 5_000)
    bounds = best_bounds(costs, 4)
    assert len(bounds) == 4 and bounds[-1] == costs.max()


def test_a_bucket_holds_what_fits_its_lengths_and_its_cost() -> None:
    index = _index([3, 4, 30, 31], [7, 2, 9, 17])
    small, large = make_buckets(index, Text(), Text(), batch_cost=64, num_buckets=2)
    assert small.places.tolist() == [0, 1] and large.places.tolist() == [2, 3]
    assert (small.inputs_length, small.targets_length) == (4, 8)
    assert (large.inputs_length, large.targets_length) == (32, 20)
    # 64 // 8 = 8, but there are only two; 64 // 32 = 2.
    assert (small.batch_size, large.batch_size) == (2, 2)


def test_costs_are_counted_in_tokens_whatever_the_kind() -> None:
    index = _index([160 * 160] * 50, [10] * 50)  # 160 frames of 10 ms
    (spoken,) = make_buckets(index, Audio(), Text(), batch_cost=400, num_buckets=4)
    assert spoken.batch_size == 400 // (160 // 4)
    index = _index([1] * 50, [10] * 50)
    (seen,) = make_buckets(index, Image(64, 64), Text(), batch_cost=400, num_buckets=4)
    assert seen.batch_size == 400 // 32


def test_an_example_beyond_the_cost_makes_a_batch_of_one() -> None:
    (bucket,) = make_buckets(_index([500]), Text(), Text(), 100, 4)
    assert (bucket.batch_size, bucket.num_batches) == (1, 1)


def test_batch_sizes_suit_the_number_of_replicas() -> None:
    for bucket in _buckets(multiple_of=3):
        assert bucket.batch_size % 3 == 0
    (bucket,) = make_buckets(_index([4]), Text(), Text(), 100, 1, multiple_of=2)
    plan = BatchPlan([bucket], [0])
    assert plan.batch(0).places.tolist() == [0, 0]


def test_an_epoch_holds_every_example_and_few_twice() -> None:
    plan = BatchPlan(_buckets(), [5])
    for epoch in range(3):
        first = epoch * plan.batches_per_epoch
        batches = [plan.batch(first + n) for n in range(plan.batches_per_epoch)]
        assert {batch.epoch for batch in batches} == {epoch}
        seen = np.bincount(np.concatenate([b.places for b in batches]), minlength=203)
        assert seen.min() == 1 and seen.max() <= 2
        assert seen.sum() - 203 < sum(b.batch_size for b in plan.buckets)


def test_there_are_as_many_shapes_as_buckets() -> None:
    plan = BatchPlan(_buckets(), [5])
    batches = [plan.batch(n) for n in range(plan.batches_per_epoch)]
    shapes = {(len(b.places), b.inputs_length, b.targets_length) for b in batches}
    assert len(shapes) == len(plan.buckets) == 4


def test_the_order_is_a_function_of_seed_and_number() -> None:
    def places(seed: int, numbers: Sequence[int]) -> list[list[int]]:
        plan = BatchPlan(_buckets(), [seed])
        return [plan.batch(n).places.tolist() for n in numbers]

    forwards = places(5, range(200))
    assert places(5, range(199, -1, -1)) == forwards[::-1]
    assert places(5, [150]) == [forwards[150]]
    assert places(6, range(200)) != forwards
    per_epoch = BatchPlan(_buckets(), [5]).batches_per_epoch
    assert forwards[:per_epoch] != forwards[per_epoch : 2 * per_epoch]


def test_evaluation_takes_each_example_once_cheapest_first() -> None:
    batches = in_order(_buckets())
    seen = np.concatenate([batch.places for batch in batches])
    assert sorted(seen.tolist()) == list(range(203))
    lengths = [batch.inputs_length for batch in batches]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("name", ["batch_cost", "num_buckets", "multiple_of"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0.*at least 1"):
        _buckets(**{name: 0})
