"""The recipes that ship: arms, equal budgets, matched weights, what they refuse."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.mixture import Mixture
from t2t_multimodel.experiments.budget import _active
from t2t_multimodel.experiments.plan import arm_hparams
from t2t_multimodel.experiments.recipe import Arm, Experiment, Question
from t2t_multimodel.experiments.recipes.ablation import wider_experts
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import CONFIG, TASKS, VOCAB

EIGHT = registry.group("mini_eight")


def setting(problems: tuple[str, ...] = EIGHT, **scarce: int) -> Setting:
    return Setting(problems, 30, registry.hparams("multimodel_tiny"), scarce)


@pytest.mark.parametrize("name", registry.list_experiments())
def test_a_problem_has_as_many_steps_in_every_arm_of_a_question(name: str) -> None:
    experiment = registry.recipe(name)(setting(parse_mini=200))
    assert experiment.questions
    for arm in experiment.arms:
        assert arm.train_steps == 30 * len(arm.problems)
        assert arm_hparams(setting(), arm, 0).training.mixture == "uniform"


@pytest.mark.parametrize("name", registry.list_experiments())
def test_a_problem_may_have_more_steps_which_are_equal_in_every_arm(name: str) -> None:
    rates = {"image_mini": 9.0, "caption_mini": 2.5, "parse_mini": 0.3}
    asked = dataclasses.replace(setting(parse_mini=200), rates=rates)
    assert [asked.steps(n) for n in ("image_mini", "parse_mini")] == [270, 9]
    for arm in registry.recipe(name)(asked).arms:
        training = arm_hparams(asked, arm, 1).training
        mixture = Mixture(
            arm.problems, dict.fromkeys(arm.problems, 7), training.mixture, seed=1
        )
        counts = mixture.counts_before(training.train_steps)
        assert counts == {n: asked.steps(n) for n in arm.problems}


def test_rates_are_of_problems_that_are_there() -> None:
    with pytest.raises(ValueError, match="mixture names parse_wsj, which is not among"):
        dataclasses.replace(setting(), rates={"parse_wsj": 2.0})


def test_joint_vs_single_asks_of_every_problem() -> None:
    experiment = registry.recipe("joint_vs_single")(setting())
    assert [question.problem for question in experiment.questions] == list(EIGHT)
    assert len(experiment.arms) == 9
    assert {arm.title for arm in experiment.arms} == {"alone", "jointly"}
    assert all(q.arm == "jointly" for q in experiment.questions)


def test_parsing_is_joined_with_images_first_and_with_all_then() -> None:
    arms = registry.recipe("parsing_transfer")(setting()).arms
    assert [arm.problems for arm in arms] == [
        ("parse_mini",),
        ("parse_mini", "image_mini"),
        EIGHT,
    ]
    two = ("translate_ende_mini", "parse_mini")
    arms = registry.recipe("parsing_transfer")(setting(two)).arms
    assert [arm.name for arm in arms] == [
        "parse_mini alone",
        "with translate_ende_mini",
    ]


def test_experiments_on_parsing_need_trees() -> None:
    with pytest.raises(
        ValueError, match="needs a problem with parse trees among image"
    ):
        registry.recipe("parsing_transfer")(setting(("image_mini",)))


def test_scaling_over_examples_halves_them() -> None:
    experiment = registry.recipe("scaling_examples")(setting(parse_mini=200))
    sizes = [arm.train_examples["parse_mini"] for arm in experiment.arms]
    assert sizes == [25, 50, 100, 200] * 2
    with pytest.raises(ValueError, match="--scarce=parse_mini:1000"):
        registry.recipe("scaling_examples")(setting())


def test_scaling_over_problems_ends_with_all() -> None:
    arms = registry.recipe("scaling_problems")(setting()).arms
    assert [len(arm.problems) for arm in arms] == [1, 2, 4, 8]
    for few, more in itertools.pairwise(arms):
        assert set(few.problems) < set(more.problems)


def model(config: ModelConfig) -> MultiModel:
    built = MultiModel(config, TASKS[:2], VOCAB)
    built.build_views()
    return built


def test_what_is_put_in_place_of_a_part_has_its_weights() -> None:
    config = dataclasses.replace(CONFIG, depth=32, expert_hidden_size=24)
    hparams = dataclasses.replace(registry.hparams("multimodel_tiny"), model=config)
    experiment = registry.recipe("ablation")(Setting(EIGHT, 30, hparams))
    whole, plain_e, dense, plain_a, wide = (
        model(arm_hparams(Setting(EIGHT, 30, hparams), arm, 0).model)
        for arm in experiment.arms
    )
    assert plain_e.count_params() < dense.count_params() < whole.count_params()
    # All but the routers' two maps a layer, which a single expert does not need.
    routers = 2 * 2 * config.depth * (config.num_experts - 1)
    biases = 2 * (config.top_k - 1) * config.depth
    one = dataclasses.replace(config, num_experts=1, top_k=1)
    one = dataclasses.replace(one, expert_hidden_size=48)
    chosen = _active(whole, config)
    assert _active(dense, one) == chosen - routers - biases
    # To within half a unit of width of every expert.
    half = config.num_experts * (2 * config.depth + 1)
    assert abs(wide.count_params() - whole.count_params()) <= half
    assert plain_a.count_params() < whole.count_params() - half
    assert wider_experts(config) > config.expert_hidden_size


def test_questions_must_fit_the_arms() -> None:
    alone = Arm("alone", ("a",), 10)
    with pytest.raises(ValueError, match="two arms are called 'alone'"):
        Experiment("t", (alone, alone), ())
    with pytest.raises(ValueError, match="about the arm 'joint'; there are: alone"):
        Experiment("t", (alone,), (Question("a", "x", "alone", "joint"),))
    with pytest.raises(ValueError, match="'alone' does not train b"):
        Experiment("t", (alone,), (Question("b", "x", "alone", "alone"),))
    with pytest.raises(ValueError, match="has no arm"):
        Experiment("t", (), ())


def test_scarce_names_a_problem_that_is_there() -> None:
    with pytest.raises(ValueError, match="scarce names parse_wsj, which is not among"):
        setting(parse_wsj=10)
