"""The problem check: good problems pass, and each fault is found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio, ClassLabel, Image, Text
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.testing.check_problem import check_problem


class _Good(Problem):
    name = "good"
    needs_source = False
    inputs, targets = Text("english"), ClassLabel(("short", "long"))

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for length in range(1, 7):
            label = "long" if length > 3 else "short"
            yield {"inputs": " ".join(["word"] * length), "targets": label}


def test_a_good_problem_passes(tmp_path: Path) -> None:
    check_problem(_Good(), tmp_path)


def test_waveforms_and_grey_pictures_pass(tmp_path: Path) -> None:
    class Heard(_Good):
        inputs, targets = Audio(form="waveform"), Image(4, 4, channels=1)

        def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
            for length in (300, 500):
                samples = np.arange(length, dtype=np.int16)
                pixels = np.full((4, 4), length // 4, np.uint8)
                yield {"inputs": samples, "targets": pixels}

    class Shown(Heard):
        metrics = ("likeness",)
        command = "picture"

    check_problem(Shown(), tmp_path / "shown")
    with pytest.raises(AssertionError, match="names no metrics"):
        check_problem(Heard(), tmp_path / "heard")


def test_a_generator_that_changes_is_found(tmp_path: Path) -> None:
    count = itertools.count()

    class Changing(_Good):
        def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
            yield {"inputs": f"call {next(count)}", "targets": 0}

    with pytest.raises(AssertionError, match="something else the second time"):
        check_problem(Changing(), tmp_path)


def test_a_problem_without_a_name_is_found(tmp_path: Path) -> None:
    class Nameless(_Good):
        name = ""

    with pytest.raises(AssertionError, match="has no name"):
        check_problem(Nameless(), tmp_path)


def test_a_value_of_the_wrong_kind_is_found(tmp_path: Path) -> None:
    class Wrong(_Good):
        def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
            yield {"inputs": "a", "targets": "medium"}

    with pytest.raises(ValueError, match="no class 'medium'; classes: short, long"):
        check_problem(Wrong(), tmp_path)


def _aligned_corpus(folder: Path) -> Path:
    words = {"de": "Haus", "en": "house", "fr": "maison"}
    for split, (language, word) in itertools.product(
        ("train", "valid", "test"), words.items()
    ):
        lines = [f"{word} {'x' * n} {n}\n" for n in range(12)]
        (folder / f"{split}.{language}").write_text("".join(lines), "utf-8")
    return folder


# Other problems are checked beside their own tests, over corpora in their own forms.
CHECKED_HERE = [
    name
    for name in registry.list_problems()
    if name.endswith("_mini") or name.startswith("translate_")
]


@pytest.mark.parametrize("name", CHECKED_HERE)
def test_every_registered_problem_passes(name: str, tmp_path: Path) -> None:
    problem = registry.problem(name)
    source = None
    if problem.needs_source:
        (tmp_path / "corpus").mkdir()
        source = _aligned_corpus(tmp_path / "corpus")
    check_problem(problem, tmp_path / "data", source)
