"""A score: a number with the name of what it measures and how to print it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """One figure of one problem.

    Attributes:
        name: The metric's name, as in `bleu` or `teacher_forced/log_perplexity`.
        value: The figure; shares are in percent.
        title: How a table names it.
        unit: `"%"`, or empty.
        detail: What makes the figure comparable, such as sacreBLEU's signature.
    """

    name: str
    value: float
    title: str
    unit: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """`BLEU 27.3`, `WER 12.0 %`."""
        places = 3 if abs(self.value) < 1 and not self.unit else 1
        return f"{self.title} {self.value:.{places}f}{self.unit and ' ' + self.unit}"
