"""The problems of the miniature world: nine views of the same scenes.

Scene i of a split is the same in every problem, and no other split has it, so what one
problem trains on never stands in the test of another. Renderings (pictures, voices)
are a function of the world's seed, the split and i; they are made where they are
stored, as they take nearly all the time.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio, ClassLabel, Image, Text, Tree
from t2t_multimodel.data.problem import Later, Problem
from t2t_multimodel.data.trees import linearise
from t2t_multimodel.problems.mini import english, french, german, painter, voice
from t2t_multimodel.problems.mini.pronunciation import pronounce
from t2t_multimodel.problems.mini.scenes import KINDS, SPLITS, Scene, scenes

_SENTENCES: Mapping[str | None, Callable[[Scene], str]] = {
    "english": english.sentence,
    "german": german.sentence,
    "french": french.sentence,
}

Seeds = tuple[int, int, int]
"""The world's seed, the number of the split, the number of the scene."""


def _sizes(train: int) -> Mapping[str, int]:
    return MappingProxyType({"train": train, "dev": 200, "test": 400})


class MiniatureProblem(Problem, ABC):
    """A problem of the miniature world; subclasses say what of a scene is shown.

    Args:
        seed: Another seed gives other scenes. What is in a split stays there: no scene
            of one world's test is in any world's train.
        sizes: Examples per split; splits left out keep the problem's own number.
    """

    needs_source = False
    source = "made by the project itself, from a seed"
    licence = "that of the project"
    disjoint_splits = True
    sizes = _sizes(train=12000)

    def __init__(self, seed: int = 0, sizes: Mapping[str, int] | None = None) -> None:
        self.seed = seed
        self.sizes = {**self.sizes, **(sizes or {})}

    def examples(self, split: str, source_dir: Path) -> Iterator[Mapping[str, Any]]:
        """The split's examples; `source_dir` is not looked at."""
        drawn = itertools.islice(scenes(split, self.seed), self.sizes[split])
        for index, scene in enumerate(drawn):
            seeds = (self.seed, SPLITS.index(split), index)
            inputs, targets = self.example(scene, seeds)
            yield {"inputs": inputs, "targets": targets}

    @abstractmethod
    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        """Inputs and targets of a scene; `seeds` decide what means nothing."""


class _Translation(MiniatureProblem):
    inputs: Text
    targets: Text

    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        say, say_again = (
            _SENTENCES[text.language] for text in (self.inputs, self.targets)
        )
        return say(scene), say_again(scene)


@registry.register_problem
class TranslateEndeMini(_Translation):
    """English sentences into German."""

    inputs, targets = Text("english"), Text("german")


@registry.register_problem
class TranslateDeenMini(_Translation):
    """German sentences into English."""

    inputs, targets = Text("german"), Text("english")
    twin = "translate_ende_mini"


@registry.register_problem
class TranslateEnfrMini(_Translation):
    """English sentences into French."""

    inputs, targets = Text("english"), Text("french")


@registry.register_problem
class TranslateFrenMini(_Translation):
    """French sentences into English."""

    inputs, targets = Text("french"), Text("english")
    twin = "translate_enfr_mini"


@registry.register_problem
class TranslateDefrMini(_Translation):
    """German sentences into French."""

    inputs, targets = Text("german"), Text("french")


@registry.register_problem
class SpeechMini(MiniatureProblem):
    """Spoken English into its words, in lower case and without punctuation."""

    inputs = Audio(sample_rate=voice.SAMPLE_RATE, num_bins=40)
    targets = Text("english")
    metrics = ("wer",)
    sizes = _sizes(train=4000)

    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        words = english.spoken_words(scene)
        return Later(_spoken, words, seeds), " ".join(words)


@registry.register_problem
class CaptionMini(MiniatureProblem):
    """A picture into the English sentence that tells all that it shows."""

    inputs, targets = Image(painter.SIZE, painter.SIZE), Text("english")
    metrics = ("bleu_4", "cider_d", "rouge_l")
    sizes = _sizes(train=10000)

    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        return Later(_painted, scene, seeds), english.sentence(scene)


@registry.register_problem
class ImageMini(MiniatureProblem):
    """A picture into the kind of the things that do something in it."""

    inputs, targets = Image(painter.SIZE, painter.SIZE), ClassLabel(KINDS)
    sizes = _sizes(train=10000)

    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        return Later(_painted, scene, seeds), scene.subject.kind


@registry.register_problem
class ParseMini(MiniatureProblem):
    """English sentences, as the treebank splits them, into linearised parse trees.

    Scarce, as treebanks are.
    """

    inputs, targets = Text("english"), Tree()
    sizes = _sizes(train=1500)

    def example(self, scene: Scene, seeds: Seeds) -> tuple[Any, Any]:
        tree = english.tree(scene)
        return " ".join(tree.words()), linearise(tree)


def _spoken(words: Sequence[str], seeds: Seeds) -> NDArray[np.int16]:
    return voice.speak(pronounce(words), np.random.default_rng(seeds))


def _painted(scene: Scene, seeds: Seeds) -> NDArray[np.uint8]:
    return painter.paint(scene, np.random.default_rng(seeds))
