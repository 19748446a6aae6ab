"""What an experiment is: arms that are trained, and questions that compare two of them.

An arm is one way to train; it is run once for each seed. A question names a problem and
two arms, and is answered by the difference of the problem's scores between them. A
recipe is a function that is given a `Setting` and returns an `Experiment`:

    @registry.register_experiment
    def joint_vs_single(setting: Setting) -> Experiment: ...

Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        name: As questions, tables and curves name it.
        problems: What one model is trained on, in the model's order.
        train_steps: Of the whole run, all problems together.
        column: Where its figures stand in a table; arms of different problems may share
            a column. By default its name.
        changes: Fields of the hyper-parameters that differ from the setting's.
        train_examples: How many training examples problems may use, where that differs
            from the setting's `scarce`; 0: all.
    """

    name: str
    problems: tuple[str, ...]
    train_steps: int
    column: str = ""
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train_examples: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """The column that it stands in."""
        return self.column or self.name


@dataclasses.dataclass(frozen=True)
class Question:
    """Whether a problem gains from something.

    Attributes:
        problem: Which problem.
        thing: What it may gain from, as in "parse_mini gains from THING".
        baseline: The arm without it.
        arm: The arm with it.
        tells_all: Whether all the problem's metrics are told in words, not the first
            alone.
    """

    problem: str
    thing: str
    baseline: str
    arm: str
    tells_all: bool = False


@dataclasses.dataclass(frozen=True)
class Paper:
    """What the paper reports, to stand beside ours.

    Attributes:
        says: In words.
        head: Columns of a table, if it has figures.
        rows: Its cells.
    """

    says: str
    head: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Arms and what is asked of them.

    Attributes:
        title: What it is about.
        arms: In the order of the tables.
        questions: In the order of the answers.
        paper: What the paper reports of it, if it does.
        notes: What a reader must know to judge the answers.

    Raises:
        ValueError: Two arms have one name, a question names an arm that is not there or
            does not train its problem, or there is no arm.
    """

    title: str
    arms: tuple[Arm, ...]
    questions: tuple[Question, ...]
    paper: Paper | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two arms are called {twice.pop()!r}")
        if not names:
            raise ValueError(f"the experiment {self.title!r} has no arm")
        for question in self.questions:
            for name in (question.baseline, question.arm):
                if name not in names:
                    raise ValueError(
                        f"a question is about the arm {name!r}; there are: "
                        f"{', '.join(names)}"
                    )
                if question.problem not in self.arm(name).problems:
                    raise ValueError(
                        f"the arm {name!r} does not train {question.problem}"
                    )

    def arm(self, name: str) -> Arm:
        """The arm of a name."""
        return next(arm for arm in self.arms if arm.name == name)
