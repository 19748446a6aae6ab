"""The Free Spoken Digit Dataset: `recordings/DIGIT_SPEAKER_NUMBER.wav`."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech import transcripts
from t2t_multimodel.problems.speech.utterances import Corpus, Utterance

_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")
_WORDS = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)


def recognise(folder: Path) -> Corpus | None:
    """The corpus, if the folder has such recordings."""
    for place in (folder / "recordings", folder):
        if any(_NAME.fullmatch(file.name) for file in place.glob("*.wav")):
            readers = {"": functools.partial(_read, place)}
            return Corpus(f"the digits in {place}", readers, transcripts.written)
    return None


def _read(folder: Path) -> Iterator[Utterance | Skip]:
    for file in sorted(folder.glob("*.wav")):
        if match := _NAME.fullmatch(file.name):
            digit, speaker, _ = match.groups()
            yield Utterance(file.stem, _WORDS[int(digit)], file, speaker)
        else:
            yield Skip("a file that is no digit's", str(file))
