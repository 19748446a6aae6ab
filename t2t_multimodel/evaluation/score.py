"""A score: a number with the name of what it measures; a problem's scores together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TEACHER_FORCED = "teacher_forced/"


@dataclass(frozen=True)
class Score:
    """One figure of one problem.

    Attributes:
        name: The metric's name, as in `bleu` or `teacher_forced/log_perplexity`.
        value: The figure; shares are in percent.
        title: How a table names it.
        unit: `"%"`, or empty.
        detail: What makes the figure comparable, such as sacreBLEU's signature.
        interval: Where the figure lies in 95 % of resamples of the examples; None where
            that is not known.
    """

    name: str
    value: float
    title: str
    unit: str = ""
    detail: str = ""
    interval: tuple[float, float] | None = None

    @property
    def is_teacher_forced(self) -> bool:
        """Whether the model was shown the reference."""
        return self.name.startswith(TEACHER_FORCED)

    def __str__(self) -> str:
        """`BLEU 27.3`, `WER 12.0 %`."""
        return f"{self.title} {self.value:.1f}{self.unit and ' ' + self.unit}"

    @property
    def with_interval(self) -> str:
        """`BLEU 27.3 (25.1–29.6)`; without an interval as `str`."""
        if self.interval is None:
            return str(self)
        low, high = self.interval
        return f"{self} ({low:.1f}–{high:.1f})"


@dataclass(frozen=True)
class Sample:
    """One example with what the model made of it.

    Attributes:
        index: The example's place in its split.
        inputs: The raw input: text, or an array or bytes for other media.
        references: The right outputs, as text (a class by its name): one, or all that
            say the same.
        output: The model's.
        log_probability: Natural log of the probability of the output.
        ranking: The best classes by their names, likeliest first; none for text.
        target_sums: Teacher-forced, over the tokens of the right output: log-likelihood
            (nats), how many were guessed right, how many there are; None for classes.
    """

    index: int
    inputs: Any
    references: tuple[str, ...]
    output: str
    log_probability: float
    ranking: tuple[str, ...] = ()
    target_sums: tuple[float, float, float] | None = None

    @property
    def reference(self) -> str:
        """The right output, the first one where there are several."""
        return self.references[0]

    @property
    def is_right(self) -> bool:
        """Whether the output is one of the references, word by word."""
        return self.output.split() in [text.split() for text in self.references]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without inputs that are not text."""
        shown = {"inputs": self.inputs} if isinstance(self.inputs, str) else {}
        several = {"references": list(self.references)}
        return {
            "index": self.index,
            **shown,
            "reference": self.reference,
            **(several if len(self.references) > 1 else {}),
            "output": self.output,
            "log_probability": round(self.log_probability, 4),
        }


@dataclass(frozen=True)
class ProblemScores:
    """All figures of one problem on one split.

    Attributes:
        problem: Its name.
        split: "test" or "dev".
        num_examples: How many examples were scored.
        seconds: How long decoding and scoring took.
        scores: The problem's own metrics first, then the teacher-forced ones.
        samples: Every example with its output, in the split's order.
    """

    problem: str
    split: str
    num_examples: int
    seconds: float
    scores: tuple[Score, ...]
    samples: tuple[Sample, ...]

    def value(self, name: str) -> float:
        """The value of the score `name`.

        Raises:
            ValueError: The problem has no such score.
        """
        for score in self.scores:
            if score.name == name:
                return score.value
        known = ", ".join(score.name for score in self.scores)
        raise ValueError(f"{self.problem} has no score {name!r}; it has: {known}.")


def signatures(results: Sequence[ProblemScores]) -> list[str]:
    """What makes the scores comparable: a line for each signature and who has it."""
    owners: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for result in results:
        for score in result.scores:
            if score.detail:
                titles, problems = owners.setdefault(score.detail, ({}, {}))
                titles[score.title] = problems[result.problem] = None
    return [
        f"{', '.join(titles)} of {', '.join(problems)}: {detail}"
        for detail, (titles, problems) in owners.items()
    ]
