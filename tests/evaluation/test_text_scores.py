"""BLEU and error rates against figures worked out by hand."""

from __future__ import annotations

import math

import pytest

from t2t_multimodel.evaluation.text_scores import (
    bleu,
    caption_bleu,
    character_errors,
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
    (score,) = caption_bleu([REFERENCE], [[REFERENCE]])
    assert "case:lc" in score.detail


def test_case_counts_in_translations_and_not_in_captions() -> None:
    (cased,) = bleu([REFERENCE.upper()], [REFERENCE])
    (lowered,) = caption_bleu([REFERENCE.upper()], [REFERENCE])
    assert cased.value == pytest.approx(0.0)
    assert lowered.value == pytest.approx(100.0)


def test_a_caption_may_agree_with_any_of_its_references() -> None:
    output = ["two big dogs run along the beach", "a cat sleeps on the mat"]
    references = [
        ["dogs are running", "two big dogs run along the beach"],
        ["a cat sleeps on the mat"],
    ]
    (score,) = caption_bleu(output, references)
    assert score.value == pytest.approx(100.0)


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


@pytest.mark.parametrize("metric", [bleu, caption_bleu, word_errors, character_errors])
def test_outputs_and_references_must_match_in_number(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"1 outputs .* 2 references"):
        metric(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="0 outputs"):
        metric([], [])


def test_error_rates_take_one_reference() -> None:
    assert word_errors(["a b"], [["a b"]])[0].value == 0
    with pytest.raises(ValueError, match="one reference for each output, not several"):
        word_errors(["a b"], [["a b", "b a"]])
