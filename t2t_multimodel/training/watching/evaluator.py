"""What training asks of evaluation and decoding, neither of which it imports.

`training.run.train` is handed a function that makes one; `t2t_multimodel.train` and
`t2t-trainer` hand it `evaluation.while_training.WhileTraining`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from t2t_multimodel.training.restore import Run

LOSS = "loss"


# The raw input (where it is found, if it is no text), the right output, the model's.
DecodedExample = tuple[str, str, str]


class Evaluator(Protocol):
    """Decodes dev examples with the weights that the model has now."""

    def check(self, problem: str, metric: str) -> None:
        """Raises `ValueError` if the problem has no such metric or no dev split."""

    def is_lower_better(self, metric: str) -> bool:
        """Whether a smaller figure of this metric is the better one."""

    def score(
        self, problem: str, metrics: Sequence[str], max_examples: int
    ) -> Mapping[str, float]:
        """Figures by metric, on the first so many dev examples."""

    def samples(self, problem: str, count: int) -> Iterable[DecodedExample]:
        """The first so many dev examples, decoded; none without a dev split."""


# Makes an evaluator from the run that is being trained.
MakeEvaluator = Callable[["Run"], Evaluator]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a problem on dev data by which a run is judged.

    Attributes:
        problem: The problem.
        metric: "loss", or a metric that `evaluator` knows.
        is_lower_better: Which way is up.
    """

    problem: str
    metric: str
    is_lower_better: bool

    @property
    def name(self) -> str:
        """`PROBLEM/METRIC`."""
        return f"{self.problem}/{self.metric}"

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value is strictly better; any is than none, and NaN never is."""
        if value != value:
            return False
        if than is None:
            return True
        return value < than if self.is_lower_better else value > than


def figure_of(
    field: str,
    name: str,
    problems: Sequence[str],
    with_dev: Iterable[str],
    evaluator: Evaluator | None,
) -> Figure:
    """The figure that a hyper-parameter names.

    Args:
        field: The hyper-parameter.
        name: "PROBLEM/METRIC".
        problems: The run's.
        with_dev: Those that have a dev split.
        evaluator: Decodes; None: only losses are known.

    Raises:
        ValueError: There is no such figure in this run.
    """
    problem, _, metric = name.partition("/")
    if problem not in problems:
        raise ValueError(
            f"{field} is {name!r}, but the run's problems are: {', '.join(problems)}"
        )
    if metric == LOSS:
        if problem not in with_dev:
            raise ValueError(f"{field} is {name!r}, but {problem} has no dev split")
        return Figure(problem, metric, is_lower_better=True)
    if evaluator is None:
        raise ValueError(
            f"{field} is {name!r}, which takes decoding: train with "
            "t2t_multimodel.train, or by PROBLEM/loss"
        )
    try:
        evaluator.check(problem, metric)
    except ValueError as error:
        raise ValueError(f"{field} is {name!r}: {error}") from error
    return Figure(problem, metric, evaluator.is_lower_better(metric))
