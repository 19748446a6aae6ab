"""From splits to whole shards and indexes in the folder of unfinished work."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_multimodel.data import beam_engine, index
from t2t_multimodel.data.listing import SplitJob, no_example
from t2t_multimodel.data.manifest import VOCABULARY_FILE, SplitManifest, StoredFile
from t2t_multimodel.data.options import Options
from t2t_multimodel.data.planning import (
    PlannedSplit,
    Progress,
    key_of,
    list_and_learn,
    list_splits,
)
from t2t_multimodel.data.shards import ShardInWriting, rows_path
from t2t_multimodel.data.space import check_space
from t2t_multimodel.data.unfinished import Unfinished
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Workers
from t2t_multimodel.data.writing import Chunk, ShardTask, chunks, make_chunk

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
            splits, vocabulary = list_and_learn(
                jobs, workers, options, unfinished, progress
            )
        else:
            splits = list_splits(jobs, False, workers, progress)
            vocabulary = Vocabulary.load(present)
        for split in splits:
            split.check_share(split.listing.skipped, options)
            source = source_digests.get(split.job.problem.name, "")
            split.key = key_of(split, vocabulary.fingerprint, source)
            split.written = unfinished.written(split.job, split.key)
        _tell_what_is_done(splits)
        check_space(unfinished.folder, map(_wanted, splits))
        if options.engine == "processes":
            _write(splits, workers, options, unfinished, progress)
    if options.engine == "beam":
        _write_on_beam(splits, vocabulary_file, options, unfinished)
    return Made([_entry(split, unfinished.folder) for split in splits], vocabulary)


def _tell_what_is_done(splits: Sequence[PlannedSplit]) -> None:
    done = sum(len(split.written) for split in splits)
    if done:
        total = sum(split.job.num_shards for split in splits)
        _log.info("going on: %d of %d shards are done already", done, total)


def _wanted(split: PlannedSplit) -> tuple[int, float, float]:
    listing = split.listing
    count = split.num_listed(split.remaining())
    return count, listing.bytes_per_example, listing.bytes_error


def _write(
    splits: Sequence[PlannedSplit],
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
            split.check_share(skipped[number], options)
            if chunk.is_last:
                shard = split.written[chunk.shard] = current.finish()
                current = None
                unfinished.note(split.key, chunk.shard, shard)
            done[number] += len(chunk.numbers)
            progress(split.job.name, done[number], totals[number])
            progress("writing", sum(done), sum(totals))
    finally:
        if current is not None:
            current.close()


def _write_on_beam(
    splits: Sequence[PlannedSplit],
    vocabulary_file: Path,
    options: Options,
    unfinished: Unfinished,
) -> None:
    tasks = [
        ShardTask(
            job=split.job,
            listing=split.listing,
            number=number,
            key=split.key,
            folder=unfinished.folder.absolute(),
            vocabulary_file=vocabulary_file.absolute(),
        )
        for split in splits
        for number in split.remaining()
    ]
    beam_engine.write_shards(tasks, options.beam_options)
    for split in splits:
        split.written = unfinished.written(split.job, split.key)
        if split.remaining():
            raise OSError(
                f"{split.job.name}: shards {split.remaining()} were made on Beam, but "
                f"are not in {unfinished.folder}; all machines must share that folder"
            )
        split.check_share(split.skipped(), options)


def _chunks(splits: Sequence[PlannedSplit]) -> Iterator[Chunk]:
    for split in splits:
        yield from chunks(split.number, split.job, split.listing, split.remaining())


def _entry(split: PlannedSplit, folder: Path) -> SplitManifest:
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
