"""Cuts: the values of Python's brackets, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.layers.cuts import every_other, first_positions, padded

RNG = np.random.default_rng(5)


def assert_same_with_gradient(ours, brackets, x):
    """Values and gradients agree, also where the graph does not know the sizes."""

    def run(cut, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = cut(x)
            loss = tf.reduce_sum(y * y)
        return y, tape.gradient(loss, x)

    x = tf.constant(x)
    open_sizes = tf.TensorSpec([None] * (x.shape.rank - 1) + [x.shape[-1]])
    open_graph = tf.function(
        lambda x: run(ours, x), input_signature=[open_sizes], autograph=False
    )
    expected = run(brackets, x)
    for found in (run(ours, x), open_graph(x)):
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize("length", [0, 3, 5])
def test_first_positions_are_what_brackets_take(length):
    for x in (normal(2, 5, 3), normal(2, 5, 1, 3)):
        assert_same_with_gradient(
            lambda x: first_positions(x, length), lambda x: x[:, :length], x
        )


def test_all_positions_are_not_copied():
    x = tf.constant(normal(2, 5, 3))
    assert first_positions(x, 5) is x
    assert padded(x, (0, 0)) is x


@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 2), (1, 3)])
def test_every_other_is_what_brackets_take(strides):
    rows, columns = strides
    for x in (normal(2, 6, 6, 3), normal(2, 5, 7, 3)):
        assert_same_with_gradient(
            lambda x: every_other(x, strides), lambda x: x[:, ::rows, ::columns], x
        )


def test_padding_is_of_the_axes_behind_the_batch():
    x = normal(2, 3, 4, 1)
    y = padded(tf.constant(x), (1, 2), (0, 3)).numpy()
    assert y.shape == (2, 6, 7, 1)
    np.testing.assert_array_equal(y[:, 1:4, :4], x)
    assert np.count_nonzero(y) == np.count_nonzero(x)
