"""Adam: the update by hand, clipping, and weights that a step leaves out."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training import optimizer
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam, dense

CONFIG = TrainingConfig(clip_norm=0.0, adam_beta1=0.5, adam_beta2=0.75)


@pytest.fixture(params=["small", "large"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes weights of one number pass for large ones, which are scaled otherwise."""
    if request.param == "large":
        monkeypatch.setattr(optimizer, "_LARGE", 1)


def weights(*values: float) -> list[keras.Variable]:
    return [keras.Variable(np.float32([value])) for value in values]


def apply(adam: Adam, gradients: list[float], used: list[Any], rate: float) -> float:
    @tf.function
    def step() -> Any:
        return adam.apply([tf.constant([g]) for g in gradients], used, rate)

    return float(step())


def test_the_first_update_is_the_rate_in_the_gradients_direction() -> None:
    used = weights(1.0, 1.0)
    apply(Adam(used, CONFIG), [0.1, -300.0], used, 0.25)
    assert [float(w[0]) for w in used] == pytest.approx([0.75, 1.25])


def test_two_updates_follow_the_formula() -> None:
    used = weights(0.0)
    adam = Adam(used, CONFIG)
    apply(adam, [1.0], used, 1.0)
    apply(adam, [3.0], used, 1.0)
    # mean 0.5 * 0.5 + 0.5 * 3 = 1.75 of 1 - 0.25; square 0.75 * 0.25 + 0.25 * 9.
    step = (1.75 / 0.75) / np.sqrt((0.1875 + 2.25) / (1 - 0.5625))
    assert float(used[0][0]) == pytest.approx(-1.0 - step)


def test_a_weight_that_a_step_leaves_out_is_as_if_there_was_no_step() -> None:
    shared, rare = weights(0.0, 0.0)
    alone = weights(0.0)
    adam, alone_adam = Adam([shared, rare], CONFIG), Adam(alone, CONFIG)
    apply(adam, [1.0, 2.0], [shared, rare], 0.1)
    for _ in range(3):
        apply(adam, [1.0], [shared], 0.1)
    apply(adam, [1.0, -5.0], [shared, rare], 0.1)
    for gradient in (2.0, -5.0):
        apply(alone_adam, [gradient], alone, 0.1)
    np.testing.assert_array_equal(rare, alone[0])
    assert adam.updates.numpy().tolist() == [5, 2]


def test_a_weight_found_unused_when_the_graph_runs_is_as_one_left_out() -> None:
    shared, rare = weights(0.5, -0.5)
    twins = weights(0.5, -0.5)
    adam, twin_adam = Adam([shared, rare], CONFIG), Adam(twins, CONFIG)

    @tf.function
    def step(gradients: Any, used: Any) -> Any:
        return adam.apply(tf.unstack(gradients, 2), [shared, rare], 0.1, used)

    # The first update of all leaves one out whose moments and count are still 0.
    for gradients in ([3.0, 0.0], [1.0, 2.0], [-4.0, 0.0], [1.0, -5.0]):
        used = [gradient != 0.0 for gradient in gradients]
        step(tf.constant(gradients)[:, None], tf.constant(used))
        own = [(g, w) for g, w in zip(gradients, twins, strict=True) if g]
        apply(twin_adam, [g for g, _ in own], [w for _, w in own], 0.1)
    np.testing.assert_array_equal([shared, rare], twins)
    np.testing.assert_array_equal(adam.mean, twin_adam.mean)
    np.testing.assert_array_equal(adam.square, twin_adam.square)
    assert adam.updates.numpy().tolist() == [4, 2]


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_gradient_that_is_not_finite_changes_nothing_at_all(
    bad: float, clip_norm: float
) -> None:
    used, twins = weights(0.5, -0.5), weights(0.5, -0.5)
    config = dataclasses.replace(CONFIG, clip_norm=clip_norm)
    adam, twin_adam = Adam(used, config), Adam(twins, config)
    # Before the first update and after it; the healthy gradient beside it is lost too.
    assert not np.isfinite(apply(adam, [1.0, bad], used, 0.1))
    for gradients in ([1.0, -2.0], [0.5, 3.0]):
        apply(adam, gradients, used, 0.1)
        apply(twin_adam, gradients, twins, 0.1)
        apply(adam, [bad, 1.0], used, 0.1)
    np.testing.assert_array_equal(used, twins)
    np.testing.assert_array_equal(adam.mean, twin_adam.mean)
    np.testing.assert_array_equal(adam.square, twin_adam.square)
    assert adam.updates.numpy().tolist() == [2, 2]


@pytest.mark.usefixtures("kind")
def test_the_norm_is_clipped_over_all_weights_and_returned_unclipped() -> None:
    config = dataclasses.replace(CONFIG, clip_norm=1.0)
    used = weights(0.0, 0.0)
    adam = Adam(used, config)
    assert apply(adam, [3.0, 4.0], used, 1.0) == pytest.approx(5.0)
    means = [float(mean[0]) / (1 - CONFIG.adam_beta1) for mean in adam.mean]
    assert means == pytest.approx([0.6, 0.8])
    assert apply(adam, [0.3, 0.4], used, 1.0) == pytest.approx(0.5)


def test_an_embeddings_gradient_adds_up_equal_rows() -> None:
    table = tf.Variable(tf.zeros([3, 2]))
    rows = tf.IndexedSlices(
        tf.constant([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]), tf.constant([2, 0, 2])
    )
    assert dense(rows, table).numpy().tolist() == [[2, 2], [0, 0], [5, 5]]
