"""Accuracy of ranked classes. Every class counts, class 0 as well."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from t2t_multimodel.evaluation.measurement import (
    Measurement,
    check_lengths,
    of_sums,
    share,
)


def top_1(
    rankings: Sequence[Sequence[Hashable]], labels: Sequence[Hashable]
) -> tuple[Measurement, ...]:
    """The share of examples whose best class is the right one, and by classes.

    Args:
        rankings: For each example its classes, likeliest first.
        labels: The right classes.

    Returns:
        The share in percent; then `top_1_macro`, the mean over the classes that occur
        of each class's own share, in which rare classes weigh as much as common ones.
    """
    hits_N = _hits(rankings, labels, 1)
    kinds = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    kind_N = np.array([kinds[label] for label in labels])

    def macro(weights_N: np.ndarray) -> float:
        right_C = np.bincount(kind_N, weights_N * hits_N, len(kinds))
        all_C = np.bincount(kind_N, weights_N, len(kinds))
        drawn_C = all_C > 0
        return 100.0 * float(np.mean(right_C[drawn_C] / all_C[drawn_C]))

    return (
        _accuracy("top_1", "top-1", hits_N),
        Measurement("top_1_macro", "top-1 by class", len(labels), macro, "%"),
    )


def top_5(
    rankings: Sequence[Sequence[Hashable]], labels: Sequence[Hashable]
) -> tuple[Measurement, ...]:
    """The share of examples whose right class is among the best five, in percent."""
    return (_accuracy("top_5", "top-5", _hits(rankings, labels, 5)),)


def _accuracy(name: str, title: str, hits_N: np.ndarray) -> Measurement:
    rows_N2 = np.stack([hits_N, np.ones(len(hits_N))], axis=1)
    return of_sums(name, title, rows_N2, lambda sums: share(sums[0], sums[1]), "%")


def _hits(
    rankings: Sequence[Sequence[Hashable]], labels: Sequence[Hashable], depth: int
) -> np.ndarray:
    """1 where the right class is among the best `depth`, else 0, float64 `[N]`."""
    check_lengths(rankings, labels, "rankings")
    return np.array(
        [
            float(label in list(ranked)[:depth])
            for ranked, label in zip(rankings, labels, strict=True)
        ]
    )
