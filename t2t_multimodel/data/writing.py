"""The second pass over a split: its examples are made and written, shard by shard.

Shard k of n holds a range of the examples as they were listed, from k/n to (k+1)/n of
them. One process runs the generator and hands on chunks of examples, unmade; others
make them; the first writes what comes back, in order. So the bytes of a shard depend on
its examples alone, and only a few chunks are in memory at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.features import Feature, Stored, Text
from t2t_multimodel.data.index import ROW
from t2t_multimodel.data.listing import (
    LeftOut,
    Listing,
    SplitJob,
    chunk_size,
    listed,
    load,
)
from t2t_multimodel.data.records import FRAME_BYTES, framed
from t2t_multimodel.data.serialisation import make_records
from t2t_multimodel.data.shards import (
    MadeChunk,
    ShardInWriting,
    note_whole,
    rows_path,
)
from t2t_multimodel.data.skipped import Skipped
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Report


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some neighbouring examples of one shard, as the generator gave them.

    Attributes:
        job: Number of the split among those being made.
        shard: The shard that they go to.
        numbers: Numbers of the examples.
        values: Their values by feature.
        is_last: Whether the shard ends with them.
    """

    job: int
    shard: int
    numbers: list[int]
    values: dict[str, list[Any]]
    is_last: bool


def make_chunk(
    shared: tuple[Sequence[SplitJob], Path], chunk: Chunk, report: Report
) -> MadeChunk:
    """Loads, measures and serialises the examples of a chunk.

    Args:
        shared: All splits, and the file of the vocabulary.
        chunk: The examples.
        report: Asked whether to go on.
    """
    jobs, vocabulary_file = shared
    features = jobs[chunk.job].problem.features
    skipped = Skipped()
    stored = _stored(features, chunk, skipped, report)
    records = make_records(stored)
    rows = np.zeros(len(records), ROW)
    rows["size"] = list(map(len, records))
    rows["offset"] = np.cumsum(rows["size"] + FRAME_BYTES) - rows["size"] - FRAME_BYTES
    for key, feature in features.items():
        if isinstance(feature, Text):
            rows[key] = feature.lengths(stored[key], _vocabulary(vocabulary_file))
        else:
            rows[key] = list(map(feature.length, stored[key]))
    return MadeChunk(framed(records), rows, skipped)


def _stored(
    features: Mapping[str, Feature], chunk: Chunk, skipped: Skipped, report: Report
) -> Mapping[str, Sequence[Stored]]:
    """The values of a chunk in stored form, without examples that are left out."""
    if all(feature.is_short for feature in features.values()):
        report(0)
        with contextlib.suppress(ValueError, OSError):  # to be told one by one
            return {key: features[key].load_all(v) for key, v in chunk.values.items()}
    stored: dict[str, list[Stored]] = {key: [] for key in features}
    for done, number in enumerate(chunk.numbers):
        report(done)
        example = {key: values[done] for key, values in chunk.values.items()}
        try:
            loaded = load(features, example)
        except LeftOut as left_out:
            where = f"example {number}: {left_out}".removesuffix(": ")
            skipped.add(left_out.reason, where, left_out.is_fault)
            continue
        for key, value in loaded.items():
            stored[key].append(value)
    return stored


def chunks(
    job_number: int, job: SplitJob, listing: Listing, wanted: Sequence[int]
) -> Iterator[Chunk]:
    """The wanted shards of a split in chunks.

    Args:
        job_number: The split's number among those being made.
        job: The split.
        listing: What the first pass found.
        wanted: Numbers of the shards that are to be made, in ascending order.

    Raises:
        ValueError: The generator gives more or fewer examples than when it was listed.
    """
    features = job.problem.features
    size, examples = chunk_size(features), listed(job, Skipped(), listing.num_found)
    place = 0
    for shard in range(max(wanted, default=-1) + 1):
        end = listing.range_of(shard, job.num_shards).stop
        while True:  # at least once: a shard may be empty, and is a file all the same
            end_of_part = min(place + size, end)
            part = list(islice(examples, end_of_part - place))
            place += len(part)
            if place < end_of_part:
                raise _other_count(job, listing, place)
            if shard in wanted:
                numbers = [number for number, _ in part]
                values = {
                    key: [example[key] for _, example in part] for key in features
                }
                yield Chunk(job_number, shard, numbers, values, is_last=place == end)
            if place == end:
                break
    if place == listing.num_examples and next(examples, None) is not None:
        raise _other_count(job, listing, place + 1)


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """A shard that is made by itself, wherever that is.

    Attributes:
        job: The split.
        listing: What the first pass found.
        number: The shard's number.
        key: Identifies what decides the shard's bytes.
        folder: Where it is written to.
        vocabulary_file: The vocabulary.
    """

    job: SplitJob
    listing: Listing
    number: int
    key: str
    folder: Path
    vocabulary_file: Path


def write_shard(task: ShardTask) -> None:
    """Makes and writes one shard, and notes it as whole.

    Others may be making the same shard: nothing is there before it is whole.
    """
    shared = ((task.job,), task.vocabulary_file)
    with tempfile.TemporaryDirectory(prefix="attempt-", dir=task.folder) as attempt:
        shard = ShardInWriting(Path(attempt), task.job, task.number)
        try:
            for chunk in chunks(0, task.job, task.listing, [task.number]):
                shard.add(make_chunk(shared, chunk, lambda done: None))
            written = shard.finish()
        finally:
            shard.close()
        for file in (written.file.file, rows_path(Path(written.file.file)).name):
            (Path(attempt) / file).replace(task.folder / file)
    note_whole(task.folder, task.key, task.number, written)


def _other_count(job: SplitJob, listing: Listing, count: int) -> ValueError:
    more = "more" if count > listing.num_examples else f"only {count}"
    return ValueError(
        f"problem {job.problem.name}, split {job.split}: examples() gave "
        f"{listing.num_examples} examples when it was first run, and {more} the second "
        f"time; it must give the same ones each time"
    )


def _vocabulary(path: Path) -> Vocabulary:
    status = path.stat()
    return _load_vocabulary(path, (status.st_ino, status.st_mtime_ns))


@functools.lru_cache(maxsize=1)
def _load_vocabulary(path: Path, version: tuple[int, int]) -> Vocabulary:
    return Vocabulary.load(path)
