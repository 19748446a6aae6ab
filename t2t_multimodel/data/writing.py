"""The second pass over a split: its examples are made and written, shard by shard.

Shard k of n holds a range of the examples as they were listed, from k/n to (k+1)/n of
them. One process runs the generator and hands on chunks of examples, unmade; others
make them; the first writes what comes back, in order. So the bytes of a shard depend on
its examples alone, and only a few chunks are in memory at any time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
from t2t_multimodel.data.manifest import StoredFile
from t2t_multimodel.data.records import FRAME_BYTES, ShardWriter, framed, shard_name
from t2t_multimodel.data.serialisation import make_record
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


@dataclasses.dataclass(frozen=True)
class MadeChunk:
    """Records of a chunk.

    Attributes:
        frames: The framed records, one behind the other.
        rows: Of the index, offsets counted from the chunk's first byte.
        skipped: What was left out.
    """

    frames: bytes
    rows: np.ndarray
    skipped: Skipped


@dataclasses.dataclass(frozen=True)
class WrittenShard:
    """A shard that is done; a file of rows lies beside it.

    Attributes:
        file: The shard's file.
        skipped: What was left out of it.
    """

    file: StoredFile
    skipped: Skipped

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "file": dataclasses.asdict(self.file),
            "skipped": self.skipped.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WrittenShard:
        """The inverse of `to_dict`."""
        return cls(StoredFile(**data["file"]), Skipped.from_dict(data["skipped"]))


class ShardInWriting:
    """A shard and the file of its rows while they are being written.

    Args:
        folder: Where both go.
        job: The split.
        number: The shard's number.
    """

    def __init__(self, folder: Path, job: SplitJob, number: int) -> None:
        path = folder / shard_name(job.problem.name, job.split, number, job.num_shards)
        self._writer = ShardWriter(path)
        self._rows_file = rows_path(path).open("wb")
        self._skipped = Skipped()

    def add(self, made: MadeChunk) -> None:
        """Appends the records of a chunk."""
        rows = made.rows.copy()
        rows["offset"] += self._writer.write_frames(made.frames, len(rows))
        self._rows_file.write(rows.tobytes())
        self._skipped.update(made.skipped)

    def finish(self) -> WrittenShard:
        """Closes both files, which are then whole."""
        self._rows_file.close()
        return WrittenShard(self._writer.finish(), self._skipped)

    def close(self) -> None:
        """Closes both files as they are."""
        self._rows_file.close()
        self._writer.close()


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
        is_wanted = shard in wanted
        part: list[tuple[int, Example]] = []
        while place < end:
            try:
                example = next(examples)
            except StopIteration:
                raise _other_count(job, listing, place) from None
            place += 1
            if is_wanted:
                part.append(example)
                if len(part) == size and place < end:
                    yield Chunk(number, shard, part, is_last=False)
                    part = []
        if is_wanted:
            yield Chunk(number, shard, part, is_last=True)
    if place == listing.num_examples and next(examples, None) is not None:
        raise _other_count(job, listing, place + 1)


def rows_path(shard: Path) -> Path:
    """Where the rows of a shard's index lie while its split is being written."""
    return shard.with_name(f"{shard.name}.rows")


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
