"""From a data directory to batches of tensors.

A plan (see `plan.py`) says which records make up batch n; here they are read by their
place, and parsed, tokenised and decoded in a `tf.data` graph, side by side, in order.
So the stream of batches is a pure function of the seed, and starts anywhere at once.
"""

from __future__ import annotations

import dataclasses
import logging
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.batch_records import BatchRecords, records_of
from t2t_multimodel.data.plan import BatchPlan, PlannedBatch, in_order, make_buckets
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.data.vocabulary import Vocabulary

# Batches ready ahead of their use; more would only hold memory.
_PREFETCH = 2
_ENDLESS = 2**62

_log = logging.getLogger(__name__)


class BatchStream:
    """The endless training batches of one problem.

    Args:
        problem: The problem.
        data_dir: Where it was generated.
        vocabulary: The data directory's; may be None where the problem has no text.
        split: Which split.
        batch_cost: What a padded batch may cost, about: in tokens (see `plan.py`).
        max_length: Longer examples are left out: tokens of text, 10 ms frames of
            sound; None: all are kept.
        num_buckets: How many different shapes of batches there may be.
        seed: Decides order and augmentation.
        num_replicas: Batch sizes are multiples of it.
        part: Which part of every batch to read, and in how many parts batches are cut:
            a worker of several reads only its own examples. A part may be empty.
        max_examples: How many examples to use; None: all. Which ones depends on no
            seed, and fewer are a part of more.

    Attributes:
        num_examples: Examples in use.
        num_dropped: Examples left out as too long.
        batches_per_epoch: Batches that hold each example at least once.

    Raises:
        FileNotFoundError: The problem was not generated there.
        ValueError: Its files are damaged, it was made with another vocabulary, or all
            examples are too long, or too few are left.
    """

    def __init__(
        self,
        problem: Problem,
        data_dir: str | Path,
        vocabulary: Vocabulary | None,
        split: str = "train",
        batch_cost: int = 2048,
        max_length: int | None = None,
        num_buckets: int = 4,
        seed: int = 0,
        num_replicas: int = 1,
        part: tuple[int, int] = (0, 1),
        max_examples: int | None = None,
    ) -> None:
        self._data = _open(problem, data_dir, vocabulary, split)
        self._vocabulary = vocabulary
        places = _short_enough(self._data, max_length)
        self.num_dropped = len(self._data) - len(places)
        if self.num_dropped:
            _log.info(
                "%s: %d of %d %s examples are longer than %d and left out",
                problem.name,
                self.num_dropped,
                len(self._data),
                split,
                max_length,
            )
        if not len(places):
            raise ValueError(
                f"problem {problem.name}: all {len(self._data)} {split} examples are "
                f"longer than max_length={max_length}"
            )
        if max_examples is not None:
            places = _some(places, max_examples, problem.name)
        self.num_examples = len(places)
        name_seed = zlib.crc32(f"{problem.name}-{split}".encode())
        self._seed = (seed, name_seed)
        self.plan = BatchPlan(
            make_buckets(
                self._data.index,
                problem.inputs,
                problem.targets,
                batch_cost,
                num_buckets,
                num_replicas,
                places,
            ),
            self._seed,
        )
        self.batches_per_epoch = self.plan.batches_per_epoch
        self._part = part

    def epoch_of(self, batch: int) -> int:
        """The epoch in which the batch of a number lies, from 0."""
        return self.plan.epoch_of(batch)

    def records_of(self, batch: int) -> BatchRecords:
        """Which records the batch of a number holds, by file and number."""
        return records_of(self._data, self.plan.batch(batch))

    def dataset(
        self, first_batch: int = 0, num_batches: int | None = None
    ) -> tf.data.Dataset:
        """Batches from number `first_batch` on, without end by default.

        Yields:
            Dicts of tensors as docs/architecture.md has them.
        """
        end = _ENDLESS if num_batches is None else first_batch + num_batches
        numbers = tf.data.Dataset.range(first_batch, end)
        return _batches(
            numbers, self._data, self._vocabulary, self._own_part, self._seeds
        )

    def bucket_batch(self, number: int) -> dict[str, tf.Tensor]:
        """A whole batch of the bucket of a number, whatever the order of the data."""
        bucket = self.plan.buckets[number]
        planned = PlannedBatch(
            np.resize(bucket.places, bucket.batch_size),
            bucket.inputs_length,
            bucket.targets_length,
            epoch=0,
        )
        one = _batches(
            tf.data.Dataset.range(1),
            self._data,
            self._vocabulary,
            lambda _: planned,
            self._seeds,
        )
        return dict(next(iter(one)))

    def _own_part(self, number: int) -> PlannedBatch:
        return self.plan.batch(number).part(*self._part)

    def _seeds(self, batch: PlannedBatch) -> np.ndarray:
        """A seed per example that differs between epochs, int32 `[B, 2]`."""
        epoch_seed = zlib.crc32(repr((*self._seed, batch.epoch)).encode())
        seeds = np.empty((len(batch.places), 2), np.int64)
        seeds[:, 0], seeds[:, 1] = epoch_seed, batch.places
        return (seeds & 0x7FFFFFFF).astype(np.int32)


