"""Table 2 of the paper: every problem alone, and all of them in one model."""

from __future__ import annotations

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Experiment, Paper, Question
from t2t_multimodel.experiments.setting import Setting

PAPER = Paper(
    "Table 2: trained jointly, ImageNet, where data is plenty, is as good as alone; "
    "translation, speech and parsing are better, the more so the less data they have. "
    "Table 1 of the paper has the joint model's scores.",
    ("paper, joint model", "score", "state of the art of 2017"),
    (
        ("ImageNet top-5 accuracy", "86 %", "95 %"),
        ("WMT English-German BLEU", "21.2", "26.0"),
        ("WMT English-French BLEU", "30.5", "40.5"),
    ),
)


@registry.register_experiment
def joint_vs_single(setting: Setting) -> Experiment:
    """Every problem alone and all jointly, each with as many examples (table 2)."""
    joint = setting.together(name="jointly")
    return Experiment(
        title="Does a problem gain from being trained with the others?",
        arms=(*(setting.alone(name) for name in setting.problems), joint),
        questions=tuple(
            Question(name, "being trained jointly", f"{name} alone", joint.name)
            for name in setting.problems
        ),
        paper=PAPER,
        notes=(
            "A problem has the same batches alone and jointly. The joint model takes "
            "the steps of all problems, so its weights are updated more often, and one "
            "model of the same size serves all.",
        ),
    )
