"""The metrics of what a run wrote, ready to be resampled."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.evaluation.measurement import Measurement, of_sums
from t2t_multimodel.evaluation.metrics import LOWER_IS_BETTER, measure_one
from t2t_multimodel.evaluation.score import ProblemScores

LOG_PERPLEXITY = "teacher_forced/log_perplexity"
# These have no upper end; all others are of 100.
_WITHOUT_END = frozenset(("wer", "cer", "cider_d", LOG_PERPLEXITY))


def metrics_of(problem: str) -> tuple[str, ...]:
    """The metrics of a problem: its own, and for text the teacher-forced loss."""
    known = registry.problem(problem)
    is_text = known.targets.modality == "text"
    return (*known.metrics, *((LOG_PERPLEXITY,) if is_text else ()))


def measure(result: ProblemScores, metric: str) -> Measurement:
    """A metric of what a run wrote, ready to be resampled."""
    samples = result.samples
    if metric == LOG_PERPLEXITY:
        rows = [sample.target_sums or (0.0, 0.0, 0.0) for sample in samples]
        title = "log-perplexity"
        return of_sums(metric, title, rows, lambda s: -s[0] / max(s[2], 1.0))
    several = any(len(sample.references) > 1 for sample in samples)
    right: Sequence[Any] = [
        sample.references if several else sample.references[0] for sample in samples
    ]
    ranked = any(sample.ranking for sample in samples)
    outputs: Sequence[Any] = [
        sample.ranking if ranked else sample.output for sample in samples
    ]
    return measure_one(metric, outputs, right)


def less_is_better(metric: str) -> bool:
    """Whether a smaller figure is the better one."""
    return metric in LOWER_IS_BETTER or metric == LOG_PERPLEXITY


def range_of(metric: str) -> tuple[float, float]:
    """The least and the largest value that a figure can have."""
    return 0.0, math.inf if metric in _WITHOUT_END else 100.0


def digits_of(metric: str) -> int:
    """With how many digits after the point a figure is told."""
    return 3 if metric == LOG_PERPLEXITY else 1


def bound_words(bound: float, digits: int) -> str:
    """An interval's end, with its sign; with more digits where it would read as 0.

    Whether an interval includes 0 so is seen from what is told, to six digits: `+0.04`,
    not `+0.0`.
    """
    while bound and digits < 6 and round(bound, digits) == 0:
        digits += 1
    return f"{bound:+.{digits}f}"


def span(numbers: Collection[int]) -> str:
    """`640`, or `636 to 640`."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
