"""Which records make up which batch: a pure function of index, seed and number.

Examples are grouped into a few buckets of about equal cost, so that little is padded
and there are few shapes. An epoch is a seeded permutation within every bucket, cut into
batches, and a seeded permutation of those batches. Batch n is known without batch n-1.

The cost of an example is the larger one of the padded costs of its inputs and targets
(`Feature.cost`, about: in tokens); a batch holds `batch_cost // cost` examples of its
bucket's padded cost, at least one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from t2t_multimodel.data.features import Feature
from t2t_multimodel.data.index import Index

_MAX_CANDIDATES = 512


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Examples that are padded to the same lengths.

    Attributes:
        places: Their places in the split, int64 `[N]`.
        inputs_length: Length to which their inputs are padded.
        targets_length: Length to which their targets are padded.
        batch_size: Examples in a batch.
    """

    places: np.ndarray
    inputs_length: int
    targets_length: int
    batch_size: int

    @property
    def num_batches(self) -> int:
        """Batches that hold each example at least once."""
        return -(-len(self.places) // self.batch_size)


@dataclasses.dataclass(frozen=True)
class PlannedBatch:
    """What one batch holds: places int64 `[B]`, and the lengths to pad to."""

    places: np.ndarray
    inputs_length: int
    targets_length: int
    epoch: int

    def part(self, index: int, count: int) -> PlannedBatch:
        """Part `index` (from 0) of `count` that are as equal as can be, and in order.

        Where there are more parts than examples some are empty.
        """
        size = len(self.places)
        start, end = size * index // count, size * (index + 1) // count
        return dataclasses.replace(self, places=self.places[start:end])


def make_buckets(
    index: Index,
    inputs: Feature,
    targets: Feature,
    batch_cost: int,
    num_buckets: int,
    multiple_of: int = 1,
    places: np.ndarray | None = None,
) -> tuple[Bucket, ...]:
    """Groups examples so that the least is padded.

    Args:
        index: Of the split.
        inputs: The problem's inputs.
        targets: The problem's targets.
        batch_cost: What a batch may cost.
        num_buckets: How many buckets at most.
        multiple_of: Batch sizes are multiples of this (the number of replicas).
        places: Which examples, int64 `[N]`; all by default.

    Raises:
        ValueError: A number is not positive, or there are no examples.
    """
    if min(batch_cost, num_buckets, multiple_of) < 1:
        raise ValueError(
            f"batch_cost={batch_cost}, num_buckets={num_buckets}, "
            f"multiple_of={multiple_of}: each must be at least 1"
        )
    if places is None:
        places = np.arange(len(index), dtype=np.int64)
    if not len(places):
        raise ValueError("there are no examples to make batches of")
    inputs_N = _round_up(index.inputs[places], inputs.multiple)
    targets_N = _round_up(index.targets[places], targets.multiple)
    costs_N = np.maximum(inputs.cost(inputs_N), targets.cost(targets_N))
    bounds = best_bounds(costs_N, num_buckets)
    buckets = []
    for bucket_number in range(len(bounds)):
        members = np.searchsorted(bounds, costs_N) == bucket_number
        inputs_length = int(inputs_N[members].max())
        targets_length = int(targets_N[members].max())
        cost = max(inputs.cost(inputs_length), targets.cost(targets_length))
        size = max(1, batch_cost // cost // multiple_of) * multiple_of
        most = _round_up(np.sum(members), multiple_of)
        buckets.append(
            Bucket(places[members], inputs_length, targets_length, min(size, int(most)))
        )
    return tuple(buckets)


def best_bounds(costs_N: np.ndarray, num_buckets: int) -> np.ndarray:
    """Upper bounds of at most `num_buckets` buckets with the least padded cost in all.

    Found exactly, by dynamic programming over the distinct costs (over 512 of them at
    equal distances in rank, where there are more).

    Returns:
        Ascending bounds; the last one is the largest cost.
    """
    values, counts = np.unique(costs_N, return_counts=True)
    if len(values) > _MAX_CANDIDATES:
        ranks = np.linspace(0, len(costs_N) - 1, _MAX_CANDIDATES).astype(int)
        values = np.unique(np.sort(costs_N)[ranks])
        counts = np.bincount(np.searchsorted(values, costs_N), minlength=len(values))
    # total[j]: the number of examples up to value j; least[j]: the least padded cost
    # of those with the buckets used so far, the last of them ending at value j.
    total = np.cumsum(counts).astype(np.float64)
    ends = np.arange(len(values))
    ends_after = ends[:, None] < ends[None, :]  # [i, j]: a bucket from above i to j
    bucket_cost = (total[None, :] - total[:, None]) * values[None, :]
    bucket_cost = np.where(ends_after, bucket_cost, np.inf)
    least = total * values
    previous = [np.full(len(values), -1)]
    for _ in range(min(num_buckets, len(values)) - 1):
        candidates = least[:, None] + bucket_cost
        best = np.argmin(candidates, axis=0)
        found = np.min(candidates, axis=0)
        # Fewer buckets may do as well, where values are few.
        previous.append(np.where(found < least, best, -2))
        least = np.minimum(found, least)
    bounds, end, level = [], len(values) - 1, len(previous) - 1
    while end >= 0:
        while previous[level][end] == -2:
            level -= 1
        bounds.append(values[end])
        end, level = int(previous[level][end]), level - 1
    return np.array(bounds[::-1])


class BatchPlan:
    """The endless sequence of training batches.

    An epoch holds every example at least once: a bucket's last batch is filled up with
    the bucket's first examples, so that all its batches have one shape.

    Args:
        buckets: The examples.
        seed: Any integers that decide the order.
    """

    def __init__(self, buckets: Sequence[Bucket], seed: Sequence[int]) -> None:
        self.buckets = tuple(buckets)
        self._seed = tuple(seed)
        counts = [bucket.num_batches for bucket in self.buckets]
        self._bucket_of = np.repeat(np.arange(len(counts)), counts)
        self._first = np.cumsum([0, *counts[:-1]])
        self.batches_per_epoch = sum(counts)
        # Batches are read side by side, from at most two epochs at a time.
        self._order = functools.lru_cache(maxsize=2)(self._make_order)

    def epoch_of(self, number: int) -> int:
        """The epoch in which a batch lies, from 0."""
        return number // self.batches_per_epoch

    def batch(self, number: int) -> PlannedBatch:
        """What the batch of a number (from 0) holds."""
        epoch, turn = divmod(number, self.batches_per_epoch)
        batches, examples = self._order(epoch)
        slot = int(batches[turn])
        bucket_number = int(self._bucket_of[slot])
        bucket = self.buckets[bucket_number]
        first = (slot - int(self._first[bucket_number])) * bucket.batch_size
        turns = np.arange(first, first + bucket.batch_size) % len(bucket.places)
        return PlannedBatch(
            bucket.places[examples[bucket_number][turns]],
            bucket.inputs_length,
            bucket.targets_length,
            epoch,
        )

    def _make_order(self, epoch: int) -> tuple[np.ndarray, list[np.ndarray]]:
        chance = np.random.default_rng([*self._seed, epoch])
        batches = chance.permutation(self.batches_per_epoch)
        return batches, [chance.permutation(len(b.places)) for b in self.buckets]


def in_order(buckets: Sequence[Bucket]) -> list[PlannedBatch]:
    """Batches that hold each example exactly once, cheapest first, for evaluation."""
    return [
        PlannedBatch(
            bucket.places[first : first + bucket.batch_size],
            bucket.inputs_length,
            bucket.targets_length,
            epoch=0,
        )
        for bucket in buckets
        for first in range(0, len(bucket.places), bucket.batch_size)
    ]


def _round_up(lengths: np.ndarray, multiple: int) -> np.ndarray:
    return -(-lengths.astype(np.int64) // multiple) * multiple
