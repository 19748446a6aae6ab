"""What a corpus of speech is to a problem: utterances by split.

A reader of a layout gives for each split a function that goes through its utterances
anew; no list of them is kept. Where splits are missing, speakers are held out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from t2t_multimodel.data.archives import Member
from t2t_multimodel.data.file_tree import HeldFile
from t2t_multimodel.data.holdout import hold_out
from t2t_multimodel.data.problem import SPLITS, Skip

Sound = Path | Member | HeldFile


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A stretch of sound and what is said in it.

    Attributes:
        name: Its identifier in the corpus.
        text: The transcript as the corpus has it.
        sound: The file: on the disk, or in an archive.
        speaker: Who says it; "" where the corpus does not tell.
        start: Where in the file it begins, in seconds.
        end: Where it ends; None: with the file.
        channel: Which channel of the file, from 0; None: all.
    """

    name: str
    text: str
    sound: Sound
    speaker: str = ""
    start: float = 0.0
    end: float | None = None
    channel: int | None = None


Reader = Callable[[], Iterator[Utterance | Skip]]


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A corpus that has been recognised.

    Attributes:
        layout: What it is, in words.
        readers: The utterances of each split that it has; under "" those that it has
            not divided.
        normalise: The words of a transcript.
        remarks: What there is to say about it.
    """

    layout: str
    readers: Mapping[str, Reader]
    normalise: Callable[[str], str]
    remarks: tuple[str, ...] = ()

    def read(self, split: str) -> Iterator[Utterance | Skip]:
        """A split's utterances, their texts plain words."""
        for found in self.readers[split]():
            if isinstance(found, Skip):
                yield found
            elif text := self.normalise(found.text):
                yield dataclasses.replace(found, text=text)
            else:
                told = f"{found.sound}: {found.text!r}"
                yield Skip("a transcript without words", told, is_fault=False)

    def read_all(self) -> Iterator[Utterance | Skip]:
        """The utterances of all splits, one after another, their texts plain words."""
        for split in self.readers:
            yield from self.read(split)


def chained(readers: Mapping[str, Reader]) -> Reader:
    """All utterances of several readers, one reader after another."""

    def read() -> Iterator[Utterance | Skip]:
        for reader in readers.values():
            yield from reader()

    return read


def divided(corpus: Corpus) -> Corpus:
    """The corpus with train and dev, and with test where it has no splits at all.

    What is missing is held out of train, or of everything where there is no train:
    whole speakers, or single utterances where there are fewer speakers than splits.
    """
    readers: dict[str, Reader] = {
        split: functools.partial(corpus.read, split) for split in corpus.readers
    }
    corpus = dataclasses.replace(corpus, readers=readers, normalise=str)
    if {"train", "dev"} <= readers.keys():
        return _without_test(corpus, readers)
    missing = ["dev", "test"]
    if "train" not in readers:
        there = ", ".join(filter(None, readers))
        lack = f"no train split, only {there}" if there else "no splits"
        pool, readers = chained(readers), {}
    else:
        lack, pool = "neither dev nor test", readers.pop("train")
        if "test" in readers:
            lack, missing = "no dev split", ["dev"]
    parts, told = _dealt(pool, missing)
    readers |= parts
    ordered = {split: readers[split] for split in SPLITS if split in readers}
    remark = f"{corpus.layout} has {lack}: {told}"
    return dataclasses.replace(
        corpus, readers=ordered, remarks=(*corpus.remarks, remark)
    )


def _dealt(pool: Reader, missing: Sequence[str]) -> tuple[dict[str, Reader], str]:
    """A pool dealt out to train and the splits that are missing, and how it was."""
    group, what, warning = _speaker, "speakers", ""
    groups = _groups(pool, group)
    if len(groups) <= len(missing):
        warning = f" (they share speakers: there are but {len(groups)})"
        group, what = _name, "utterances"
        groups = _groups(pool, group)
    places = hold_out(groups, missing)
    counts = Counter(places.values())
    parts = {
        split: _part(pool, split, places, group)
        for split in ("train", *missing)
        if split in counts
    }
    dealt = ", ".join(f"{counts[split]} {split}" for split in ("train", *missing))
    return parts, f"its {what} were dealt out, {dealt}{warning}"


def _without_test(corpus: Corpus, readers: dict[str, Reader]) -> Corpus:
    if "test" in readers:
        return corpus
    told = f"{corpus.layout} has no test split; there will be none"
    return dataclasses.replace(corpus, remarks=(*corpus.remarks, told))


def _speaker(utterance: Utterance) -> str:
    return utterance.speaker or utterance.name


def _name(utterance: Utterance) -> str:
    return utterance.name


def _groups(pool: Reader, group: Callable[[Utterance], str]) -> set[str]:
    return {group(found) for found in pool() if isinstance(found, Utterance)}


def _part(
    pool: Reader,
    split: str,
    places: Mapping[str, str],
    group: Callable[[Utterance], str],
) -> Reader:
    """Those of the pool that were dealt to a split; what is skipped goes to train."""

    def read() -> Iterator[Utterance | Skip]:
        for found in pool():
            place = "train" if isinstance(found, Skip) else places[group(found)]
            if place == split:
                yield found

    return read
