"""Scores of captions against several references: BLEU-1 to BLEU-4, ROUGE-L, CIDEr-D.

All three look at `caption_tokens`: lower-cased words, as the COCO caption evaluation
(Chen and others, 2015, arXiv 1504.00325) prepares them. That one splits with Stanford's
tokenizer; the rules here are our own and agree with it on ordinary captions, not on
every abbreviation, so figures may differ from its in the last digit.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from t2t_multimodel.evaluation.measurement import Measurement, check_lengths, of_sums
from t2t_multimodel.evaluation.text_scores import (
    References,
    bleu_of,
    bleu_sums,
    reference_sets,
)

TOKENS = "tokens: lower case, n't and 's apart, no punctuation"
ROUGE_BETA = 1.2
CIDER_ORDER = 4
# How fast a caption of another length than the reference's loses, in words.
CIDER_SIGMA = 6.0

_TOKEN = re.compile(
    r"\w+?(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\w+(?:[-./,]\w+)*|[^\w\s]"
)
_PUNCTUATION = frozenset("'\"`.?!,:;-()[]{}…–—‘’“”_/")

Vector = dict[tuple[str, ...], float]


def caption_tokens(text: str) -> list[str]:
    """The words of a caption that are scored, without case and punctuation.

    "It's a T-shirt, isn't it?" is `it 's a t-shirt is n't it`.
    """
    lowered = text.lower().replace("’", "'")
    return [t for t in _TOKEN.findall(lowered) if t not in _PUNCTUATION]


def caption_bleu(
    hypotheses: Sequence[str], references: References
) -> tuple[Measurement, ...]:
    """BLEU-4, then BLEU-1 to BLEU-3, over the corpus, 0 to 100.

    sacreBLEU's computation on `caption_tokens`, without smoothing: the geometric mean
    of the precisions of n-grams up to n, times the brevity penalty, the reference
    nearest in length being the one that counts for it.
    """
    check_lengths(hypotheses, references)
    outputs = [" ".join(caption_tokens(text)) for text in hypotheses]
    sets = [
        [" ".join(caption_tokens(text)) for text in found]
        for found in reference_sets(references)
    ]
    rows_NS, signature = bleu_sums(outputs, sets, tokenize="none", smooth_method="none")
    detail = f"{signature}, {TOKENS}"
    return tuple(
        of_sums(
            f"bleu_{order}",
            f"BLEU-{order}",
            rows_NS,
            partial(bleu_of, order=order, smooth_method="none"),
            detail=detail,
        )
        for order in (4, 1, 2, 3)
    )


def rouge_l(
    hypotheses: Sequence[str], references: References
) -> tuple[Measurement, ...]:
    """ROUGE-L (Lin, 2004), 0 to 100, the mean over examples.

    With P and R the share of the output's and of a reference's words in their longest
    common subsequence, each the best over the references, an example scores
    (1 + b^2) P R / (R + b^2 P), b = 1.2 as in the COCO caption evaluation.
    """
    check_lengths(hypotheses, references)
    rows = []
    for output, found in zip(hypotheses, reference_sets(references), strict=True):
        words = caption_tokens(output)
        precision = recall = 0.0
        for text in found:
            wanted = caption_tokens(text)
            common = _common_length(words, wanted)
            precision = max(precision, common / len(words) if words else 0.0)
            recall = max(recall, common / len(wanted) if wanted else 0.0)
        weight = ROUGE_BETA**2
        below = recall + weight * precision
        score = (1 + weight) * precision * recall / below if below else 0.0
        rows.append([100.0 * score, 1.0])
    return (of_sums("rouge_l", "ROUGE-L", rows, _mean, detail=TOKENS),)


def cider_d(
    hypotheses: Sequence[str], references: References
) -> tuple[Measurement, ...]:
    """CIDEr-D (Vedantam and others, 2015, arXiv 1411.5726), times 100 as in papers.

    For n from 1 to 4 a text is the vector of its n-grams' counts, each times log of
    (N / number of examples with that n-gram in a reference). An output and a reference
    score the cosine of their vectors, the output's entries clipped at the reference's,
    times exp(-d^2 / 72) with d their difference in length; an example scores 10 times
    the mean over n and over its references. So a perfect one may reach 1000 here.

    The document frequencies are those of the whole set of references, also where
    examples are resampled. A set of one example scores 0: every n-gram is in all of it.
    """
    check_lengths(hypotheses, references)
    sets = [
        [_ngrams(caption_tokens(text)) for text in found]
        for found in reference_sets(references)
    ]
    frequency: Counter[tuple[str, ...]] = Counter()
    for found in sets:
        frequency.update({ngram for counts in found for ngram in counts})
    log_size = math.log(len(sets))
    rows = []
    for output, found in zip(hypotheses, sets, strict=True):
        ours = _ngrams(caption_tokens(output))
        scores = [_cider(ours, theirs, frequency, log_size) for theirs in found]
        rows.append([1000.0 * sum(scores) / len(scores), 1.0])
    return (of_sums("cider_d", "CIDEr-D", rows, _mean, detail=TOKENS),)


def _cider(
    ours: Counter[tuple[str, ...]],
    theirs: Counter[tuple[str, ...]],
    frequency: Counter[tuple[str, ...]],
    log_size: float,
) -> float:
    """The mean over n of the clipped cosine, times the penalty of length; 0 to 1."""

    def weigh(counts: Counter[tuple[str, ...]], order: int) -> Vector:
        return {
            ngram: count * (log_size - math.log(max(1, frequency[ngram])))
            for ngram, count in counts.items()
            if len(ngram) == order
        }

    total = 0.0
    for order in range(1, CIDER_ORDER + 1):
        found, wanted = weigh(ours, order), weigh(theirs, order)
        norms = math.hypot(*found.values()) * math.hypot(*wanted.values())
        if norms:
            agreed = sum(
                min(value, wanted[ngram]) * wanted[ngram]
                for ngram, value in found.items()
                if ngram in wanted
            )
            total += agreed / norms
    lengths = [
        sum(n for ngram, n in c.items() if len(ngram) == 1) for c in (ours, theirs)
    ]
    penalty = math.exp(-((lengths[0] - lengths[1]) ** 2) / (2 * CIDER_SIGMA**2))
    return penalty * total / CIDER_ORDER


def _ngrams(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(
        tuple(words[start : start + order])
        for order in range(1, CIDER_ORDER + 1)
        for start in range(len(words) - order + 1)
    )


def _common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, 1):
            above = lengths[place]
            same = diagonal + 1 if word == other else max(above, lengths[place - 1])
            lengths[place], diagonal = same, above
    return lengths[-1]


def _mean(sums_S: np.ndarray) -> float:
    return float(sums_S[0] / sums_S[1])
