"""Experiments: claims about training, each as a command (docs/experiments.md).

The catalogue maps an experiment's name to the module that registers it.
"""

from __future__ import annotations

_RECIPES = "t2t_multimodel.experiments.recipes"

CATALOGUE: dict[str, str] = {
    "ablation": f"{_RECIPES}.ablation",
    "joint_vs_single": f"{_RECIPES}.joint_vs_single",
    "parsing_transfer": f"{_RECIPES}.parsing_transfer",
    "scaling": f"{_RECIPES}.scaling",
    "scaling_examples": f"{_RECIPES}.scaling",
    "scaling_experts": f"{_RECIPES}.scaling",
    "scaling_problems": f"{_RECIPES}.scaling",
}
