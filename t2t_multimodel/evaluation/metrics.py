"""The metrics that a problem may name, and what computes each.

A metric reads all decoded outputs of a split beside the raw references and answers with
its figure first, then those that come with it (precision and recall beside F1). Every
score has a 95 % interval by bootstrap over the examples.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from t2t_multimodel.evaluation import (
    caption_scores,
    label_scores,
    text_scores,
    tree_scores,
)
from t2t_multimodel.evaluation.bootstrap import intervals
from t2t_multimodel.evaluation.measurement import Measurement
from t2t_multimodel.evaluation.score import Score

Compute = Callable[[Sequence[Any], Sequence[Any]], tuple[Measurement, ...]]

METRICS: dict[str, Compute] = {
    "bleu": text_scores.bleu,
    "chrf": text_scores.chrf,
    "bleu_4": caption_scores.caption_bleu,
    "cider_d": caption_scores.cider_d,
    "rouge_l": caption_scores.rouge_l,
    "wer": text_scores.word_errors,
    "cer": text_scores.character_errors,
    "bracketing_f1": tree_scores.bracketing,
    "whole_trees": tree_scores.whole_trees,
    "tagging_accuracy": tree_scores.tagging,
    "top_1": label_scores.top_1,
    "top_5": label_scores.top_5,
}

# Figures that come with a metric: which one they come with.
COMPANIONS = {
    "bleu_1": "bleu_4",
    "bleu_2": "bleu_4",
    "bleu_3": "bleu_4",
    "bracketing_precision": "bracketing_f1",
    "bracketing_recall": "bracketing_f1",
    "complete_match": "bracketing_f1",
    "usable_trees": "bracketing_f1",
    "top_1_macro": "top_1",
}

LOWER_IS_BETTER = frozenset(("wer", "cer"))


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
    found: dict[str, Measurement] = {}
    for name in names:
        for measurement in METRICS[name](hypotheses, references):
            found.setdefault(measurement.name, measurement)
    measurements = list(found.values())
    return tuple(
        Score(m.name, m.value, m.title, m.unit, m.detail, interval)
        for m, interval in zip(measurements, intervals(measurements), strict=True)
    )


def measure_one(
    name: str, hypotheses: Sequence[Any], references: Sequence[Any]
) -> Measurement:
    """One figure, a metric's own or one that comes with it, ready to be resampled.

    Raises:
        ValueError: There is no such figure for outputs like these.
    """
    owner = COMPANIONS.get(name, name)
    check_metrics([owner])
    found = {m.name: m for m in METRICS[owner](hypotheses, references)}
    return found[name]
