"""From splits to whole shards and indexes in the folder of unfinished work."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data import index
from t2t_multimodel.data.listing import Listing, SplitJob, list_split, no_example
from t2t_multimodel.data.manifest import (
    VOCABULARY_FILE,
    SplitManifest,
    StoredFile,
)
from t2t_multimodel.data.options import Options
from t2t_multimodel.data.skipped import Skipped
from t2t_multimodel.data.space import check_space
from t2t_multimodel.data.unfinished import Unfinished
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Report, Workers
from t2t_multimodel.data.writing import (
    Chunk,
    ShardInWriting,
    WrittenShard,
    chunks,
    make_chunk,
    rows_path,
)

# What decides the bytes of a shard beside its examples; raise it when they change.
_VERSION = 1

Progress = Callable[[str, int, int | None], None]

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Made:
    """What lies in the folder of unfinished work, ready to be published.

    Attributes:
        splits: For each job what is to stand in the manifest.
        vocabulary: The vocabulary that lengths were measured with.
    """

    splits: list[SplitManifest]
    vocabulary: Vocabulary


@dataclasses.dataclass
class _Split:
    """A split on its way."""

    number: int
    job: SplitJob
    listing: Listing
    key: str = ""
    written: dict[int, WrittenShard] = dataclasses.field(default_factory=dict)

    def remaining(self) -> list[int]:
        """The numbers of the shards that are still to be written."""
        return [n for n in range(self.job.num_shards) if n not in self.written]

    def num_listed(self, shards: Iterable[int]) -> int:
        """How many examples were listed for some shards."""
        return sum(
            len(self.listing.range_of(shard, self.job.num_shards)) for shard in shards
        )

    def skipped(self) -> Skipped:
        """What was left out so far."""
        skipped = Skipped()
        skipped.update(self.listing.skipped)
        for _, shard in sorted(self.written.items()):
            skipped.update(shard.skipped)
        return skipped


def make_splits(
    jobs: Sequence[SplitJob],
    source_digests: dict[str, str],
    present: Path | None,
    options: Options,
    unfinished: Unfinished,
    progress: Progress,
) -> Made:
    """Makes splits in the folder of unfinished work, or what is missing of them.

    Args:
        jobs: The splits.
        source_digests: By problem, where it has a raw corpus: changes with it.
        present: The vocabulary to use; None: one is learned from the train splits and
            written into the folder.
        options: How to do it.
        unfinished: The folder.
        progress: As in `generate`.

    Raises:
        ValueError: Too many examples are at fault, or a split has none.
        OSError: There is not enough room on the disk.
    """
    vocabulary_file = present or unfinished.folder / VOCABULARY_FILE
    shared = (tuple(jobs), vocabulary_file)
    with Workers(options.num_workers, shared, len(jobs)) as workers:
        if present is None:
            splits, vocabulary = _list_and_learn(
                jobs, workers, options, unfinished, progress
            )
        else:
            splits = _list(jobs, False, workers, progress)
            vocabulary = Vocabulary.load(present)
        for split in splits:
            _check_share(split, split.listing.skipped, options)
            source = source_digests.get(split.job.problem.name, "")
            split.key = _key(split, vocabulary.fingerprint, source)
            split.written = unfinished.written(split.job, split.key)
        _tell_what_is_done(splits)
        check_space(unfinished.folder, map(_wanted, splits))
        _write(splits, workers, options, unfinished, progress)
    return Made([_entry(split, unfinished.folder) for split in splits], vocabulary)


def list_job(
    shared: tuple[Sequence[SplitJob], Path], item: tuple[int, bool], report: Report
) -> Listing:
    """The listing of a split; runs in a process of its own.

    Args:
        shared: All splits, and what the listing does not need.
        item: The split's number, and whether texts are sampled.
        report: Told how many examples are listed.
    """
    number, has_texts = item
    return list_split(shared[0][number], has_texts, report)


def _list(
    jobs: Sequence[SplitJob], has_texts: bool, workers: Workers, progress: Progress
) -> list[_Split]:
    counts = [0] * len(jobs)

    def told(number: int, done: int) -> None:
        counts[number] = done
        progress("listing", sum(counts), None)

    items = [(number, has_texts) for number in range(len(jobs))]
    listings = workers.run(list_job, items, told)
    progress("listing", sum(counts), sum(counts))
    return [
        _Split(number, job, listing)
        for number, (job, listing) in enumerate(zip(jobs, listings, strict=True))
    ]


def _list_and_learn(
    jobs: Sequence[SplitJob],
    workers: Workers,
    options: Options,
    unfinished: Unfinished,
    progress: Progress,
) -> tuple[list[_Split], Vocabulary]:
    """Lists the splits and learns the vocabulary, unless it was learned already."""
    has_texts = unfinished.vocabulary_key is None
    splits = _list(jobs, has_texts, workers, progress)
    path, key = unfinished.folder / VOCABULARY_FILE, _texts_key(splits, options)
    if unfinished.vocabulary_key == key:
        return splits, Vocabulary.load(path)
    if not has_texts:  # that vocabulary was learned from other texts
        splits = _list(jobs, True, workers, progress)
    progress("vocabulary", 0, None)
    # In an order that does not depend on how the problems were listed.
    ordered = sorted(splits, key=lambda split: split.job.name)
    texts = (text for split in ordered for text in split.listing.texts)
    vocabulary = Vocabulary.train(texts, path, options.vocab_size)
    unfinished.note_vocabulary(key)
    progress("vocabulary", 1, 1)
    _log.info("vocabulary: learned, %d pieces", vocabulary.size)
    for split in splits:
        split.listing = dataclasses.replace(split.listing, texts=())
    return splits, vocabulary


def _texts_key(splits: Sequence[_Split], options: Options) -> str:
    """Identifies all that decides what a vocabulary is learned from."""
    digests = sorted((split.job.name, split.listing.digest) for split in splits)
    return _digest([_VERSION, digests, options.seed, options.vocab_size])


def _key(split: _Split, vocabulary: str, source_digest: str) -> str:
    """Identifies all that decides the bytes of a split."""
    job = split.job
    told = {
        "version": _VERSION,
        "name": job.name,
        "generator_version": job.problem.generator_version,
        "features": {
            key: [feature.describe(), feature.modality_options()]
            for key, feature in job.problem.features.items()
        },
        "num_shards": job.num_shards,
        "num_examples": split.listing.num_examples,
        "digest": split.listing.digest,
        "source": source_digest,
        "vocabulary": vocabulary,
    }
    return _digest(told)


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _tell_what_is_done(splits: Sequence[_Split]) -> None:
    done = sum(len(split.written) for split in splits)
    if done:
        total = sum(split.job.num_shards for split in splits)
        _log.info("going on: %d of %d shards are done already", done, total)


def _wanted(split: _Split) -> tuple[int, float, float]:
    listing = split.listing
    count = split.num_listed(split.remaining())
    return count, listing.bytes_per_example, listing.bytes_error


def _write(
    splits: Sequence[_Split],
    workers: Workers,
    options: Options,
    unfinished: Unfinished,
    progress: Progress,
) -> None:
    totals = [split.listing.num_examples for split in splits]
    done = [split.num_listed(split.written) for split in splits]
    skipped = [split.skipped() for split in splits]
    progress("writing", sum(done), sum(totals))
    current: ShardInWriting | None = None
    try:
        for chunk, made in workers.stream(make_chunk, _chunks(splits)):
            split, number = splits[chunk.job], chunk.job
            if current is None:
                current = ShardInWriting(unfinished.folder, split.job, chunk.shard)
            current.add(made)
            skipped[number].update(made.skipped)
            _check_share(split, skipped[number], options)
            if chunk.is_last:
                shard = split.written[chunk.shard] = current.finish()
                current = None
                unfinished.note(split.job, split.key, chunk.shard, shard)
            done[number] += len(chunk.examples)
            progress(split.job.name, done[number], totals[number])
            progress("writing", sum(done), sum(totals))
    finally:
        if current is not None:
            current.close()


def _chunks(splits: Sequence[_Split]) -> Iterator[Chunk]:
    for split in splits:
        yield from chunks(split.number, split.job, split.listing, split.remaining())


def _check_share(split: _Split, skipped: Skipped, options: Options) -> None:
    job, listing = split.job, split.listing
    skipped.check_share(
        f"problem {job.problem.name}, split {job.split}",
        listing.num_examples + listing.skipped.num_faults,
        options.max_bad_share,
    )


def _entry(split: _Split, folder: Path) -> SplitManifest:
    """Writes the index of a split whose shards are written; tells of the split."""
    job, skipped = split.job, split.skipped()
    shards = tuple(shard.file for _, shard in sorted(split.written.items()))
    count = sum(shard.examples for shard in shards)
    if not count:
        raise no_example(job, skipped)
    if skipped.num_faults:
        _log.warning("%s", skipped.told(job.name, count))
    rows = [rows_path(folder / shard.file) for shard in shards]
    path = folder / f"{job.name}.index.npz"
    index.join(rows, path)
    return SplitManifest(
        examples=count,
        shards=shards,
        index=StoredFile.of(path, count),
        skipped=skipped.counts,
        inputs=index.lengths(rows, "inputs", job.problem.inputs.extent),
        targets=index.lengths(rows, "targets", job.problem.targets.extent),
        num_faults=skipped.num_faults,
        first_skipped=skipped.first,
    )
