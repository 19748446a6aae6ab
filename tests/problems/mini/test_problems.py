"""Nine problems tell the same scenes, split by split, from the seed alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Later
from t2t_multimodel.data.trees import is_well_formed
from t2t_multimodel.problems.mini.scenes import KINDS, SPLITS

NAMES = (*registry.group("mini_eight"), "translate_fren_mini")
SIZES = {"train": 12, "dev": 4, "test": 6}


def drawn(name: str, split: str = "train", seed: int = 0) -> list[Mapping[str, Any]]:
    factory = type(registry.problem(name))
    problem = factory(seed=seed, sizes=SIZES)  # type: ignore[call-arg]
    return [
        {k: v.value() if isinstance(v, Later) else v for k, v in example.items()}
        for example in problem.examples(split, Path())
    ]


def test_the_eight_are_those_of_the_paper() -> None:
    assert set(registry.group("mini_eight")) == {
        "speech_mini",
        "image_mini",
        "caption_mini",
        "parse_mini",
        "translate_ende_mini",
        "translate_deen_mini",
        "translate_enfr_mini",
        "translate_defr_mini",
    }


@pytest.mark.parametrize("name", NAMES)
def test_examples_fit_their_features_and_sizes(name: str) -> None:
    problem = registry.problem(name)
    assert not problem.needs_source
    assert "project itself" in problem.source
    for split in SPLITS:
        examples = drawn(name, split)
        assert len(examples) == SIZES[split]
        for example in examples:
            for key, feature in problem.features.items():
                feature.load(example[key])


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_a_function_of_the_seed(name: str) -> None:
    for one, other in zip(drawn(name), drawn(name), strict=True):
        for key in ("inputs", "targets"):
            assert np.array_equal(one[key], other[key])
    again = drawn(name, seed=1)
    assert any(
        not np.array_equal(one["inputs"], other["inputs"])
        for one, other in zip(drawn(name), again, strict=True)
    )


def test_all_problems_tell_the_same_scenes() -> None:
    told = {name: drawn(name) for name in NAMES}
    for place, (caption, speech, parse, there, back, image) in enumerate(
        zip(
            told["caption_mini"],
            told["speech_mini"],
            told["parse_mini"],
            told["translate_ende_mini"],
            told["translate_deen_mini"],
            told["image_mini"],
            strict=True,
        )
    ):
        sentence = caption["targets"]
        assert there == {"inputs": sentence, "targets": back["inputs"]}
        assert back["targets"] == sentence
        assert speech["targets"] == re.sub("[,.]", "", sentence).lower()
        assert parse["inputs"].replace(" ", "") == sentence.replace(" ", "")
        assert image["targets"] in KINDS
        assert np.array_equal(image["inputs"], caption["inputs"])
        assert told["translate_defr_mini"][place]["inputs"] == back["inputs"]


def test_no_sentence_of_one_problems_train_is_in_anothers_test() -> None:
    train = {example["inputs"] for example in drawn("translate_ende_mini", "train")}
    test = {example["targets"] for example in drawn("caption_mini", "test")}
    assert not train & test


def test_parse_targets_are_whole_trees_with_a_tag_a_word() -> None:
    for example in drawn("parse_mini"):
        assert is_well_formed(example["targets"])
        symbols = example["targets"].split()
        closed = {symbol[1:] for symbol in symbols if symbol.startswith("/")}
        tags = [s for s in symbols if s not in closed and not s.startswith("/")]
        assert len(tags) == len(example["inputs"].split())


def test_a_sentence_is_spoken_in_a_few_seconds() -> None:
    for example in drawn("speech_mini"):
        seconds = len(example["inputs"]) / 16000
        words = len(example["targets"].split())
        assert 0.12 * words < seconds < 0.9 * words + 1


def test_parsing_is_scarce() -> None:
    sizes = {name: registry.problem(name).sizes["train"] for name in NAMES}
    assert min(sizes, key=sizes.__getitem__) == "parse_mini"
    assert sizes["parse_mini"] == 1500
