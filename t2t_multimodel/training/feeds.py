"""The batches of every problem, each read ahead of its use.

A problem's n-th batch is a function of the seed, so a run that goes on opens each
stream where the mixture says that it stood.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Protocol

import tensorflow as tf


class Stream(Protocol):
    """What feeds need of `data.pipeline.BatchStream`."""

    def dataset(
        self, first_batch: int = 0, num_batches: int | None = None
    ) -> tf.data.Dataset:
        """Batches from number `first_batch` on, without end by default."""


class Feeds:
    """One iterator a problem.

    Args:
        streams: The problems' streams.
        positions: How many batches of each were taken before.

    Attributes:
        specs: What each problem's batches look like.
        positions: How many batches of each problem were taken in all.
        seconds_waited: How long `next_batch` has waited for input so far.
    """

    def __init__(
        self, streams: Mapping[str, Stream], positions: Mapping[str, int]
    ) -> None:
        self.positions = {name: positions.get(name, 0) for name in streams}
        datasets = {
            name: _modest(
                stream.dataset(first_batch=self.positions[name]), len(streams)
            )
            for name, stream in streams.items()
        }
        self.specs = {name: data.element_spec for name, data in datasets.items()}
        self.seconds_waited = 0.0
        self._iterators = {name: iter(data) for name, data in datasets.items()}

    def next_batch(self, problem: str) -> dict[str, Any]:
        """The problem's next batch."""
        start = time.perf_counter()
        batch = next(self._iterators[problem])
        self.seconds_waited += time.perf_counter() - start
        self.positions[problem] += 1
        return dict(batch)


def _modest(dataset: tf.data.Dataset, num_streams: int) -> tf.data.Dataset:
    """Its share of the processor's cores as threads, two at least.

    Many streams share the processor with the model: more would only get in its way.
    """
    options = tf.data.Options()
    options.deterministic = True
    share = (os.cpu_count() or 1) // num_streams
    options.threading.private_threadpool_size = max(2, share)
    options.threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)
