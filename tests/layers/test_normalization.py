"""Layer norm: its formula, Keras's layer and its gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.layers.normalization import LayerNorm
from t2t_multimodel.testing.check_layer import check_layer


def test_layer_norm_by_hand():
    layer = LayerNorm(initial_scale=2.0, epsilon=1e-12)
    layer.build((None, 4))
    # Mean 5, variance 5: 2 (x - 5) / sqrt(5).
    x = np.array([[2.0, 4.0, 6.0, 8.0]], "float32")
    expected = 2 * np.array([[-3.0, -1.0, 1.0, 3.0]]) / 5**0.5
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_position_of_few_sequences_gives_the_same(dtype):
    layer = LayerNorm(initial_scale=0.7, dtype=dtype)
    x = tf.random.stateless_normal((3, 8), (1, 2)) * 3 + 1
    x = tf.cast(x, layer.compute_dtype)
    whole, step = layer(x), layer.step(x)
    assert step.dtype == whole.dtype
    np.testing.assert_allclose(
        tf.cast(step, "float32"), tf.cast(whole, "float32"), rtol=1e-2, atol=1e-6
    )


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 8), (2, 3, 4, 16)])
def test_value_and_gradient_are_those_of_keras(shape):
    rng = np.random.default_rng(0)
    ours, keras_layer = LayerNorm(), keras.layers.LayerNormalization(epsilon=1e-6)
    x = tf.constant(rng.normal(2.0, 3.0, shape), tf.float32)
    weight = tf.constant(rng.normal(size=shape), tf.float32)
    start = [rng.normal(size=shape[-1]).astype("float32") for _ in range(2)]
    results = []
    for layer in (ours, keras_layer):
        layer.build(shape)
        layer.set_weights(start)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * weight)
        variables = [layer.gamma.value, layer.beta.value]
        results.append([y, *tape.gradient(loss, [x, *variables])])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-4, atol=2e-5)


def test_layer_norm_keeps_the_rules_of_a_layer():
    x = np.random.default_rng(1).normal(size=(2, 3, 8)).astype("float32")
    check_layer(LayerNorm(initial_scale=0.5), x, output_shape=(2, 3, 8))
