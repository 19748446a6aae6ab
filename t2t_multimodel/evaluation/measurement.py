"""A corpus score as a function of how often each example counts.

That form is what resampling needs: the examples are looked at once, each leaves a few
sums (matches, lengths, errors), and the score of any resampled corpus follows from
those sums without decoding or matching anything again.

Shape suffixes: N examples, S sums of one example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """One figure of a corpus, ready to be resampled.

    Attributes:
        name: The metric's name, as in `bleu`.
        title: How a table names it.
        num_examples: N.
        of_weights: The figure, given how often each example counts, float64 `[N]`.
        unit: `"%"`, or empty.
        detail: What makes the figure comparable, such as sacreBLEU's signature.
    """

    name: str
    title: str
    num_examples: int
    of_weights: Callable[[np.ndarray], float]
    unit: str = ""
    detail: str = ""

    @property
    def value(self) -> float:
        """The figure of the corpus as it is, every example once."""
        return float(self.of_weights(np.ones(self.num_examples)))


def of_sums(
    name: str,
    title: str,
    rows: Sequence[Sequence[float]] | np.ndarray,
    score: Callable[[np.ndarray], float],
    unit: str = "",
    detail: str = "",
) -> Measurement:
    """A figure that depends on the sums of some numbers over the examples.

    Args:
        name: The metric's name.
        title: How a table names it.
        rows: The numbers of each example, `[N, S]`.
        score: The figure, given their sums over a corpus, float64 `[S]`.
        unit: `"%"`, or empty.
        detail: What makes the figure comparable.
    """
    rows_NS = np.asarray(rows, np.float64)
    return Measurement(
        name,
        title,
        len(rows_NS),
        lambda weights_N: float(score(weights_N @ rows_NS)),
        unit,
        detail,
    )


def share(part: float, whole: float) -> float:
    """A share in percent; 0 of nothing."""
    return 100.0 * float(part) / float(whole) if whole else 0.0


def check_lengths(
    hypotheses: Sequence[object], references: Sequence[object], what: str = "outputs"
) -> None:
    """Raises `ValueError` unless the two are equally many, and some."""
    if len(hypotheses) != len(references) or not len(references):
        raise ValueError(
            f"{len(hypotheses)} {what} cannot be scored against "
            f"{len(references)} references: the two must be equally many, and some."
        )
