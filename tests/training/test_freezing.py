"""Which parts of a model learn, and which steps would be in vain."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import CONFIG, TASKS, VOCAB, make_batch
from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.freezing import check_steps, freeze, in_full, trains
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy

SMALL = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1, mixer_blocks=0)
TEXT_TASKS = tuple(task for task in TASKS if task.name in ("translate", "back"))
SENTIMENT = next(task for task in TASKS if task.name == "sentiment")


def model_of(*tasks: object) -> MultiModel:
    model = MultiModel(SMALL, tasks, VOCAB)
    model.build_views()
    return model


def step_on(model: MultiModel, problem: str, count: int = 3) -> Adam:
    """Takes steps on a problem; the optimizer that took them."""
    strategy = make_strategy("one_device")
    optimizer = Adam(model.trainable_variables, TrainingConfig())
    batch = {
        name: tf.constant(value)
        for name, value in make_batch(model.tasks[problem]).items()
    }
    specs = {problem: {k: tf.TensorSpec.from_tensor(v) for k, v in batch.items()}}
    take_step = TrainStep(model, optimizer, strategy, specs, seed=0)
    for step in range(count):
        take_step(problem, step, 0.1, batch)
    return optimizer


def values(model: MultiModel) -> dict[str, list[np.ndarray]]:
    parts = weights_by_part(model).items()
    return {part: [w.value.numpy() for w in weights] for part, weights in parts}


def changed(before: dict[str, list[np.ndarray]], model: MultiModel) -> set[str]:
    """The parts of which a bit has changed."""
    return {
        part
        for part, now in values(model).items()
        if any(
            a.tobytes() != b.tobytes() for a, b in zip(before[part], now, strict=True)
        )
    }


@pytest.fixture
def without_graphs(op_by_op: Any) -> Iterator[None]:
    """For steps on texts, whose graphs take long; the first test has a graph."""
    with op_by_op():
        yield


def test_only_what_is_named_changes_and_has_moments() -> None:
    model = model_of(*TEXT_TASKS, SENTIMENT)
    freeze(model, "sentiment_top,categorical")
    before = values(model)
    optimizer = step_on(model, "sentiment")
    assert changed(before, model) == {"sentiment_top", "categorical"}
    parts = weights_by_part(model)
    trained = len(parts["sentiment_top"]) + len(parts["categorical"])
    assert len(optimizer.mean) == len(optimizer.square) == trained
    assert set(optimizer.updates.numpy().tolist()) == {3}


def test_what_lies_before_a_frozen_part_learns_through_it(without_graphs: None) -> None:
    model = model_of(*TEXT_TASKS)
    freeze(model, "text_bottom")
    before = values(model)
    step_on(model, "translate")
    assert changed(before, model) == {"text_bottom"}


def test_one_command_learns_and_the_others_keep_every_bit(without_graphs: None) -> None:
    model = model_of(*TEXT_TASKS)
    assert model.commands == ("german", "english")
    freeze(model, "commands/english")
    before = values(model)
    step_on(model, "back")
    assert changed(before, model) == {"commands"}
    (old,), (new,) = before["commands"], values(model)["commands"]
    assert np.all(old[1] != new[1])
    assert old[0].tobytes() == new[0].tobytes()
    assert trains(model, "back")
    assert not trains(model, "translate")


def test_a_step_on_another_command_leaves_the_frozen_row_alone(
    without_graphs: None,
) -> None:
    model = model_of(*TEXT_TASKS)
    freeze(model, "commands/english,text_top")
    before = values(model)
    step_on(model, "translate")
    assert changed(before, model) == {"text_top"}


def test_without_patterns_everything_learns() -> None:
    model = model_of(*TEXT_TASKS)
    everything = len(model.trainable_variables)
    freeze(model, "")
    assert len(model.trainable_variables) == everything
    freeze(model, "*")
    assert len(model.trainable_variables) == everything


def test_a_pattern_without_a_part_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"train_parts names 'enocder'.*near it: encod"
    ):
        freeze(model_of(*TEXT_TASKS), "enocder")


def test_steps_in_vain_are_refused() -> None:
    model = model_of(*TEXT_TASKS, SENTIMENT)
    freeze(model, "sentiment_top")
    check_steps(model, {"translate": 0, "back": 0, "sentiment": 5})
    with pytest.raises(ValueError) as error:
        check_steps(model, {"translate": 1, "back": 0, "sentiment": 5})
    assert "leaves translate nothing to train" in str(error.value)
    assert str(error.value).endswith("--mixture=translate=0,back=0")


def test_new_stands_for_what_a_warm_start_left_at_random() -> None:
    assert in_full("new", ["image_top", "commands/x"]) == "image_top,commands/x"
    assert in_full("text_*,new", ["image_top"]) == "image_top,text_*"
    assert in_full("text_*", None) == "text_*"
    with pytest.raises(ValueError, match="was not asked for"):
        in_full("new", None)
    with pytest.raises(ValueError, match="left nothing at random"):
        in_full("new", ())
