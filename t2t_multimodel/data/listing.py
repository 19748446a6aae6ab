"""The first pass over a split: its examples as the generator lists them, unmade.

Nothing is loaded in it but a few examples to judge by. It tells how many examples there
are, so that shards can be ranges of them and it is known how much remains; what the
problem leaves out; a digest, by which an unfinished generation is known to be of the
same examples; a sample of the texts, from which the vocabulary is learned; and how many
bytes the records will take.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np

from t2t_multimodel.data.examples_digest import ExamplesDigest
from t2t_multimodel.data.features import Feature, Stored, Text
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.data.records import FRAME_BYTES
from t2t_multimodel.data.sampling import Sample
from t2t_multimodel.data.serialisation import make_record
from t2t_multimodel.data.skipped import Skipped, kind_of
from t2t_multimodel.data.workers import Report

NUM_TEXTS = 100_000
_MAX_TEXT = 1_000
_NUM_WEIGHED = 16
# Examples of a chunk: of short ones many, or what is done for each would cost the most.
_SHORT_CHUNK, _LONG_CHUNK = 2048, 16

Example = Mapping[str, Any]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class SplitJob:
    """One split to make.

    Attributes:
        problem: The problem.
        split: Its split.
        source_dir: The raw corpus.
        num_shards: How many files of records.
        max_examples: How many examples to take at most; None: all.
        seed: Chooses the sample of texts.
    """

    problem: Problem
    split: str
    source_dir: Path
    num_shards: int
    max_examples: int | None
    seed: int

    @property
    def name(self) -> str:
        """What its files are called by: `NAME-train`."""
        return f"{self.problem.name}-{self.split}"


@dataclasses.dataclass(frozen=True)
class Listing:
    """What a split holds.

    Attributes:
        num_examples: Examples that are to be made.
        skipped: What was left out of them.
        digest: Identifies the examples listed and the code that lists and makes them.
        texts: A sample of the texts of a train split, of bounded size, where wanted.
        bytes_per_example: About how long records are with their frames.
        bytes_error: Standard error of `bytes_per_example`.
        num_found: How many examples there are, where some of an ordered problem's are
            taken; None: the first ones are.
    """

    num_examples: int
    skipped: Skipped
    digest: str
    texts: tuple[str, ...]
    bytes_per_example: float
    bytes_error: float
    num_found: int | None = None

    def range_of(self, shard: int, num_shards: int) -> range:
        """The places of the examples of a shard among those listed."""
        first, end = (
            number * self.num_examples // num_shards for number in (shard, shard + 1)
        )
        return range(first, end)


def listed(
    job: SplitJob, skipped: Skipped, num_found: int | None = None
) -> Iterator[tuple[int, Example]]:
    """The examples of a split that are to be made, with their numbers.

    The same ones each time.

    Args:
        job: The split.
        skipped: Counts what is left out.
        num_found: As in a `Listing`.

    Raises:
        ValueError: An example lacks a feature. Whatever the problem's generator raises.
    """
    found = _not_left_out(job, skipped)
    if num_found is None or job.max_examples is None:
        return islice(found, job.max_examples)
    return _at_even_distances(found, job.max_examples, num_found)


def list_split(job: SplitJob, has_texts: bool, report: Report) -> Listing:
    """Goes once through the examples of a split.

    Args:
        job: The split.
        has_texts: Whether texts are sampled, if it is a train split.
        report: Told how many examples are listed.

    Raises:
        ValueError: As `listed`; or there is no example.
    """
    problem, skipped = job.problem, Skipped()
    text_keys = [k for k, f in problem.features.items() if isinstance(f, Text)]
    has_texts = has_texts and bool(text_keys) and job.split == "train"
    chance = Random(f"{job.seed} {problem.name}")
    spoken = Sample[Example](chance, NUM_TEXTS // max(1, len(text_keys)))
    weighed = Sample[Example](Random(job.name), _NUM_WEIGHED)
    digest, count = ExamplesDigest(), 0
    num_found = _num_found(job, report)
    examples, size = listed(job, skipped, num_found), chunk_size(problem.features)
    while part := [example for _, example in islice(examples, size)]:
        report(count + (num_found or 0))
        count += len(part)
        weighed.add(part, dict)
        if has_texts:
            spoken.add(part, lambda example: {key: example[key] for key in text_keys})
        digest.add(part)
    if not count:
        raise no_example(job, skipped)
    if num_found:
        skipped = skipped.scaled(count / num_found)
    report(count + (num_found or 0))
    mean, error = _weight(problem, weighed.items)
    texts = tuple(islice(_texts(problem, spoken.items), NUM_TEXTS))
    return Listing(
        count, skipped, digest.with_code(problem), texts, mean, error, num_found
    )


def chunk_size(features: Mapping[str, Feature]) -> int:
    """How many examples are gone through, sent and made together."""
    is_short = all(feature.is_short for feature in features.values())
    return _SHORT_CHUNK if is_short else _LONG_CHUNK


class LeftOut(Exception):
    """An example that was listed cannot be stored.

    Attributes:
        reason: Why, in words that many such examples share.
        is_fault: Whether the data is at fault.
    """

    def __init__(self, reason: str, message: str, is_fault: bool) -> None:
        super().__init__(message)
        self.reason, self.is_fault = reason, is_fault


def load(features: Mapping[str, Feature], example: Example) -> dict[str, Stored]:
    """An example that was listed in stored form.

    Raises:
        LeftOut: It is empty, or its features do not take it.
    """
    stored: dict[str, Stored] = {}
    for key, feature in features.items():
        value = example[key]
        try:
            if isinstance(value, Later):
                value = value.value()
                if _is_empty(value):
                    raise LeftOut(f"empty {key}", "", is_fault=False)
            stored[key] = feature.load(value)
        except (ValueError, OSError) as error:
            reason, message = f"{key}: {kind_of(error)}", f"{key}: {error}"
            raise LeftOut(reason, message, is_fault=True) from error
    return stored


def no_example(job: SplitJob, skipped: Skipped) -> ValueError:
    """What to raise where a split turns out to have no example."""
    reasons = ", ".join(f"skipped {n}: {why}" for why, n in skipped.counts.items())
    return ValueError(
        f"problem {job.problem.name}: split {job.split} has no example"
        + (f" ({reasons})" if reasons else "")
        + (f"; source: {job.source_dir}" if job.problem.needs_source else "")
    )


def _num_found(job: SplitJob, report: Report) -> int | None:
    """How many examples an ordered problem has, where not all are to be taken."""
    if job.max_examples is None or not job.problem.is_ordered:
        return None
    count = 0
    for count, _ in enumerate(_not_left_out(job, Skipped()), 1):
        if count % _SHORT_CHUNK == 0:
            report(count)
    return count


def _at_even_distances(found: Iterator[T], wanted: int, count: int) -> Iterator[T]:
    """So many of what is found, or all: as many of each stretch as it is long."""
    for place, item in enumerate(found):
        if (place + 1) * wanted // count > place * wanted // count:
            yield item


def _not_left_out(job: SplitJob, skipped: Skipped) -> Iterator[tuple[int, Example]]:
    problem = job.problem
    for number, example in enumerate(problem.examples(job.split, job.source_dir)):
        # Nearly all are dicts, and to look further would cost more than all else here.
        if type(example) is not dict and not isinstance(example, Mapping):
            fault = _fault_of(example, f"example {number}")
            skipped.add(fault.reason, fault.where, fault.is_fault)
            continue
        try:
            inputs, targets = example["inputs"], example["targets"]
        except KeyError as error:
            raise ValueError(
                f"problem {problem.name}, split {job.split}, example {number} has no "
                f"{error.args[0]!r}; it has {list(example)}"
            ) from error
        if _is_empty(inputs) or _is_empty(targets):
            key = "inputs" if _is_empty(inputs) else "targets"
            skipped.add(f"empty {key}", f"example {number}", is_fault=False)
            continue
        yield number, example


def _fault_of(found: Any, where: str) -> Skip:
    """Why something that a generator gave is no example."""
    if isinstance(found, Skip):
        return dataclasses.replace(found, where=found.where or where)
    reason = f"not a dict but {type(found).__name__}"
    return Skip(reason, f"{where} is {reason}")


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, bytes):
        return not value
    return isinstance(value, np.ndarray) and value.size == 0


def _weight(problem: Problem, examples: list[Example]) -> tuple[float, float]:
    """The mean length of the records of some examples, and its standard error."""
    sizes = []
    for example in examples:
        with contextlib.suppress(LeftOut):
            sizes.append(
                len(make_record(load(problem.features, example))) + FRAME_BYTES
            )
    if len(sizes) < 2:
        return float(sum(sizes)), float(sum(sizes))
    return statistics.fmean(sizes), statistics.stdev(sizes) / len(sizes) ** 0.5


def _texts(problem: Problem, examples: list[Example]) -> Iterator[str]:
    """The texts of some examples, those left out that cannot be had."""
    for example in examples:
        for key, value in example.items():
            feature = problem.features[key]
            assert isinstance(feature, Text)
            with contextlib.suppress(ValueError, OSError):
                raw = value.value() if isinstance(value, Later) else value
                for text in feature.texts(feature.load(raw)):
                    yield text[:_MAX_TEXT]
