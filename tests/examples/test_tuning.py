"""The recipe of docs/experiments: one choice at a time, on equal budgets."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.mixture import Mixture
from t2t_multimodel.experiments.plan import arm_hparams
from t2t_multimodel.experiments.recipe import Arm
from t2t_multimodel.experiments.setting import Setting

FILE = Path(__file__).parents[2] / "docs" / "experiments" / "tuning.py"
SETTING = Setting(registry.group("mini_eight"), 40, registry.hparams("multimodel_tiny"))
HALVED = "batches half as large"


@pytest.fixture
def recipes() -> dict[str, Any]:
    return runpy.run_path(str(FILE))


@pytest.fixture
def arms(recipes: dict[str, Any]) -> dict[str, Arm]:
    return {arm.name: arm for arm in recipes["tuning"](SETTING).arms}


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


def test_smaller_batches_of_text_leave_all_other_steps_as_they_are(
    recipes: dict[str, Any],
) -> None:
    usual, *others = recipes["tuning_text"](SETTING).arms
    assert [arm.train_steps for arm in (usual, *others)] == [320, 520, 920, 520]
    for arm, times in zip(others, (2, 4, 2), strict=True):
        training = arm_hparams(SETTING, arm, 0).training
        assert training.batch_cost_text * times == (
            SETTING.hparams.training.batch_cost_text
        )
        mixture = Mixture(
            arm.problems, dict.fromkeys(arm.problems, 1), training.mixture
        )
        counts = mixture.counts_before(training.train_steps)
        assert counts["image_mini"] == counts["speech_mini"] == 40
        assert counts["parse_mini"] == counts["translate_deen_mini"] == 40 * times
    assert recipes["tuning_further"](SETTING).arms == (usual, others[0], others[2])
