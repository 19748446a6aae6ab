"""What the paper does not say, tried on the joint model: tuning.md has the figures.

  t2t-experiment --t2t_usr_dir=docs/experiments --experiments=tuning \\
      --output_dir=tuning --train_steps=36 --num_seeds=1 --split=dev \\
      --mixture=image_mini=9,caption_mini=9,speech_mini=4 --max_examples=100 \
      --hparams=batch_cost_text=1024

Every arm is the joint model with one choice made otherwise. All see the same examples
equally often: where a batch is half as large, a run takes twice as many steps.

  t2t-experiment --t2t_usr_dir=docs/experiments --experiments=tuning_further \\
      --output_dir=tuning --train_steps=36 --num_seeds=3 --split=dev \\
      --mixture=image_mini=9,caption_mini=9,speech_mini=4 --max_examples=100 \
      --hparams=batch_cost_text=1024

goes on in the same folder with what looked better, with several seeds; `tuning_text`
asks likewise of problems of text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Arm, Experiment, Question
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.training.config import HParams

COSTS = ("batch_cost_text", "batch_cost_image", "batch_cost_audio")


@registry.register_experiment
def tuning(setting: Setting) -> Experiment:
    """The joint model with one choice made otherwise, for each choice."""
    arms = [
        setting.together(name=name, **changes)
        for name, changes in choices(setting.hparams).items()
    ]
    halved = setting.together(
        name="batches half as large",
        **{name: getattr(setting.hparams.training, name) // 2 for name in COSTS},
    )
    arms.append(dataclasses.replace(halved, train_steps=2 * halved.train_steps))
    one = "One choice at a time; two that help need not help together."
    return compared(setting, arms, one)


@registry.register_experiment
def tuning_further(setting: Setting) -> Experiment:
    """What `tuning` found better with one seed, with several."""
    return compared(setting, [smaller_text(setting, 2), narrower(setting)])


@registry.register_experiment
def tuning_text(setting: Setting) -> Experiment:
    """The same for problems of text alone, and batches smaller still."""
    smaller = [smaller_text(setting, times) for times in (2, 4)]
    return compared(setting, [*smaller, narrower(setting)])


def compared(setting: Setting, arms: Sequence[Arm], *notes: str) -> Experiment:
    """Arms against the joint model as it is."""
    usual = setting.together(name="as it is")
    return Experiment(
        title="Does another choice serve the joint model better?",
        arms=(usual, *arms),
        questions=tuple(
            Question(problem, arm.name, usual.name, arm.name)
            for arm in arms
            for problem in setting.problems
        ),
        notes=(
            *notes,
            "Smaller batches take as many times more steps as they are smaller.",
        ),
    )


def narrower(setting: Setting) -> Arm:
    """Half as large batches of text, and twice as many experts at a time, half as wide.

    A position meets as many weights.
    """
    model = setting.hparams.model
    return smaller_text(
        setting,
        2,
        "and twice as many experts half as wide",
        top_k=2 * model.top_k,
        expert_hidden_size=model.expert_hidden_size // 2,
    )


def smaller_text(setting: Setting, times: int, more: str = "", **changes: Any) -> Arm:
    """The joint model with batches of text so many times smaller.

    Problems that read text take as many times more steps, all others the same.
    """
    steps = {
        name: setting.steps(name)
        * (times if registry.problem(name).inputs.modality == "text" else 1)
        for name in setting.problems
    }
    size = {2: "half", 4: "a quarter"}[times]
    rates = ",".join(f"{name}={number}" for name, number in steps.items())
    arm = setting.together(
        name=f"batches of text {size} as large{more and ' ' + more}",
        batch_cost_text=setting.hparams.training.batch_cost_text // times,
        mixture=f"evenly,{rates}",
        **changes,
    )
    return dataclasses.replace(arm, train_steps=sum(steps.values()))


def choices(hparams: HParams) -> Mapping[str, Mapping[str, Any]]:
    """Names of choices, and the fields they change."""
    model, training = hparams.model, hparams.training
    return {
        "added parts start at full size": {"residual_scale": 1.0},
        "added parts start at zero": {"residual_scale": 0.0},
        "half the rate": {"learning_rate": training.learning_rate / 2},
        "twice the rate": {"learning_rate": training.learning_rate * 2},
        "warm-up four times as long": {"warmup_steps": 4 * training.warmup_steps},
        "inverse square root": {"schedule": "rsqrt"},
        "experts half as wide": {"expert_hidden_size": model.expert_hidden_size // 2},
        "experts twice as wide": {"expert_hidden_size": model.expert_hidden_size * 2},
        "four experts at a time": {"top_k": 4},
        "balancing a tenth as strong": {
            "importance_loss_weight": model.importance_loss_weight / 10,
            "load_loss_weight": model.load_loss_weight / 10,
        },
        "no label smoothing": {"label_smoothing": 0.0},
        "dropout of a tenth": {"dropout": 0.1, "attention_dropout": 0.1},
        "Adam's second decay 0.999": {"adam_beta2": 0.999},
    }
