"""One position at a time against all at once: every shape of model, every problem."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from t2t_multimodel import registry
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of
from t2t_multimodel.testing import check_decoding
from t2t_multimodel.testing.small_model import (
    CONFIG,
    TASKS,
    VOCAB,
    make_batch,
    randomise_routers,
)

MINI_EIGHT = [task_of(registry.problem(name)) for name in registry.group("mini_eight")]
WRITERS = [task for task in MINI_EIGHT if task.targets.modality == "text"]

# Widths stand in for wider ones; what is wired to what stays as the set has it.
NARROW = {
    "depth": 32,
    "num_experts": 8,
    "expert_hidden_size": 12,
    "image_filters": (4, 4),
    "audio_filters": (4, 4),
    "categorical_filters": (4, 4),
}


# Where what is looked at does not hang on the number of blocks.
SHALLOW = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)


def random_ids(*shape: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(3, VOCAB, shape).astype("int32")


def largest_difference(view: Any, encoded: Any, mask: Any, **options: Any) -> float:
    return check_decoding.largest_difference(view, encoded, mask, VOCAB, **options)


def build(config: ModelConfig, tasks: Any = TASKS) -> MultiModel:
    keras.utils.set_random_seed(1)
    model = MultiModel(config, tasks, VOCAB)
    randomise_routers(model)
    return model


def narrowed(name: str) -> ModelConfig:
    """A set's model, narrow; nothing is encoded or dropped here."""
    unused = {"encoder_blocks": 1, "dropout": 0.0, "attention_dropout": 0.0}
    return dataclasses.replace(registry.hparams(name).model, **NARROW, **unused)


# Of sets that are alike then, as base and paper are, one is enough.
SETS = {narrowed(name): name for name in registry.list_hparams()}


@pytest.mark.parametrize("config", SETS, ids=SETS.values())
def test_every_named_set(config: ModelConfig) -> None:
    view = build(config, WRITERS[:1]).view(WRITERS[0].name)
    encoded = tf.random.stateless_normal((2, 9, config.depth), (1, 2))
    mask = tf.sequence_mask([9, 5])
    assert largest_difference(view, encoded, mask) < 1e-4


def test_every_problem_of_mini_eight() -> None:
    model = build(SHALLOW, WRITERS)
    first = model.view("translate_ende_mini")
    differences = {}
    for task in WRITERS:
        view = model.view(task.name)
        encoded, mask = view.encode(mini_batch(task))
        if mask is None:  # all of a picture is to be seen; the same graph then serves
            mask = ops.ones(encoded.shape[:2], "bool")
        differences[task.name] = largest_difference(
            first, encoded, mask, command=view.command_id
        )
    assert len(differences) == 7
    assert max(differences.values()) < 1e-4, differences


def mini_batch(task: Any) -> dict[str, Any]:
    random = np.random.default_rng(2)
    mask = np.arange(16) < np.array([[16], [9]])
    if task.inputs.modality == "image":
        return {"inputs": random.normal(size=(2, 64, 64, 3)).astype("float32")}
    if task.inputs.modality == "audio":
        sound = random.normal(size=(2, 16, task.inputs.option("num_bins")))
        return {"inputs": sound.astype("float32"), "inputs_mask": mask}
    return {"inputs": random_ids(2, 16) * mask, "inputs_mask": mask}


def test_without_a_mask_all_of_the_source_is_seen(model: MultiModel) -> None:
    view = model.view("caption")
    encoded, mask = view.encode(make_batch(model.tasks["caption"]))
    assert mask is None
    assert largest_difference(view, encoded, mask) < 1e-4


@pytest.mark.parametrize(
    "changes", [{"use_attention": False}, {"use_experts": False}], ids=str
)
def test_the_ablations(changes: dict[str, bool]) -> None:
    model = build(dataclasses.replace(SHALLOW, **changes), TASKS[:1])
    view = model.view("translate")
    encoded, mask = view.encode(make_batch(TASKS[0]))
    assert largest_difference(view, encoded, mask) < 1e-4


def test_bfloat16_differs_by_its_rounding_alone() -> None:
    model = build(
        dataclasses.replace(SHALLOW, dtype_policy="mixed_bfloat16"), TASKS[:1]
    )
    view = model.view("translate")
    encoded, mask = view.encode(make_batch(TASKS[0]))
    assert largest_difference(view, encoded, mask) < 0.2


def test_further_than_any_window_reaches(model: MultiModel) -> None:
    view = model.view("translate")
    encoded, mask = view.encode(make_batch(TASKS[0]))
    assert largest_difference(view, encoded, mask, length=300) < 1e-4


def test_the_past_of_a_hypothesis_moves_with_it(model: MultiModel) -> None:
    view = model.view("translate")
    encoded, mask = view.encode(make_batch(TASKS[0], (5,)))
    stepwise = view.stepwise(encoded, mask)
    ids = random_ids(2, 3)

    def advance(rows: np.ndarray, past: Any, position: int) -> Any:
        return stepwise.step(ops.convert_to_tensor(rows), position, past)

    past = stepwise.start(2)
    for position in range(2):
        before = ids[:, position - 1] if position else np.zeros(2, "int32")
        _, past = advance(before, past, position)
    crossed = tf.nest.map_structure(lambda x: tf.gather(x, [1, 0, 1]), past)
    straight, _ = advance(ids[:, 1], past, 2)
    found, _ = advance(ids[[1, 0, 1], 1], crossed, 2)
    np.testing.assert_allclose(found, tf.gather(straight, [1, 0, 1]), atol=1e-5)
    assert np.abs(straight[0] - straight[1]).max() > 1e-3


def test_what_is_remembered_of_a_convolution_does_not_grow(model: MultiModel) -> None:
    view = model.view("translate")
    encoded, mask = view.encode(make_batch(TASKS[0], (5,)))
    stepwise = view.stepwise(encoded, mask)
    shapes = [
        tf.nest.map_structure(lambda x: tuple(x.shape), past)
        for past in (
            stepwise.start(1),
            stepwise.step(np.zeros(1, "int32"), 0, stepwise.start(1))[1],
        )
    ]
    before, after = (shape["decoder"] for shape in shapes)
    assert before["block0"] == after["block0"]
    assert after["block0"]["step4"]["turn7"] == (1, 14, CONFIG.depth)
    attention = after["attention0"]["self_attention"]
    assert attention["recent_key"] == (1, CONFIG.num_heads, 8, 1)
