"""Intervals and paired tests: exact where chance leaves no choice, else by theory."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from t2t_multimodel.evaluation.bootstrap import (
    compare,
    compare_files,
    intervals,
    resample,
)
from t2t_multimodel.evaluation.label_scores import top_1
from t2t_multimodel.evaluation.measurement import Measurement
from t2t_multimodel.evaluation.text_scores import bleu, chrf


def accuracy(hits: list[int]) -> Measurement:
    return top_1([[hit] for hit in hits], [1] * len(hits))[0]


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    measurement = accuracy([1, 0] * 200)
    (interval,) = intervals([measurement], num_resamples=4000)
    assert interval is not None
    half = 100 * 1.96 * math.sqrt(0.5 * 0.5 / 400)
    assert interval[0] == pytest.approx(50 - half, abs=0.6)
    assert interval[1] == pytest.approx(50 + half, abs=0.6)


def test_where_all_examples_agree_there_is_no_doubt() -> None:
    assert intervals([accuracy([1] * 9)]) == [(100.0, 100.0)]


def test_one_example_has_no_interval() -> None:
    assert intervals([accuracy([1])]) == [None]
    assert intervals([]) == []


def test_a_seed_decides_the_resamples() -> None:
    measurement = accuracy([1, 0, 0, 1, 1])
    first, again = (resample([measurement], 50, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, resample([measurement], 50, seed=4))


def test_a_resample_scores_as_the_corpus_that_it_is() -> None:
    outputs = ["the red fish jumps high", "two dogs sleep here", "a b c d"]
    references = ["the red fish jumps low", "two dogs sleep here now", "a b x d"]
    drawn = [0, 2, 2]
    weights_N = np.array([1.0, 0.0, 2.0])
    for metric in (bleu, chrf):
        (whole,) = metric(outputs, references)
        (taken,) = metric([outputs[i] for i in drawn], [references[i] for i in drawn])
        assert whole.of_weights(weights_N) == pytest.approx(taken.value)


def test_the_same_outputs_do_not_differ() -> None:
    same = compare(accuracy([1, 0, 1]), accuracy([1, 0, 1]))
    assert (same.difference, same.interval, same.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_a_difference_everywhere_is_sure_and_one_by_chance_is_not() -> None:
    worse, better = [1, 0, 0, 0] * 25, [1, 1, 1, 0] * 25
    sure = compare(accuracy(worse), accuracy(better), num_resamples=999)
    assert sure.difference == pytest.approx(50.0)
    assert sure.p_value == pytest.approx(1 / 1000)
    assert sure.interval[0] > 35
    # 50 of 100 against 51 of 100, disagreeing on 99: far from sure.
    swapped = [1] * 50 + [0] * 50
    other = [0] * 49 + [1] * 51
    chance = compare(accuracy(swapped), accuracy(other), num_resamples=999)
    assert chance.p_value > 0.5
    assert chance.interval[0] < 0 < chance.interval[1]


def test_pairs_must_be_of_the_same_examples_and_metric() -> None:
    with pytest.raises(ValueError, match="num_examples: 2 and 3"):
        compare(accuracy([1, 0]), accuracy([1, 0, 1]))


def written(path: Path, outputs: list[str], references: list[str]) -> Path:
    lines = [
        json.dumps({"index": i, "reference": right, "output": output})
        for i, (output, right) in enumerate(zip(outputs, references, strict=True))
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_two_files_of_outputs_are_compared(tmp_path: Path) -> None:
    references = ["a b c d", "e f g h", "i j k l"]
    first = written(tmp_path / "1.jsonl", ["a b c d", "e f g x", "no"], references)
    second = written(tmp_path / "2.jsonl", references, references)
    found = compare_files(first, second, "wer", num_resamples=100)
    assert (found.first, found.second) == (pytest.approx(100 * 5 / 12), 0.0)
    assert found.num_examples == 3
    assert compare_files(first, second, "top_1").first == pytest.approx(100 / 3)
    pairs = compare_files(first, second, "bleu_2", num_resamples=10)
    assert pairs.second == pytest.approx(100.0)


def test_files_of_other_examples_or_kinds_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path / "1.jsonl", ["a"], ["a"])
    other = written(tmp_path / "2.jsonl", ["a"], ["b"])
    with pytest.raises(ValueError, match="not of the same examples"):
        compare_files(first, other, "bleu")
    with pytest.raises(ValueError, match="best class only"):
        compare_files(first, first, "top_5")
    damaged = tmp_path / "3.jsonl"
    damaged.write_text('{"index": 0}\n', "utf-8")
    with pytest.raises(ValueError, match=r"3\.jsonl, line 1: no output"):
        compare_files(first, damaged, "bleu")
