"""The recipe of docs/experiments: one choice at a time, on equal budgets."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.experiments.plan import arm_hparams
from t2t_multimodel.experiments.recipe import Arm
from t2t_multimodel.experiments.setting import Setting

FILE = Path(__file__).parents[2] / "docs" / "experiments" / "tuning.py"
SETTING = Setting(registry.group("mini_eight"), 40, registry.hparams("multimodel_tiny"))
HALVED = "batches half as large"


@pytest.fixture
def arms() -> dict[str, Arm]:
    recipe = runpy.run_path(str(FILE))["tuning"]
    return {arm.name: arm for arm in recipe(SETTING).arms}


def test_no_two_choices_are_the_same(arms: dict[str, Arm]) -> None:
    assert len(arms) > 10
    models = {dataclasses.astuple(arm_hparams(SETTING, a, 0)) for a in arms.values()}
    assert len(models) == len(arms)


def test_every_arm_sees_as_many_examples(arms: dict[str, Arm]) -> None:
    usual = arm_hparams(SETTING, arms["as it is"], 0).training
    for name, arm in arms.items():
        training = arm_hparams(SETTING, arm, 0).training
        assert training.batch_cost_text * arm.train_steps == (
            usual.batch_cost_text * usual.train_steps
        )
        assert (training.batch_cost_text < usual.batch_cost_text) == (name == HALVED)


def test_half_as_large_batches_are_so_of_all_kinds(arms: dict[str, Arm]) -> None:
    usual, halved = (
        arm_hparams(SETTING, arms[name], 0).training for name in ("as it is", HALVED)
    )
    for cost in ("batch_cost_text", "batch_cost_image", "batch_cost_audio"):
        assert getattr(halved, cost) == getattr(usual, cost) // 2
