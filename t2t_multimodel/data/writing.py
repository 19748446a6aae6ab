"""The work of one process: one split of one problem, from its generator to shards.

Records hold what the corpus holds, so writing them needs no vocabulary. The lengths of
text are measured afterwards, once the vocabulary has been learned from the very texts
that went by (a bounded, seeded sample of them).
"""

from __future__ import annotations

import dataclasses
import random
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.features import Stored, Text
from t2t_multimodel.data.manifest import StoredFile
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.data.records import Index, ShardReader, ShardWriter, shard_name
from t2t_multimodel.data.stored import make_record, parse_record
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Report

SAMPLE_SIZE = 100_000
_SAMPLE_CHARACTERS = 1_000
_MEASURE_BATCH = 1_000


@dataclasses.dataclass(frozen=True)
class SplitJob:
    """One split to write.

    Attributes:
        problem: The problem.
        split: Its split.
        source_dir: The raw corpus.
        folder: Where the shards are written.
        num_shards: How many.
        max_examples: Where to stop; None: at the end.
        seed: Spreads the records over the shards and chooses the sample of texts.
    """

    problem: Problem
    split: str
    source_dir: Path
    folder: Path
    num_shards: int
    max_examples: int | None
    seed: int


@dataclasses.dataclass(frozen=True)
class WrittenSplit:
    """What came of a `SplitJob`; the lengths of text are still 0."""

    job: SplitJob
    shards: tuple[StoredFile, ...]
    index: Index
    skipped: dict[str, int]
    texts: tuple[str, ...]


def write_split(job: SplitJob, report: Report) -> WrittenSplit:
    """Runs a problem's generator over a split and writes the shards.

    Empty examples are skipped and counted.

    Raises:
        ValueError: An example is not what the features take (the message names
            problem, split, example and field), or there is none at all.
    """
    problem, features = job.problem, job.problem.features
    names = [
        shard_name(problem.name, job.split, number, job.num_shards)
        for number in range(job.num_shards)
    ]
    writers = [ShardWriter(job.folder / name) for name in names]
    shards, offsets, sizes = array("i"), array("q"), array("q")
    lengths = {key: array("i") for key in features}
    skipped: Counter[str] = Counter()
    sample = _Sample(random.Random(f"{job.seed} {problem.name}"), SAMPLE_SIZE)
    try:
        for stored in islice(_stored_examples(job, skipped), job.max_examples):
            place = len(shards)
            report(place)
            number = _shard_of(job, place)
            record = make_record(stored)
            shards.append(number)
            offsets.append(writers[number].write(record))
            sizes.append(len(record))
            for key, feature in features.items():
                is_text = isinstance(feature, Text)
                lengths[key].append(0 if is_text else feature.length(stored[key]))
                if isinstance(feature, Text) and job.split == "train":
                    for text in feature.texts(stored[key]):
                        sample.add(text)
    finally:
        digests = [writer.close() for writer in writers]
    if not shards:
        raise ValueError(
            f"problem {problem.name}: split {job.split} has no example"
            + (f" ({_told(skipped)})" if skipped else "")
            + (f"; source: {job.source_dir}" if problem.needs_source else "")
        )
    report(len(shards))
    return WrittenSplit(
        job=job,
        shards=tuple(
            StoredFile(name, writer.num_bytes, digest, writer.num_records)
            for name, writer, digest in zip(names, writers, digests, strict=True)
        ),
        index=Index(
            np.array(shards, np.int32),
            np.array(offsets, np.int64),
            np.array(sizes, np.int64),
            *(np.array(lengths[key], np.int32) for key in ("inputs", "targets")),
        ),
        skipped=dict(sorted(skipped.items())),
        texts=tuple(sample.texts),
    )


def measure_text(job: tuple[WrittenSplit, Path], report: Report) -> Index:
    """The index of a written split with the lengths of its text, in tokens.

    Args:
        job: The split and the file of the vocabulary.
        report: Told how many records are done.
    """
    written, vocabulary_file = job
    index, features = written.index, written.job.problem.features
    text_keys = [key for key, feature in features.items() if isinstance(feature, Text)]
    if not text_keys:
        return index
    vocabulary = Vocabulary.load(vocabulary_file)
    reader = ShardReader(tuple(written.job.folder / s.file for s in written.shards))
    lengths = {key: np.zeros(len(index), np.int32) for key in text_keys}
    for first in range(0, len(index), _MEASURE_BATCH):
        report(first)
        places = range(first, min(first + _MEASURE_BATCH, len(index)))
        rows = [
            parse_record(
                reader.read(
                    int(index.shard[place]),
                    int(index.offset[place]),
                    int(index.size[place]),
                ),
                features,
            )
            for place in places
        ]
        for key in text_keys:
            feature = features[key]
            assert isinstance(feature, Text)
            lengths[key][places.start : places.stop] = feature.lengths(
                [row[key] for row in rows], vocabulary
            )
    return dataclasses.replace(index, **lengths)


class _Sample:
    """A uniform sample of a stream of texts, of bounded size (a reservoir)."""

    def __init__(self, chance: random.Random, size: int) -> None:
        self._chance, self._size = chance, size
        self._num_seen = 0
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        self._num_seen += 1
        if len(self.texts) < self._size:
            self.texts.append(text[:_SAMPLE_CHARACTERS])
            return
        place = self._chance.randrange(self._num_seen)
        if place < self._size:
            self.texts[place] = text[:_SAMPLE_CHARACTERS]


def _stored_examples(job: SplitJob, skipped: Counter[str]) -> Any:
    """Yields examples in stored form; counts those it skips."""
    problem = job.problem
    for number, example in enumerate(problem.examples(job.split, job.source_dir)):
        if isinstance(example, Skip):
            skipped[example.reason] += 1
            continue
        where = f"problem {problem.name}, split {job.split}, example {number}"
        if not isinstance(example, Mapping):
            raise ValueError(f"{where} is not a dict but {type(example).__name__}")
        missing = [key for key in problem.features if key not in example]
        if missing:
            raise ValueError(f"{where} has no {missing[0]!r}; it has {list(example)}")
        example = {
            key: value.value() if isinstance(value, Later) else value
            for key, value in example.items()
        }
        empty = [key for key in problem.features if _is_empty(example[key])]
        if empty:
            skipped[f"empty {empty[0]}"] += 1
            continue
        stored: dict[str, Stored] = {}
        for key, feature in problem.features.items():
            try:
                stored[key] = feature.load(example[key])
            except ValueError as error:
                raise ValueError(f"{where}, {key}: {error}") from error
        yield stored


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, bytes):
        return not value
    return isinstance(value, np.ndarray) and value.size == 0


def _shard_of(job: SplitJob, place: int) -> int:
    """Deals records to shards in rounds, in an order drawn anew for every round."""
    if job.num_shards == 1 or job.split != "train":
        return place % job.num_shards
    round_number, turn = divmod(place, job.num_shards)
    key = zlib.crc32(f"{job.problem.name} {job.seed} {round_number}".encode())
    order = list(range(job.num_shards))
    random.Random(key).shuffle(order)
    return order[turn]


def _told(skipped: Mapping[str, int]) -> str:
    return ", ".join(f"skipped {count}: {why}" for why, count in skipped.items())
