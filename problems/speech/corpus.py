"""What all problems of speech do with a corpus once it is found."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data import sound_files, sphere
from t2t_multimodel.data.archives import Member
from t2t_multimodel.data.features import Audio, Text
from t2t_multimodel.data.file_tree import HeldFile
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.problems.speech.utterances import Corpus, Sound, Utterance

_log = logging.getLogger(__name__)


class SpeechCorpus(Problem):
    """Recordings into words; subclasses say where the recordings are found."""

    inputs: Audio = Audio(sample_rate=16_000)
    targets = Text("english")
    metrics = ("wer", "cer")
    is_ordered = True  # speaker by speaker

    def find(self, source_dir: Path) -> Corpus:
        """The corpus in the source directory, with its splits.

        Raises:
            FileNotFoundError: It is not there.
        """
        raise NotImplementedError

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that are there or were dealt out; says how.

        Raises:
            FileNotFoundError: There is no corpus.
            ValueError: Its sound is compressed, and what expands it is missing.
        """
        corpus = self.find(source_dir)
        for remark in corpus.remarks:
            _log.warning("%s: %s", self.name, remark)
        first = next(
            (u for u in corpus.read("train") if isinstance(u, Utterance)), None
        )
        if first and _is_compressed(first.sound):
            try:
                sphere.check_program()
            except ValueError as error:
                told = f"problem {self.name}: {first.sound}: {error}"
                raise ValueError(told) from error
        return tuple(corpus.readers)

    def examples(
        self, split: str, source_dir: Path
    ) -> Iterator[Mapping[str, Any] | Skip]:
        rate = self.inputs.sample_rate
        for found in self.find(source_dir).read(split):
            if isinstance(found, Skip):
                yield found
            else:
                yield {"inputs": _later(found, rate), "targets": found.text}


def _later(utterance: Utterance, sample_rate: int) -> Later:
    """The sound of an utterance, to be read where it is stored."""
    sound = utterance.sound
    stretch = (utterance.start, utterance.end, utterance.channel)
    content = sound.read() if isinstance(sound, HeldFile) else sound
    return Later(_samples, content, sample_rate, *stretch, str(sound))


def _samples(
    sound: Path | Member | bytes, sample_rate: int, *stretch: Any
) -> np.ndarray:
    """int16 `[T]`; see `sound_files.read` for the arguments."""
    file = sound.read() if isinstance(sound, Member) else sound
    return sound_files.read(file, sample_rate, *stretch)


def _is_compressed(sound: Sound) -> bool:
    try:
        return isinstance(sound, Path) and sphere.is_compressed(sound)
    except (ValueError, OSError):
        return False  # a fault of this one file, which is told when it is read
