"""Accuracy of ranked classes. Every class counts, class 0 as well."""

from __future__ import annotations

from collections.abc import Sequence

from t2t_multimodel.evaluation.score import Score


def top_1(rankings: Sequence[Sequence[int]], labels: Sequence[int]) -> tuple[Score]:
    """The share of examples whose best class is the right one, in percent.

    Args:
        rankings: For each example its classes, likeliest first.
        labels: The right classes.
    """
    return (Score("top_1", _hit_rate(rankings, labels, 1), "top-1", "%"),)


def top_5(rankings: Sequence[Sequence[int]], labels: Sequence[int]) -> tuple[Score]:
    """The share of examples whose right class is among the best five, in percent."""
    return (Score("top_5", _hit_rate(rankings, labels, 5), "top-5", "%"),)


def _hit_rate(
    rankings: Sequence[Sequence[int]], labels: Sequence[int], depth: int
) -> float:
    if len(rankings) != len(labels) or not labels:
        raise ValueError(
            f"{len(rankings)} rankings cannot be scored against {len(labels)} labels: "
            "the two must be equally many, and some."
        )
    hits = sum(
        label in ranked[:depth] for ranked, label in zip(rankings, labels, strict=True)
    )
    return 100.0 * hits / len(labels)