def eval_batches(
    problem: Problem,
    data_dir: str | Path,
    vocabulary: Vocabulary | None,
    split: str = "dev",
    batch_cost: int = 2048,
    max_examples: int | None = None,
    num_buckets: int = 8,
) -> tf.data.Dataset:
    """Each example of a split exactly once, in batches of like lengths.

    Args:
        problem: The problem.
        data_dir: Where it was generated.
        vocabulary: The data directory's; may be None where the problem has no text.
        split: Which split.
        batch_cost: What a padded batch may cost, about: in tokens (see `plan.py`).
        max_examples: Only so many, from the beginning of the split.
        num_buckets: How many different lengths there may be.

    Returns:
        A finite dataset of dicts as docs/architecture.md has them, `index` included.
    """
    data = _open(problem, data_dir, vocabulary, split)
    count = len(data) if max_examples is None else min(max_examples, len(data))
    buckets = make_buckets(
        data.index,
        problem.inputs,
        problem.targets,
        batch_cost,
        num_buckets,
        places=np.arange(count, dtype=np.int64),
    )
    planned = in_order(buckets)
    numbers = tf.data.Dataset.range(len(planned))
    return _batches(numbers, data, vocabulary, planned.__getitem__, None)


def raw_examples(
    problem: Problem,
    data_dir: str | Path,
    split: str = "dev",
    max_examples: int | None = None,
) -> list[dict[str, Any]]:
    """The examples of a split as the corpus has them, for scoring.

    Returns:
        In the order of the batches' `index`: `{"inputs": ..., "targets": ...}` with
        text as str, an image as the bytes of its file, sound as int16 samples, a label
        as its number. Each goes through the feature's `load` again.
    """
    data = StoredSplit(problem, data_dir, split)
    count = len(data) if max_examples is None else min(max_examples, len(data))
    return [data.raw(place) for place in range(count)]


def _open(
    problem: Problem, data_dir: str | Path, vocabulary: Vocabulary | None, split: str
) -> StoredSplit:
    data = StoredSplit(problem, data_dir, split)
    if vocabulary is not None:
        data.manifest.check_vocabulary(Path(data_dir), vocabulary.fingerprint)
    return data


def _short_enough(data: StoredSplit, max_length: int | None) -> np.ndarray:
    """Places of the examples that are not too long, int64 `[N]`."""
    if max_length is None:
        return np.arange(len(data), dtype=np.int64)
    problem, index = data.problem, data.index
    extents = np.maximum(
        problem.inputs.extent(index.inputs), problem.targets.extent(index.targets)
    )
    return np.flatnonzero(extents <= max_length).astype(np.int64)


def _some(places: np.ndarray, count: int, name: str) -> np.ndarray:
    """So many of the places, drawn from all over the split, in its order."""
    if count > len(places):
        raise ValueError(
            f"problem {name}: {count} training examples are asked for, but it has "
            f"{len(places)}"
        )
    drawn = np.random.default_rng(0).permutation(len(places))[:count]
    return places[np.sort(drawn)]


def _batches(
    numbers: tf.data.Dataset,
    data: StoredSplit,
    vocabulary: Vocabulary | None,
    plan: Callable[[int], PlannedBatch],
    seeds: Callable[[PlannedBatch], np.ndarray] | None,
) -> tf.data.Dataset:
    """Batches by number. Without `seeds` nothing is augmented and `index` is added."""
    features = data.problem.features

    def read(number: np.ndarray) -> tuple[np.ndarray, ...]:
        batch = plan(int(number))
        size = np.array(len(batch.places), np.int32)
        if not size:
            # Pictures cannot be decoded as a batch of none: one is, and is cut off.
            batch = dataclasses.replace(batch, places=np.zeros(1, np.int64))
        records = np.array([data.read(int(place)) for place in batch.places], object)
        lengths = np.array([batch.inputs_length, batch.targets_length], np.int32)
        none = np.zeros((len(batch.places), 2), np.int32)
        return records, batch.places, lengths, seeds(batch) if seeds else none, size

    @tf.autograph.experimental.do_not_convert
    def make(number: tf.Tensor) -> dict[str, tf.Tensor]:
        records_B, places_B, lengths_2, seeds_B2, size = tf.numpy_function(
            read, [number], [tf.string, tf.int64, tf.int32, tf.int32, tf.int32]
        )
        size = tf.ensure_shape(size, [])
        records_B = tf.ensure_shape(records_B, [None])
        lengths_2 = tf.ensure_shape(lengths_2, [2])
        seeds_B2 = tf.ensure_shape(seeds_B2, [None, 2])
        specs = {
            data.fields[key]: tf.io.FixedLenFeature([], feature.storage)
            for key, feature in features.items()
        }
        stored = tf.io.parse_example(records_B, specs)
        batch: dict[str, tf.Tensor] = {}
        for side, (key, feature) in enumerate(features.items()):
            batch |= feature.tensors(
                key,
                stored[data.fields[key]],
                vocabulary,
                lengths_2[side],
                seeds_B2 if seeds else None,
            )
        if seeds is None:
            batch["index"] = tf.ensure_shape(places_B, [None])
        return {key: value[:size] for key, value in batch.items()}

    batches = numbers.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.prefetch(_PREFETCH)
