"""Problems: what follows from the features, and what a class may say itself."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from t2t_multimodel.data.features import Audio, ClassLabel, Image, Text, Tree
from t2t_multimodel.data.problem import SPLITS, Problem


class _Plain(Problem):
    name = "plain"
    inputs, targets = Text(), Text()


class _Caption(Problem):
    inputs, targets = Image(8, 8), Text("english")
    metrics = ("bleu_4",)


class _Photos(Problem):
    inputs, targets = Image(8, 8), ClassLabel(3)


class _Parse(Problem):
    inputs, targets = Text(), Tree()


class _Spoken(Problem):
    inputs, targets = Audio(), Text("english")
    command = "shouted_english"


def test_the_command_names_what_is_produced() -> None:
    assert _Caption().command == "english"
    assert _Photos().command == "image_label"
    assert _Parse().command == "parse_tree"
    assert _Plain().command == "plain"
    assert _Spoken().command == "shouted_english"


def test_metrics_follow_the_targets_unless_given() -> None:
    assert _Plain().metrics == ("bleu", "chrf")
    assert _Parse().metrics == ("bracketing_f1", "whole_trees")
    assert _Photos().metrics == ("top_1", "top_5")
    assert _Caption().metrics == ("bleu_4",)


def test_a_problem_has_all_splits_unless_it_says_otherwise() -> None:
    assert _Plain().splits(Path()) == SPLITS == ("train", "dev", "test")


def test_a_problem_without_examples_says_so() -> None:
    with pytest.raises(NotImplementedError, match="'plain' defines no examples"):
        _Plain().examples("train", Path())


def test_a_problem_can_be_sent_to_another_process() -> None:
    problem = _Plain()
    problem.sizes = Problem.sizes  # a read-only mapping
    assert dict(pickle.loads(pickle.dumps(problem)).sizes) == {}
