"""What a recipe is given: the problems, the budget of each, and the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Arm

if TYPE_CHECKING:
    from t2t_multimodel.data.problem import Problem
    from t2t_multimodel.training.config import HParams


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a user chose, as far as it decides the arms.

    Attributes:
        problems: Names, in the order of the tables.
        train_steps: Steps that a problem has, in every arm that trains it.
        hparams: The set that arms change.
        scarce: How many training examples problems may use; others have all of theirs.
        rates: Problems that have so many times `train_steps`; others have 1.
    """

    problems: tuple[str, ...]
    train_steps: int
    hparams: HParams
    scarce: Mapping[str, int] = dataclasses.field(default_factory=dict)
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, named in (("scarce", self.scarce), ("mixture", self.rates)):
            for name in named:
                if name not in self.problems:
                    raise ValueError(
                        f"{what} names {name}, which is not among the problems: "
                        f"{', '.join(self.problems)}"
                    )

    def rate(self, problem: str) -> float:
        """How many times `train_steps` a problem has."""
        return self.rates.get(problem, 1.0)

    def steps(self, problem: str) -> int:
        """The steps that a problem has in every arm that trains it."""
        return max(1, round(self.train_steps * self.rate(problem)))

    def mixture(self, problems: Sequence[str]) -> str:
        """The mixture by which each of some problems has its steps, to the last one."""
        steps = {name: self.steps(name) for name in problems}
        if len(set(steps.values())) == 1:
            return "uniform"
        return ",".join(["evenly", *(f"{name}={n}" for name, n in steps.items())])

    def alone(self, problem: str) -> Arm:
        """An arm of one problem."""
        return Arm(f"{problem} alone", (problem,), self.steps(problem), "alone")

    def together(
        self,
        problems: Sequence[str] | None = None,
        name: str = "",
        **changes: Any,
    ) -> Arm:
        """An arm of several problems, by default all, each with its full budget.

        Args:
            problems: Which.
            name: The arm's; by default how many there are.
            changes: Fields of the hyper-parameters.
        """
        names = tuple(problems or self.problems)
        steps = sum(self.steps(problem) for problem in names)
        return Arm(name or f"all {len(names)}", names, steps, changes=changes)

    @property
    def parsing(self) -> str:
        """The problem whose targets are trees.

        Raises:
            ValueError: There is none.
        """
        from t2t_multimodel.data.features import Tree

        for name in self.problems:
            if isinstance(self._problem(name).targets, Tree):
                return name
        raise ValueError(
            "the experiment needs a problem with parse trees among "
            f"{', '.join(self.problems)}; parse_mini and parse_wsj are such"
        )

    @property
    def images(self) -> str | None:
        """The problem that classifies images, or else one with images, if any."""
        found = [n for n in self.problems if self._reads(n) == "image"]
        labels = [n for n in found if self._problem(n).targets.modality == "label"]
        return next(iter((*labels, *found)), None)

    def partner(self, problem: str) -> str | None:
        """Who a problem is first joined with: images, or else the first other one."""
        others = [name for name in self.problems if name != problem]
        return self.images or next(iter(others), None)

    def _reads(self, name: str) -> str:
        return self._problem(name).inputs.modality

    @staticmethod
    def _problem(name: str) -> Problem:
        return registry.problem(name)
