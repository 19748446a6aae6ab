"""Which records a training batch holds, in words that lead to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from t2t_multimodel.data.plan import PlannedBatch
from t2t_multimodel.data.stored import StoredSplit


@dataclasses.dataclass(frozen=True)
class BatchRecords:
    """The records of one batch.

    Attributes:
        places: Their places in the split, as evaluation's `index` counts them.
        files: For each shard's file the numbers, from 0, of the records in it.
        inputs_length, targets_length: What they are padded to, in units of the index:
            tokens of text, samples of sound; 1 for labels.
    """

    places: tuple[int, ...]
    files: Mapping[str, tuple[int, ...]]
    inputs_length: int
    targets_length: int

    @property
    def bucket(self) -> str:
        """The shape of the batch, in words."""
        return (
            f"{len(self.places)} examples padded to {self.inputs_length} inputs and "
            f"{self.targets_length} targets"
        )

    def listed(self, at_most: int) -> str:
        """Files and numbers in one line, the first so many."""
        parts, left = [], at_most
        for file, numbers in self.files.items():
            if left > 0:
                shown = ", ".join(map(str, numbers[:left]))
                parts.append(f"{file}: {shown}")
                left -= len(numbers)
        more = len(self.places) - at_most
        return "; ".join(parts) + (f" and {more} more" if more > 0 else "")


def records_of(data: StoredSplit, batch: PlannedBatch) -> BatchRecords:
    """The records of a batch of a split."""
    places = [int(place) for place in batch.places]
    shard_N = data.index.shard
    shards = data.manifest.splits[data.split].shards
    files: dict[str, list[int]] = {}
    for place in sorted(set(places)):
        shard = int(shard_N[place])
        first = int(np.searchsorted(shard_N, shard))
        files.setdefault(shards[shard].file, []).append(place - first)
    return BatchRecords(
        tuple(places),
        {file: tuple(numbers) for file, numbers in files.items()},
        batch.inputs_length,
        batch.targets_length,
    )
