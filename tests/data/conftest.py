"""Small problems that make their own data, for tests of the data layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.data.features import Audio, ClassLabel, Image, Text, Texts, Tree
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.vocabulary import Vocabulary

WORDS = ("red", "Green", "blue", "über", "house", "boat", "tree", "🙂", "a", "to")
SIZES = {"train": 60, "dev": 13, "test": 7}


class Generated(Problem):
    """Makes its own data from a seed."""

    needs_source = False
    source = "the tests"
    licence = "none needed"

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for number in range(SIZES[split]):
            chance = np.random.default_rng([number, len(split)])
            yield self.example(chance)

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        raise NotImplementedError


def sentence(chance: np.random.Generator, longest: int = 12) -> str:
    return " ".join(chance.choice(WORDS, chance.integers(1, longest + 1)))


class Sentences(Generated):
    """Text to text, of varied length."""

    name = "sentences"
    inputs, targets = Text("english"), Text("german")

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        text = sentence(chance)
        return {"inputs": text, "targets": text.upper()}


class Trees(Generated):
    """Text to trees."""

    name = "trees"
    inputs, targets = Text("english"), Tree()

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        return {"inputs": sentence(chance), "targets": "S NP NN /NP /S"}


class Pictures(Generated):
    """Image to label."""

    name = "pictures"
    inputs, targets = Image(16, 12, max_shift=2), ClassLabel(("dark", "light"))

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        is_light = int(chance.integers(2))
        pixels = chance.integers(0, 100, (16, 12, 3)) + 100 * is_light
        return {"inputs": pixels.astype(np.uint8), "targets": is_light}


class Captions(Generated):
    """Image to several texts."""

    name = "captions"
    inputs, targets = Image(16, 12), Texts("english")

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        pixels = chance.integers(0, 256, (16, 12, 3)).astype(np.uint8)
        texts = [sentence(chance) for _ in range(chance.integers(1, 6))]
        return {"inputs": pixels, "targets": texts}


class Sounds(Generated):
    """Audio to text."""

    name = "sounds"
    inputs, targets = Audio(num_bins=20), Text("english")

    def example(self, chance: np.random.Generator) -> dict[str, Any]:
        samples = chance.normal(0, 0.1, chance.integers(2000, 9000)).clip(-1, 1)
        return {"inputs": samples.astype(np.float32), "targets": sentence(chance, 3)}


@pytest.fixture(scope="session")
def problems() -> dict[str, Problem]:
    """A problem of each kind by name."""
    found = (Sentences(), Trees(), Pictures(), Captions(), Sounds())
    return {problem.name: problem for problem in found}


@pytest.fixture(scope="session")
def data_dir(
    problems: dict[str, Problem], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All five problems, generated once; not to be written to."""
    folder = tmp_path_factory.mktemp("generated")
    generate(list(problems.values()), folder, options=Options(num_shards=3))
    return folder


@pytest.fixture(scope="session")
def vocabulary(data_dir: Path) -> Vocabulary:
    return Vocabulary.load(data_dir / "vocab.model")
