"""Speech recognition on the Wall Street Journal corpora, and on any corpus like them.

The inputs are sound, the targets the words that were said, in lower case and without
punctuation. Forms, splits and how transcripts are read: docs/speech.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from t2t_multimodel import registry
from t2t_multimodel.problems.speech.corpus import SpeechCorpus
from t2t_multimodel.problems.speech.layouts import LAYOUT, find_corpus
from t2t_multimodel.problems.speech.utterances import Corpus


@registry.register_problem
class SpeechWsj(SpeechCorpus):
    """Read newspaper English into its words."""

    source = (
        "CSR-I (WSJ0) LDC93S6A and CSR-II (WSJ1) LDC94S13A, "
        "https://catalog.ldc.upenn.edu/LDC94S13A"
    )
    licence = "LDC User Agreement (the text is copyright Dow Jones)"
    stand_in = (
        "speech_librispeech (LibriSpeech, CC BY 4.0); or put any corpus of English "
        "speech, in one of the forms below, into --source_dir"
    )
    layout = LAYOUT
    sizes: Mapping[str, int] = MappingProxyType(
        {"train": 37416, "dev": 503, "test": 333}
    )

    def find(self, source_dir: Path) -> Corpus:
        return find_corpus(source_dir, self.name)
