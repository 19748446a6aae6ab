"""Each modality net keeps the rules of a layer and the shapes of the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from t2t_multimodel.modalities.audio import AudioBottom
from t2t_multimodel.modalities.categorical import CategoricalBody, CategoricalTop
from t2t_multimodel.modalities.image import ImageBottom
from t2t_multimodel.modalities.loss import cross_entropy
from t2t_multimodel.modalities.text import TextBottom, TextTop
from t2t_multimodel.testing.check_layer import check_layer

RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def test_cross_entropy_by_hand():
    # Two classes with logits (ln 3, 0): probabilities 3/4 and 1/4.
    logits = np.array([[math.log(3), 0.0], [math.log(3), 0.0]], "float32")
    total, weight = cross_entropy(logits, np.array([0, 1]))
    assert float(total) == pytest.approx(-math.log(3 / 4) - math.log(1 / 4))
    assert float(weight) == 2.0


def test_label_smoothing_by_hand():
    # Smoothing 0.2 over two classes: the right one gets 0.9, the other 0.1.
    logits = np.array([[math.log(3), 0.0]], "float32")
    total, _ = cross_entropy(logits, np.array([0]), label_smoothing=0.2)
    expected = -0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4)
    assert float(total) == pytest.approx(expected)


def test_masked_targets_cost_nothing():
    logits, targets = normal(2, 3, 5), np.array([[1, 2, 0], [4, 0, 0]])
    mask = np.array([[True, True, False], [True, False, False]])
    total, weight = cross_entropy(logits, targets, mask)
    alone = sum(
        float(cross_entropy(logits[i, j], targets[i, j])[0])
        for i, j in ((0, 0), (0, 1), (1, 0))
    )
    assert float(weight) == 3.0
    assert float(total) == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_that_of_the_formula(smoothing):
    # One logit is so large that all other probabilities vanish in float32.
    values = np.concatenate([normal(3, 5), [[200.0, 0.0, 0.0, -200.0, 0.0]]])
    logits, targets = tf.constant(values, tf.float32), np.array([1, 4, 0, 3])
    mask = np.array([True, True, False, True])
    one_hot = np.eye(5, dtype="float32")[targets]
    wanted = (1.0 - smoothing) * one_hot + smoothing / 5
    found = []
    for loss in (
        lambda z: cross_entropy(z, targets, mask, smoothing)[0],
        lambda z: -tf.reduce_sum(mask[:, None] * wanted * tf.nn.log_softmax(z)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = loss(logits)
        found.append((total.numpy(), tape.gradient(total, logits).numpy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-6)


def test_text_bottom_looks_up_rows_scaled_by_the_root_of_the_depth():
    layer = TextBottom(7, 4)
    y = check_layer(layer, np.array([[3, 0], [6, 3]]), output_shape=(2, 2, 4))
    np.testing.assert_allclose(y[0, 0], 2.0 * layer.embedding.numpy()[3], rtol=1e-6)


def test_text_top_is_an_untied_linear_map():
    check_layer(TextTop(7), normal(2, 3, 4), output_shape=(2, 3, 7))


@pytest.mark.parametrize(("height", "width", "positions"), [(64, 64, 16), (48, 33, 9)])
def test_images_become_positions_at_stride_16(height, width, positions):
    layer = ImageBottom((4, 6, 8, 10), 12)
    (rows, columns) = layer(normal(1, height, width, 3))[1]
    assert rows * columns == positions
    check_layer(
        layer,
        normal(2, height, width, 3),
        output_shape=(2, positions, 12),
        first=lambda output: output[0],
    )


def test_the_papers_image_of_299_pixels_has_19_by_19_positions():
    _, grid = ImageBottom((2, 2, 2, 2), 2)(normal(1, 299, 299, 3))
    assert grid == (19, 19)


@pytest.mark.parametrize(
    ("bins", "shape"), [(5, (2, 10, 5)), (0, (2, 10))], ids=["spectrogram", "waveform"]
)
def test_audio_becomes_positions_at_a_stride_of_two_a_block(bins, shape):
    layer = AudioBottom((4, 6), 8, num_bins=bins)
    mask = np.arange(10)[None] < np.array([10, 5])[:, None]
    _, out_mask = layer(normal(*shape), mask)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(out_mask), [[True] * 3, [True, True, False]]
    )
    check_layer(
        layer,
        normal(*shape),
        mask,
        output_shape=(2, 3, 8),
        first=lambda output: output[0],
    )


def test_the_exit_flow_sees_two_dimensions_where_there_were_two():
    layer = CategoricalBody(6, (8, 10))
    x = normal(2, 12, 6)
    grid = check_layer(layer, x, output_shape=(2, 10), call_kwargs={"grid": (3, 4)})
    row = ops.convert_to_numpy(layer(x))
    assert np.abs(grid - row).max() > 1e-3


def test_the_exit_flow_does_not_see_padding():
    layer = CategoricalBody(6, (8, 10))
    x = normal(1, 9, 6)
    padded = np.concatenate([x, normal(1, 4, 6)], axis=1)
    mask = np.arange(13)[None] < 9
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(padded, mask)),
        ops.convert_to_numpy(layer(x, np.ones((1, 9), bool))),
        atol=1e-5,
    )


def test_categorical_top_is_a_linear_map_to_the_classes():
    check_layer(CategoricalTop(5), normal(2, 4), output_shape=(2, 5))
