"""Recomputed activations: the same gradients and steps, draw for draw."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.layers.notes import taken_notes
from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import CONFIG, TASKS, VOCAB, make_batch
from t2t_multimodel.training.accumulation import AccumulatedStep
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.strategy import make_strategy

TASK = {task.name: task for task in TASKS}
# One block of each kind, and much that is drawn.
DROPPING = dataclasses.replace(
    CONFIG,
    encoder_blocks=1,
    mixer_blocks=1,
    decoder_blocks=1,
    dropout=0.3,
    attention_dropout=0.2,
)


def make_model(name: str, **changes: Any) -> MultiModel:
    keras.utils.set_random_seed(1)
    config = dataclasses.replace(DROPPING, **changes)
    return MultiModel(config, [TASK[name]], VOCAB)


def gradients(name: str, **changes: Any) -> tuple[list[Any], list[Any]]:
    """What a step says, losses and notes, and its gradients."""
    view = make_model(name, **changes).view(name)
    batch = {key: tf.constant(v) for key, v in make_batch(TASK[name]).items()}
    with (
        step_seed(tf.constant([5, 6])),
        taken_notes() as notes,
        tf.GradientTape() as tape,
    ):
        logits = view(batch, training=True)
        losses = [view.loss_terms(logits, batch)[0], *view.losses]
        loss = tf.add_n(losses)
    weights = [weight.value for weight in view.trainable_variables]
    found = tape.gradient(loss, weights, unconnected_gradients="zero")
    return [*losses, *notes.values()], [tf.convert_to_tensor(g) for g in found]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["translate", "speech", "image"])
def test_losses_and_gradients_are_the_same(name: str, policy: str) -> None:
    told, found = gradients(name, dtype_policy=policy, recompute=True)
    expected, wanted = gradients(name, dtype_policy=policy)
    assert len(told) == (7 if TASK[name].targets.modality == "text" else 4)
    for value, other in zip(told, expected, strict=True):
        np.testing.assert_array_equal(value, other)
    # What comes together from several places is added up in another order.
    rounding = 1e-5 if policy == "float32" else 0.02
    for gradient, other in zip(found, wanted, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(gradient, other, rtol=0, atol=rounding * scale)


def step_twice(recompute: bool) -> list[np.ndarray]:
    """The weights after two steps, on two batches each, of two replicas."""
    # Without a decoder: what is recomputed there is the same blocks.
    name = "sentiment"
    batch = {key: tf.constant(v) for key, v in make_batch(TASK[name]).items()}
    scope = make_strategy("mirrored")
    with scope.scope():
        model = make_model(name, recompute=recompute)
        model.build_views()
        adam = Adam(model.trainable_variables, TrainingConfig(batches_per_step=2))
    specs = {key: tf.TensorSpec(v.shape, v.dtype) for key, v in batch.items()}
    take = AccumulatedStep(model, adam, scope, {name: specs}, 3, 2)
    for step in range(2):
        take.update(step, 0.01, [(name, batch)] * 2)
    return [weight.numpy() for weight in model.trainable_variables]


def test_accumulating_replicas_end_with_the_same_weights() -> None:
    found, expected = step_twice(recompute=True), step_twice(recompute=False)
    for weight, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-4, atol=2e-5)
