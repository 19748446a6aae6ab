"""BLEU, chrF and error rates against figures worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from t2t_multimodel.evaluation.text_scores import (
    bleu,
    character_errors,
    chrf,
    word_errors,
)

REFERENCE = "the small red fish jumps over the star"


def test_a_perfect_output_scores_a_hundred() -> None:
    (score,) = bleu([REFERENCE], [REFERENCE])
    assert score.value == pytest.approx(100.0)


def test_bleu_is_the_mean_of_precisions_times_the_brevity_penalty() -> None:
    # 8 words in the reference, 6 in the output, all 6 5 4 3 n-grams of it right.
    (score,) = bleu(["the small red fish jumps over"], [REFERENCE])
    assert score.value == pytest.approx(100.0 * math.exp(1 - 8 / 6), abs=1e-6)
    # One wrong word of eight, the last: 7/8, 6/7, 5/6 and 4/5 of the n-grams are right.
    (score,) = bleu(["the small red fish jumps over the moon"], [REFERENCE])
    precisions = (7 / 8) * (6 / 7) * (5 / 6) * (4 / 5)
    assert score.value == pytest.approx(100.0 * precisions**0.25, abs=1e-6)


def test_bleu_is_over_the_corpus_and_not_a_mean_of_sentences() -> None:
    long, short = "a b c d e f g h i j", "x y z w"
    (score,) = bleu([long, "p q r s"], [long, short])
    # 1- to 4-grams: 10, 9, 8, 7 right of 14, 12, 10, 8.
    expected = (10 / 14 * 9 / 12 * 8 / 10 * 7 / 8) ** 0.25
    assert score.value == pytest.approx(100.0 * expected, abs=1e-6)


def test_bleu_carries_its_signature() -> None:
    (score,) = bleu([REFERENCE], [REFERENCE])
    assert "case:mixed" in score.detail and "tok:13a" in score.detail
    assert "nrefs:1" in score.detail
    (score,) = bleu([REFERENCE] * 2, [[REFERENCE] * 2, [REFERENCE]])
    assert "nrefs:var" in score.detail
    (score,) = chrf([REFERENCE], [REFERENCE])
    assert score.detail.startswith("sacreBLEU nrefs:1|case:mixed|eff:yes|nc:6|nw:0")


def test_case_counts_in_translations() -> None:
    (cased,) = bleu([REFERENCE.upper()], [REFERENCE])
    assert cased.value == pytest.approx(0.0)


OUTPUTS = ["It is a dog, isn't it?", "the cat sat on mat", "", "Zwei  Fische.", "ab"]
REFERENCES = [
    ["That's a dog, is it not?", "It is a dog, is it?"],
    ["the cat sat on the mat", "a cat was on the mat"],
    ["nothing", "nought"],
    ["Zwei rote Fische.", "Zwei Fische schwimmen."],
    ["abc", "b"],
]


@pytest.mark.parametrize(
    ("ours", "theirs"), [(bleu, BLEU()), (chrf, CHRF())], ids=["bleu", "chrf"]
)
@pytest.mark.parametrize("num_references", [1, 2])
def test_the_sums_give_what_sacrebleu_gives(
    ours: Any, theirs: Any, num_references: int
) -> None:
    sets = [found[:num_references] for found in REFERENCES]
    streams = [list(stream) for stream in zip(*sets, strict=True)]
    expected = theirs.corpus_score(OUTPUTS, streams)
    (score,) = ours(OUTPUTS, sets)
    assert 0 < expected.score < 100
    assert score.value == pytest.approx(expected.score, abs=1e-9)
    assert score.detail == f"sacreBLEU {theirs.get_signature()}"


def test_chrf_is_the_f2_of_mean_precision_and_recall() -> None:
    # "abc" against "abd": of 1-, 2- and 3-grams 2 of 3, 1 of 2, 0 of 1 are right.
    (score,) = chrf(["abc"], ["abd"])
    assert score.value == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)
    # Precision 1 and, order by order, recall 2/4 and 1/3: F2 = 5 r / (4 + r).
    (score,) = chrf(["a b"], ["abcd"])
    recall = (2 / 4 + 1 / 3) / 2
    assert score.value == pytest.approx(100 * 5 * recall / (4 + recall))


def test_word_error_rate_counts_all_three_kinds_of_error() -> None:
    # Against 4 + 4 words: one substitution, one deletion, one insertion.
    scores = word_errors(["a x c", "e f g g h"], ["a b c d", "e f g h"])
    assert [score.name for score in scores] == ["wer", "cer"]
    assert scores[0].value == pytest.approx(100.0 * 3 / 8)


def test_silence_is_all_deletions() -> None:
    assert word_errors([""], ["red fish"])[0].value == pytest.approx(100.0)


def test_character_errors_count_characters() -> None:
    (score,) = character_errors(["abcx"], ["abcde"])
    assert score.value == pytest.approx(100.0 * 2 / 5)


@pytest.mark.parametrize("metric", [bleu, chrf, word_errors, character_errors])
def test_outputs_and_references_must_match_in_number(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"1 outputs .* 2 references"):
        metric(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="0 outputs"):
        metric([], [])


def test_error_rates_take_one_reference() -> None:
    assert word_errors(["a b"], [["a b"]])[0].value == 0
    with pytest.raises(ValueError, match="one reference for each output, not several"):
        word_errors(["a b"], [["a b", "b a"]])
