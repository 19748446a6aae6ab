"""Caption scores by hand: captions of two or three words, two pictures."""

from __future__ import annotations

import math

import pytest

from t2t_multimodel.evaluation.caption_scores import (
    caption_bleu,
    caption_tokens,
    cider_d,
    rouge_l,
)


def test_tokens_are_lower_case_words_without_punctuation() -> None:
    assert caption_tokens("A man's dog -- isn't it? -- jumps, twice.") == (
        ["a", "man", "'s", "dog", "is", "n't", "it", "jumps", "twice"]
    )
    assert caption_tokens("It’s a T-shirt for $3.50 (red).") == (
        ["it", "'s", "a", "t-shirt", "for", "$", "3.50", "red"]
    )
    assert caption_tokens("...") == []


def bleus(hypotheses: list[str], references: list[list[str]]) -> dict[str, float]:
    return {m.name: m.value for m in caption_bleu(hypotheses, references)}


def test_bleu_takes_means_up_to_each_order() -> None:
    # 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours; lengths are equal.
    found = bleus(["A red fish jumps high."], [["a red fish jumps low"]])
    shares = [4 / 5, 3 / 4, 2 / 3, 1 / 2]
    assert list(found) == ["bleu_4", "bleu_1", "bleu_2", "bleu_3"]
    for order in (1, 2, 3, 4):
        expected = 100 * math.prod(shares[:order]) ** (1 / order)
        assert found[f"bleu_{order}"] == pytest.approx(expected)


def test_bleu_is_not_smoothed() -> None:
    found = bleus(["a cat sat up"], [["a cat ran up"]])
    assert found["bleu_2"] == pytest.approx(100 * math.sqrt(3 / 4 * 1 / 3))
    assert (found["bleu_3"], found["bleu_4"]) == (0.0, 0.0)


def test_bleu_is_penalised_against_the_reference_nearest_in_length() -> None:
    references = [["one two three four", "one two three four five six seven"]]
    # Three words: the reference of four is nearer.
    assert bleus(["one two three"], references)["bleu_1"] == pytest.approx(
        100 * math.exp(1 - 4 / 3)
    )


def test_a_caption_may_agree_with_any_of_its_references() -> None:
    output = ["Two big dogs run along the beach", "a cat sleeps on the mat"]
    references = [
        ["dogs are running", "two big dogs run along the beach."],
        ["a cat sleeps on the mat"],
    ]
    assert bleus(output, references)["bleu_4"] == pytest.approx(100.0)
    assert rouge_l(output, references)[0].value == pytest.approx(100.0)


def test_the_signature_says_how_words_were_taken() -> None:
    detail = caption_bleu(["a"], [["a", "b"]])[0].detail
    assert "nrefs:2" in detail and "tok:none|smooth:none" in detail
    assert "no punctuation" in detail


def test_rouge_l_takes_the_best_precision_and_the_best_recall() -> None:
    # With "a c b d" 2 in common: P 2/3, R 2/4; with "b" 1 in common: P 1/3, R 1.
    (score,) = rouge_l(["a b x"], [["a c b d", "b"]])
    precision, recall, weight = 2 / 3, 1.0, 1.2**2
    expected = (1 + weight) * precision * recall / (recall + weight * precision)
    assert score.value == pytest.approx(100 * expected)


def test_rouge_l_is_a_mean_over_examples_and_nothing_scores_nothing() -> None:
    (score,) = rouge_l(["a b", "", "x"], [["a b"], ["a b"], ["a b"]])
    assert score.value == pytest.approx(100 / 3)


REFERENCES = [["a cat"], ["a dog"]]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        # "a" is in both pictures and weighs nothing; "cat" and "a cat" agree, there
        # are no triples or fours: 2 orders of 4.
        ("a cat", 1000 * 2 / 4),
        # A word short: one order of 4, and the penalty of length.
        ("cat", 1000 * 1 / 4 * math.exp(-1 / 72)),
        # Said twice: clipped at once, so half the cosine of one order.
        ("cat cat", 1000 * 0.5 / 4),
        ("a dog", 0.0),
        ("", 0.0),
    ],
)
def test_cider_d_weighs_ngrams_by_how_rare_they_are(
    output: str, expected: float
) -> None:
    (score,) = cider_d([output, "a dog"], REFERENCES)
    assert score.value == pytest.approx((expected + 500) / 2)


def test_cider_d_is_a_mean_over_references() -> None:
    # "a cat" says all that the first says, and nothing of the second.
    (score,) = cider_d(["a cat", "a dog"], [["a cat", "one tom"], ["a dog"]])
    assert score.value == pytest.approx((500 / 2 + 500) / 2)


def test_cider_d_of_one_picture_is_nothing() -> None:
    assert cider_d(["a cat"], [["a cat"]])[0].value == 0.0


@pytest.mark.parametrize("metric", [caption_bleu, rouge_l, cider_d])
def test_outputs_and_references_must_match_in_number(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"1 outputs .* 2 references"):
        metric(["a"], [["a"], ["b"]])
