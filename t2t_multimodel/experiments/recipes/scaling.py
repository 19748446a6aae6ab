"""How scores grow: with experts, with problems, with examples of the scarce problem."""

from __future__ import annotations

import dataclasses

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Arm, Experiment, Question
from t2t_multimodel.experiments.setting import Setting

PARTS = (1 / 8, 1 / 4, 1 / 2)


@registry.register_experiment
def scaling_experts(setting: Setting) -> Experiment:
    """The joint model with a quarter of its experts, with all, with four times more."""
    model = setting.hparams.model
    numbers = [max(model.top_k, model.num_experts // 4), model.num_experts]
    numbers = sorted({*numbers, 4 * model.num_experts})
    arms = [
        setting.together(name=f"{number} experts", num_experts=number)
        for number in numbers
    ]
    return Experiment(
        title="What do more experts give?",
        arms=tuple(arms),
        questions=tuple(
            Question(
                name, f"{arm.name} instead of {numbers[0]}", arms[0].name, arm.name
            )
            for arm in arms[1:]
            for name in setting.problems
        ),
        notes=(f"Every position meets {model.top_k} experts in all arms.",),
    )


@registry.register_experiment
def scaling_problems(setting: Setting) -> Experiment:
    """The scarce problem alone, with one other, with three others, ..., with all."""
    scarce, first = scarce_problem(setting), setting.partner(scarce_problem(setting))
    others = [n for n in setting.problems if n != scarce and n != first]
    order = [scarce, *([first] if first and first != scarce else []), *others]
    counts = [count for count in (2, 4, 8, 16) if count < len(order)]
    alone = setting.alone(scarce)
    arms = [
        setting.together(order[:count], f"{count} problems")
        for count in (*counts, len(order))
        if count > 1
    ]
    return Experiment(
        title="What do more problems give to the scarce one?",
        arms=(alone, *arms),
        questions=tuple(
            Question(scarce, f"being one of {arm.name}", alone.name, arm.name)
            for arm in arms
        ),
        notes=("Joined in this order: " + ", ".join(order) + ".",),
    )


@registry.register_experiment
def scaling_examples(setting: Setting) -> Experiment:
    """The scarce problem with an eighth, a quarter, half of its examples, and all."""
    scarce = scarce_problem(setting)
    number = setting.scarce.get(scarce)
    if number is None:
        raise ValueError(
            f"scaling over examples needs the number of examples of {scarce} to begin "
            f"with: --scarce={scarce}:1000"
        )
    sizes = [max(1, int(number * part)) for part in PARTS] + [number]
    arms: list[Arm] = []
    for base, title in ((setting.alone(scarce), "alone"), (setting.together(), "all")):
        arms += [
            dataclasses.replace(
                base,
                name=f"{title}, {size} examples",
                column=f"{title}, {size}",
                train_examples={scarce: size},
            )
            for size in sizes
        ]
    return Experiment(
        title="Does a problem gain more from the others, the fewer examples it has?",
        arms=tuple(arms),
        questions=tuple(
            Question(scarce, f"the others, with {size} examples", one.name, other.name)
            for size, one, other in zip(
                sizes, arms[: len(sizes)], arms[len(sizes) :], strict=True
            )
        ),
        notes=("Fewer examples are a part of more; the steps are the same.",),
    )


@registry.register_experiment
def scaling(setting: Setting) -> Experiment:
    """Experts, problems and examples of the scarce problem, all three."""
    parts = [scaling_experts(setting), scaling_problems(setting)]
    if scarce_problem(setting) in setting.scarce:
        parts.append(scaling_examples(setting))
    arms = {arm.name: arm for part in parts for arm in part.arms}
    return Experiment(
        title="What do more experts, more problems and more examples give?",
        arms=tuple(arms.values()),
        questions=tuple(question for part in parts for question in part.questions),
        notes=tuple(note for part in parts for note in part.notes),
    )


def scarce_problem(setting: Setting) -> str:
    """The problem of which the setting has few examples; else parsing."""
    return next(iter(setting.scarce), None) or setting.parsing
