"""The second pass over a split: its examples are made and written, shard by shard.

Shard k of n holds a range of the examples as they were listed, from k/n to (k+1)/n of
them. One process runs the generator and hands on chunks of examples, unmade; others
make them; the first writes what comes back, in order. So the bytes of a shard depend on
its examples alone, and only a few chunks are in memory at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from t2t_multimodel.data.features import ClassLabel, Feature, Stored, Text
from t2t_multimodel.data.index import ROW
from t2t_multimodel.data.listing import (
    Example,
    LeftOut,
    Listing,
    SplitJob,
    listed,
    load,
)
from t2t_multimodel.data.records import FRAME_BYTES, framed
from t2t_multimodel.data.serialisation import make_record
from t2t_multimodel.data.shards import (
    MadeChunk,
    ShardInWriting,
    note_whole,
    rows_path,
)
from t2t_multimodel.data.skipped import Skipped
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Report

# Examples of a chunk: of short ones many, or sending them would cost the most.
_SHORT_CHUNK, _LONG_CHUNK = 512, 16


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some neighbouring examples of one shard, as the generator gave them.

    Attributes:
        job: Number of the split among those being made.
        shard: The shard that they go to.
        examples: The examples with their numbers.
        is_last: Whether the shard ends with them.
    """

    job: int
    shard: int
    examples: list[tuple[int, Example]]
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
    report_every = 64 if _is_short(features) else 1
    stored: list[dict[str, Stored]] = []
    skipped = Skipped()
    for number, example in chunk.examples:
        if number % report_every == 0:
            report(len(stored))
        try:
            stored.append(load(features, example))
        except LeftOut as left_out:
            where = f"example {number}: {left_out}".removesuffix(": ")
            skipped.add(left_out.reason, where, left_out.is_fault)
    records = [make_record(example) for example in stored]
    rows = np.zeros(len(records), ROW)
    rows["size"] = [len(record) for record in records]
    rows["offset"] = np.cumsum(rows["size"] + FRAME_BYTES) - rows["size"] - FRAME_BYTES
    for key, feature in features.items():
        values = [example[key] for example in stored]
        if isinstance(feature, Text):
            rows[key] = feature.lengths(values, _vocabulary(vocabulary_file))
        else:
            rows[key] = [feature.length(value) for value in values]
    return MadeChunk(b"".join(map(framed, records)), rows, skipped)


def chunks(
    number: int, job: SplitJob, listing: Listing, wanted: Sequence[int]
) -> Iterator[Chunk]:
    """The wanted shards of a split in chunks.

    Args:
        number: The split's number among those being made.
        job: The split.
        listing: What the first pass found.
        wanted: Numbers of the shards that are to be made, in ascending order.

    Raises:
        ValueError: The generator gives more or fewer examples than when it was listed.
    """
    size = _SHORT_CHUNK if _is_short(job.problem.features) else _LONG_CHUNK
    examples = listed(job, Skipped())
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
                yield Chunk(number, shard, part, is_last=place == end)
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


def _is_short(features: Mapping[str, Feature]) -> bool:
    """Whether examples take few bytes and little time."""
    kinds = (Text, ClassLabel)
    return all(isinstance(feature, kinds) for feature in features.values())


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
