"""What is planned: shared runs, stretched schedules, what may be asked for later."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.experiments.plan import (
    Plan,
    Scoring,
    arm_hparams,
    check_hparams,
    have_same_batches,
    make_plan,
)
from t2t_multimodel.experiments.plan_file import (
    check_goes_on,
    read_plan,
    with_others,
    write_plan,
)
from t2t_multimodel.experiments.recipe import Experiment
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.training.schedule import learning_rate

EIGHT = registry.group("mini_eight")


def setting(train_steps: int = 50, **changes: Any) -> Setting:
    hparams = registry.hparams("multimodel_tiny").replace(**changes)
    return Setting(EIGHT, train_steps, hparams, {"parse_mini": 200})


def plan(*names: str, of: Setting | None = None, **changes: Any) -> Plan:
    asked: dict[str, Any] = {
        "seeds": (0, 1),
        "scoring": Scoring(),
        "data_dir": Path("data"),
        "threads": 1,
    }
    return make_plan(names, of or setting(), **{**asked, **changes})


def test_runs_that_two_experiments_want_are_made_once() -> None:
    two = plan("joint_vs_single", "parsing_transfer")
    # Nine arms and three, of which parsing alone and all eight are the same.
    assert len(two.runs()) == 2 * (9 + 3 - 2)
    names = [run.name for run in two.runs()]
    assert len(set(names)) == len(names)
    single = plan("parsing_transfer")
    assert {run.name for run in single.runs()} < set(names)
    assert [run.hparams.training.seed for run in single.runs()] == [0, 0, 0, 1, 1, 1]


def test_a_run_is_named_after_all_it_does() -> None:
    names = {
        plan("parsing_transfer", of=of).runs()[0].name
        for of in (setting(), setting(60), setting(dropout=0.1), setting(depth=64))
    }
    assert len(names) == 4
    assert all(name.startswith("parse_mini-") for name in names)


def test_the_schedule_is_stretched_to_the_arms_own_length() -> None:
    base = setting()
    experiment = registry.recipe("parsing_transfer")(base)
    alone, _, joint = experiment.arms
    for arm, steps in ((alone, 50), (joint, 400)):
        training = arm_hparams(base, arm, 3).training
        # multimodel_tiny warms up in 200 of its 4,000 steps: one in twenty.
        assert training.train_steps == steps
        assert training.warmup_steps == round(steps / 20)
        assert learning_rate(steps - 1, training) == pytest.approx(0.0, abs=1e-12)
        assert training.seed == 3
        assert training.train_examples == "parse_mini=200"
    alone_rates, joint_rates = (
        [learning_rate(step, arm_hparams(base, arm, 0).training) for step in steps]
        for arm, steps in ((alone, (9, 24)), (joint, (79, 199)))
    )
    assert alone_rates == pytest.approx(joint_rates, rel=0.02)


def again(before: Plan, after: Plan) -> None:
    check_goes_on(json.loads(json.dumps(before.to_dict())), after, Path("tables"))


def test_more_seeds_and_other_experiments_may_come() -> None:
    begun = plan("parsing_transfer")
    again(begun, begun)
    again(begun, plan("ablation", "parsing_transfer", seeds=(0, 1, 2)))


def test_a_set_of_another_name_or_field_is_refused() -> None:
    begun = plan("parsing_transfer")
    renamed = dataclasses.replace(setting().hparams, name="mine")
    with pytest.raises(ValueError, match="the set multimodel_tiny, not mine: use"):
        again(
            begun,
            plan(
                "parsing_transfer", of=dataclasses.replace(setting(), hparams=renamed)
            ),
        )
    before = json.loads(json.dumps(begun.to_dict()))
    del before["hparams"]["model"]["dilation"]
    with pytest.raises(ValueError, match="dilation not known, not 8: use"):
        check_goes_on(before, begun, Path("tables"))


def test_other_data_under_the_same_path_are_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "parse_mini.manifest.json"
    begun = plan("parsing_transfer", data_dir=tmp_path)
    before = json.loads(json.dumps(begun.to_dict()))
    manifest.write_text("first", "utf-8")
    check_goes_on(before, begun, tmp_path)  # None had been made.
    before = json.loads(json.dumps(begun.to_dict()))
    check_goes_on(before, begun, tmp_path)
    manifest.write_text("second", "utf-8")
    with pytest.raises(ValueError, match=f"other data of parse_mini in {tmp_path}: "):
        check_goes_on(before, begun, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixture": "image_mini=9"}, "experiments decide; give --mixture="),
        ({"train_examples": "parse_mini=9"}, "experiments decide; give --scarce="),
        ({"seed": 7}, "experiments decide; give --seed"),
        ({"on_nonfinite": "skip"}, "an arm that skipped steps would have had fewer"),
        ({"train_steps": 55}, "stretches its schedule; give --train_steps"),
    ],
)
def test_what_experiments_decide_is_not_taken_from_a_set(
    change: dict[str, Any], message: str
) -> None:
    hparams = registry.hparams("multimodel_tiny")
    check_hparams(hparams.replace(learning_rate=0.1))
    with pytest.raises(ValueError, match=message):
        check_hparams(hparams.replace(**change))


def test_an_arm_cannot_change_what_its_budget_is(recipe: str) -> None:
    def of_seven(setting: Setting) -> Experiment:
        """A recipe whose arm has a seed."""
        return Experiment("?", (setting.together(name="seven", seed=7),), ())

    registry.register_experiment(of_seven)
    with pytest.raises(ValueError, match="of_seven: arm 'seven' cannot change seed"):
        plan("of_seven")


def test_the_same_batches_are_claimed_only_where_they_are() -> None:
    assert have_same_batches(plan("joint_vs_single", "parsing_transfer"))
    assert not have_same_batches(plan("scaling_examples"))


def test_the_report_has_all_that_the_folder_was_asked_for() -> None:
    one, other = plan("parsing_transfer", seeds=(0, 1, 2)), plan("ablation")
    before = json.loads(json.dumps(one.to_dict()))
    whole, unknown = with_others(other, before)
    assert list(whole.experiments) == ["ablation", "parsing_transfer"]
    assert whole.seeds == (0, 1, 2) and unknown == []
    before["experiments"]["of_mine"] = {}
    _, (line,) = with_others(other, before)
    assert line.startswith("of_mine, done here before, is not in the report: ")
    assert with_others(one, None) == (one, [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"of": setting(60)}, "train_steps 50, not 60"),
        ({"of": setting(depth=64)}, "depth 128, not 64"),
        ({"of": setting(learning_rate=0.1)}, r"learning_rate 0\.002, not 0\.1"),
        ({"scoring": Scoring("dev")}, "split test, not dev"),
        ({"threads": 2}, "threads 1, not 2"),
        (
            {"of": dataclasses.replace(setting(), rates={"image_mini": 2.0})},
            r'rates \{\}, not \{"image_mini": 2.0\}',
        ),
        (
            {"of": dataclasses.replace(setting(), scarce={})},
            r'scarce \{"parse_mini": 200\}, not \{\}',
        ),
    ],
)
def test_all_else_is_refused_and_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(
        ValueError, match=f"tables holds experiments with {message}: use"
    ):
        again(plan("parsing_transfer"), plan("parsing_transfer", **changes))


def test_a_recipe_that_was_changed_is_refused() -> None:
    begun = plan("parsing_transfer")
    before = json.loads(json.dumps(begun.to_dict()))
    before["experiments"]["parsing_transfer"]["parse_mini alone"]["train_steps"] = 7
    with pytest.raises(
        ValueError, match="parsing_transfer's arm 'parse_mini alone' as"
    ):
        check_goes_on(before, begun, Path("tables"))


def test_the_plan_is_read_back_and_keeps_what_was_there(tmp_path: Path) -> None:
    assert read_plan(tmp_path) is None
    one, other = plan("parsing_transfer"), plan("ablation")
    write_plan(one, tmp_path, None)
    write_plan(other, tmp_path, read_plan(tmp_path))
    found = read_plan(tmp_path)
    assert found is not None
    assert list(found["experiments"]) == ["parsing_transfer", "ablation"]
    assert {*(r.name for r in one.runs()), *(r.name for r in other.runs())} == {
        *found["runs"]
    }
    (tmp_path / "plan.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"plan\.json cannot be read"):
        read_plan(tmp_path)


def test_a_fault_of_a_recipe_names_the_experiment() -> None:
    with pytest.raises(
        ValueError, match="experiment parsing_transfer: the experiment n"
    ):
        plan("parsing_transfer", of=Setting(("image_mini",), 5, setting().hparams))
