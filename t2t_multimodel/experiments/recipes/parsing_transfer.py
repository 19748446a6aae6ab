"""Table 3 of the paper: parsing alone, with images, with all problems."""

from __future__ import annotations

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Experiment, Paper, Question
from t2t_multimodel.experiments.setting import Setting

PAPER = Paper(
    "Table 3: parsing gains from images, which have nothing to do with it, and more "
    "from all eight problems.",
    ("paper, parsing", "alone", "with ImageNet", "with all eight"),
    (
        ("log-perplexity (about)", "0.20", "0.16", "0.15"),
        ("whole trees right (about)", "12 %", "13 %", "14.5 %"),
    ),
)


@registry.register_experiment
def parsing_transfer(setting: Setting) -> Experiment:
    """Parsing alone, with images (or else one other problem), with all (table 3)."""
    parsing, partner = setting.parsing, setting.partner(setting.parsing)
    alone = setting.alone(parsing)
    arms = []
    if partner:
        arms.append(setting.together((parsing, partner), f"with {partner}"))
    if len(setting.problems) > 2:
        arms.append(setting.together(name=f"with all {len(setting.problems)}"))
    return Experiment(
        title="Does parsing gain from other problems, and from images?",
        arms=(alone, *arms),
        questions=tuple(
            Question(parsing, f"being trained {arm.name}", alone.name, arm.name, True)
            for arm in arms
        ),
        paper=PAPER,
        notes=("Parsing has the same batches in every arm.",),
    )
