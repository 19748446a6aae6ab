"""What is to be made: the splits, listed, and the vocabulary, learned from them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data.listing import Listing, SplitJob, list_split
from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.data.options import Options
from t2t_multimodel.data.shards import WrittenShard
from t2t_multimodel.data.skipped import Skipped
from t2t_multimodel.data.unfinished import Unfinished
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.data.workers import Report, Workers

# What decides the bytes of a shard beside its examples; raise it when they change.
_VERSION = 1

Progress = Callable[[str, int, int | None], None]

_log = logging.getLogger(__name__)


@dataclasses.dataclass
class PlannedSplit:
    """A split on its way.

    Attributes:
        number: Its number among those being made.
        job: The split.
        listing: What it holds.
        key: Identifies what decides its bytes.
        written: Its shards that are whole, by number.
    """

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

    def check_share(self, skipped: Skipped, options: Options) -> None:
        """Refuses the split if too much of it was left out as faulty.

        Raises:
            ValueError: It is; the message has the counts and the first fault.
        """
        job, listing = self.job, self.listing
        skipped.check_share(
            f"problem {job.problem.name}, split {job.split}",
            listing.num_examples + listing.skipped.num_faults,
            options.max_bad_share,
        )


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


def list_splits(
    jobs: Sequence[SplitJob], has_texts: bool, workers: Workers, progress: Progress
) -> list[PlannedSplit]:
    """Lists splits side by side.

    Args:
        jobs: The splits.
        has_texts: Whether texts of the train splits are sampled.
        workers: Who does it.
        progress: Told how many examples are listed.
    """
    counts = [0] * len(jobs)

    def told(number: int, done: int) -> None:
        counts[number] = done
        progress("listing", sum(counts), None)

    items = [(number, has_texts) for number in range(len(jobs))]
    listings = workers.run(list_job, items, told)
    progress("listing", sum(counts), sum(counts))
    return [
        PlannedSplit(number, job, listing)
        for number, (job, listing) in enumerate(zip(jobs, listings, strict=True))
    ]


def list_and_learn(
    jobs: Sequence[SplitJob],
    workers: Workers,
    options: Options,
    unfinished: Unfinished,
    progress: Progress,
) -> tuple[list[PlannedSplit], Vocabulary]:
    """Lists the splits and learns the vocabulary, unless it was learned already."""
    has_texts = unfinished.vocabulary_key is None
    splits = list_splits(jobs, has_texts, workers, progress)
    path, key = unfinished.folder / VOCABULARY_FILE, _texts_key(splits, options)
    if unfinished.vocabulary_key == key:
        return splits, Vocabulary.load(path)
    if not has_texts:  # that vocabulary was learned from other texts
        splits = list_splits(jobs, True, workers, progress)
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


def _texts_key(splits: Sequence[PlannedSplit], options: Options) -> str:
    """Identifies all that decides what a vocabulary is learned from."""
    digests = sorted((split.job.name, split.listing.digest) for split in splits)
    return _digest([_VERSION, digests, options.seed, options.vocab_size])


def key_of(split: PlannedSplit, vocabulary: str, source_digest: str) -> str:
    """Identifies all that decides the bytes of a split.

    Args:
        split: The split.
        vocabulary: Fingerprint of the vocabulary that its text is measured with.
        source_digest: Changes with the raw corpus.
    """
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
