"""Three problems over four words, soon learnt, which make their own data: for tests.

They are not registered; a test that trains them gives them names of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.problem import Problem

_WORDS = ("red", "dog", "sees", "two")


def words(split: str) -> Iterator[list[str]]:
    """Twenty sentences of one to four words, the same each time."""
    random = np.random.default_rng(len(split))
    for _ in range(20):
        yield list(random.choice(_WORDS, random.integers(1, 5)))


class Reversal(Problem):
    """A sentence's words in reversed order."""

    inputs = Text()
    targets = Text("backward")
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for line in words(split):
            yield {"inputs": " ".join(line), "targets": " ".join(reversed(line))}


class Length(Problem):
    """How many words a sentence has."""

    inputs = Text()
    targets = ClassLabel(("one", "two", "three", "four"))
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for line in words(split):
            yield {"inputs": " ".join(line), "targets": len(line) - 1}


class FirstWord(Problem):
    """Which word a sentence begins with."""

    inputs = Text()
    targets = ClassLabel(_WORDS)
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for line in words(split):
            yield {"inputs": " ".join(line), "targets": _WORDS.index(line[0])}
