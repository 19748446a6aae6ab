"""Reading all records of a problem: are they whole, and does none stand in two splits.

Shards are read side by side. A record is compared by a hash of its bytes; those of dev
and test are held in memory, eight bytes each, those of train never are.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from t2t_multimodel.data.features import Feature
from t2t_multimodel.data.index import Index
from t2t_multimodel.data.manifest import Manifest, sha256_of
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.records import scan
from t2t_multimodel.data.serialisation import parse_record
from t2t_multimodel.data.workers import Report, Workers

_SPLITS = ("dev", "test", "train")
_HASH_BYTES = 8
_REPORT_EVERY = 100
# Less than this is read before a second process has started.
_FEW_BYTES = 50_000_000


@dataclasses.dataclass(frozen=True)
class Repeated:
    """Examples that are in two splits with the same inputs and targets.

    Attributes:
        split: One split.
        other: The other one.
        count: Examples of `split` that `other` has as well.
        first: Places of the first of them, in `split` and in `other`.
    """

    split: str
    other: str
    count: int
    first: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"{self.count} examples of {self.split} are in {self.other} as well, the "
            f"first: {self.split} {self.first[0]}, {self.other} {self.first[1]}"
        )


def check_records(
    problem: Problem,
    data_dir: Path,
    manifest: Manifest,
    has_values: bool,
    num_workers: int,
    progress: Callable[[str, int, int | None], None],
) -> tuple[Repeated, ...]:
    """Reads every record.

    Args:
        problem: The problem, as it was when its data was made.
        data_dir: Where it lies.
        manifest: Its manifest.
        has_values: Whether values are looked at as well: text is UTF-8, an image can be
            decoded, sound has samples, a label is a class.
        num_workers: Processes.
        progress: Called with a stage and the records read and to be read in it.

    Returns:
        What is in two splits.

    Raises:
        ValueError: The first fault found; the message names file and record.
    """
    jobs = [
        _Shard(split, number, has_values)
        for split in _SPLITS
        if split in manifest.splits
        for number in range(len(manifest.splits[split].shards))
    ]
    held_out = [job for job in jobs if job.split != "train"]
    train = [job for job in jobs if job.split == "train"]
    sizes = [manifest.splits[job.split].shards[job.number].examples for job in jobs]
    counts = [0] * len(jobs)

    def told(number: int, done: int, first: int = 0) -> None:
        counts[first + number] = done
        progress(f"checking {problem.name}", sum(counts), sum(sizes))

    for entry in manifest.splits.values():
        path = data_dir / entry.index.file
        _check_digest(path, sha256_of(path), entry.index.sha256)
    num_bytes = sum(s.bytes for split in manifest.splits.values() for s in split.shards)
    num_processes = 1 if num_bytes < _FEW_BYTES else num_workers
    with Workers(num_processes, (problem, data_dir, manifest), len(jobs)) as workers:
        read = workers.run(_read_shard, held_out, told)
        found = {split: _joined(split, held_out, read) for split in _SPLITS}
        sought = np.unique(np.concatenate([found[split].hashes for split in _SPLITS]))
        train = [dataclasses.replace(job, sought=sought) for job in train]
        told_later = functools.partial(told, first=len(held_out))
        read = workers.run(_read_shard, train, told_later)
        found["train"] = _joined("train", train, read)
    pairs = (("dev", "train"), ("test", "train"), ("test", "dev"))
    repeated = [_repeated(one, other, found[one], found[other]) for one, other in pairs]
    return tuple(pair for pair in repeated if pair.count)


@dataclasses.dataclass(frozen=True)
class _Shard:
    """A shard to read; of its records those with the hashes `sought` are reported."""

    split: str
    number: int
    has_values: bool
    sought: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class _Records:
    """Some records of a split: places int64 `[N]` and hashes uint64 `[N]`."""

    places: np.ndarray
    hashes: np.ndarray


def _read_shard(
    shared: tuple[Problem, Path, Manifest], job: _Shard, report: Report
) -> _Records:
    problem, data_dir, manifest = shared
    entry = manifest.splits[job.split]
    shard = entry.shards[job.number]
    index = _index(data_dir / entry.index.file)
    places = np.flatnonzero(index.shard == job.number)
    offsets, sizes = index.offset[places].tolist(), index.size[places].tolist()
    path = data_dir / shard.file
    fields = manifest.fields
    hashes = np.zeros(len(places), np.uint64)
    count = 0
    digest = hashlib.sha256()
    for count, (offset, record) in enumerate(scan(path, digest), 1):
        row = count - 1
        if row % _REPORT_EVERY == 0:
            report(row)
        if row < len(places):
            if (offset, len(record)) != (offsets[row], sizes[row]):
                raise ValueError(
                    f"{path}: the record at byte {offset} is not where its index has "
                    f"one; generate it again"
                )
            short = hashlib.blake2b(record, digest_size=_HASH_BYTES).digest()
            hashes[row] = int.from_bytes(short, "little")
            if job.has_values:
                where = f"{path}: record {places[row]} at byte {offset}"
                _check_values(record, problem.features, fields, where)
    if not count == len(places) == shard.examples:
        raise ValueError(
            f"{path} holds {count} records, its index has {len(places)} and its "
            f"manifest {shard.examples}; generate it again"
        )
    _check_digest(path, digest.hexdigest(), shard.sha256)
    report(count)
    if job.sought is None:
        return _Records(places, hashes)
    is_sought = np.isin(hashes, job.sought)
    return _Records(places[is_sought], hashes[is_sought])


def _check_values(
    record: bytes,
    features: Mapping[str, Feature],
    fields: Mapping[str, str],
    where: str,
) -> None:
    by_field = {fields[key]: feature for key, feature in features.items()}
    try:
        stored = parse_record(record, by_field)
    except ValueError as error:
        raise ValueError(f"{where}: {error}; generate it again") from error
    for key, feature in features.items():
        value = stored[fields[key]]
        try:
            is_same = feature.load(feature.raw(value)) == value
        except ValueError as error:
            raise ValueError(f"{where}, {key}: {error}; generate it again") from error
        if not is_same:
            raise ValueError(
                f"{where}, {key}: it is not in the form in which {feature.describe()} "
                f"is stored; generate it again"
            )


def _check_digest(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(
            f"{path}: its SHA-256 is not the manifest's; generate it again"
        )


def _index(path: Path) -> Index:
    status = path.stat()
    return _load_index(path, (status.st_ino, status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=1)
def _load_index(path: Path, version: tuple[int, int, int]) -> Index:
    return Index.load(path)


def _joined(split: str, jobs: list[_Shard], read: list[_Records]) -> _Records:
    parts = [part for job, part in zip(jobs, read, strict=True) if job.split == split]
    return _Records(
        np.concatenate([np.zeros(0, np.int64), *(part.places for part in parts)]),
        np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in parts)]),
    )


def _repeated(split: str, other: str, mine: _Records, theirs: _Records) -> Repeated:
    is_repeated = np.isin(mine.hashes, theirs.hashes)
    count = int(is_repeated.sum())
    if not count:
        return Repeated(split, other, 0, (0, 0))
    place = int(mine.places[is_repeated].min())
    same = theirs.hashes == mine.hashes[mine.places == place]
    return Repeated(split, other, count, (place, int(theirs.places[same].min())))
