"""The metrics that a problem may name, and what computes each.

A metric reads all decoded outputs of a split beside the raw references and answers with
its score first, then figures that come with it (precision and recall beside F1).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from t2t_multimodel.evaluation import label_scores, text_scores, tree_scores
from t2t_multimodel.evaluation.score import Score

Compute = Callable[[Sequence[Any], Sequence[Any]], tuple[Score, ...]]

METRICS: dict[str, Compute] = {
    "bleu": text_scores.bleu,
    "bleu_4": text_scores.caption_bleu,
    "wer": text_scores.word_errors,
    "cer": text_scores.character_errors,
    "bracketing_f1": tree_scores.bracketing,
    "whole_trees": tree_scores.whole_trees,
    "tagging_accuracy": tree_scores.tagging,
    "top_1": label_scores.top_1,
    "top_5": label_scores.top_5,
}


def check_metrics(names: Sequence[str]) -> None:
    """Raises `ValueError` with near names where a name is not that of a metric."""
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS) or sorted(METRICS)
            raise ValueError(f"no metric {name!r}; near it: {', '.join(near)}.")


def compute_scores(
    names: Sequence[str], hypotheses: Sequence[Any], references: Sequence[Any]
) -> tuple[Score, ...]:
    """The scores of the metrics named, in that order, each with its companions.

    Args:
        names: Metrics of `METRICS`.
        hypotheses: Decoded text for text targets, ranked classes for labels.
        references: The raw targets, in the same order.

    Raises:
        ValueError: A metric is unknown, or the two do not match in number.
    """
    check_metrics(names)
    scores: dict[str, Score] = {}
    for name in names:
        for score in METRICS[name](hypotheses, references):
            scores.setdefault(score.name, score)
    return tuple(scores.values())
