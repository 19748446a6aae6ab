"""Rows of experts: whose they are, who is dropped, and both ways' gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from t2t_multimodel.layers.dispatch import Dispatch

# Three tokens; expert 2 is chosen by all, by two of them first.
CHOICES = np.array([[0, 2], [2, 0], [2, 1]], "int32")


def array(x):
    return ops.convert_to_numpy(x)


def test_packed_rows_by_hand():
    dispatch = Dispatch(tf.constant(CHOICES), 3)
    np.testing.assert_array_equal(dispatch.count_E, [2, 1, 3])
    np.testing.assert_array_equal(dispatch.token_R, [0, 1, 2, 1, 2, 0])
    # Token 0 chose expert 0, whose first row it has, then expert 2: the last row.
    np.testing.assert_array_equal(dispatch.row_KT, [[0, 3, 4], [5, 1, 2]])
    assert array(dispatch.kept_KT).all()
    pieces = dispatch.pieces(dispatch.gather(tf.constant([[10.0], [11.0], [12.0]])))
    rows = [array(piece).ravel().tolist() for piece in pieces]
    assert rows == [[10.0, 11.0], [12.0], [11.0, 12.0, 10.0], []]


def test_even_rows_by_hand():
    dispatch = Dispatch(tf.constant(CHOICES), 3, capacity=3)
    np.testing.assert_array_equal(array(dispatch.token_R)[[0, 1, 3]], [0, 1, 2])
    np.testing.assert_array_equal(array(dispatch.token_R)[6:], [1, 2, 0])
    np.testing.assert_array_equal(dispatch.row_KT, [[0, 6, 7], [8, 1, 3]])
    assert array(dispatch.kept_KT).all()


@pytest.mark.parametrize(("capacity", "limit"), [(2, None), (3, 2)])
def test_second_choices_are_dropped_before_first_ones(capacity, limit):
    dispatch = Dispatch(tf.constant(CHOICES), 3, capacity, limit)
    # Expert 2 takes tokens 1 and 2, which like it best, though token 0 is earlier.
    expected = [[True, True, True], [False, True, True]]
    np.testing.assert_array_equal(dispatch.kept_KT, expected)
    np.testing.assert_array_equal(dispatch.count_E, [2, 1, 3])


def test_later_tokens_are_dropped_before_earlier_ones():
    dispatch = Dispatch(tf.zeros((5, 1), tf.int32), 2, capacity=3)
    np.testing.assert_array_equal(dispatch.kept_KT, [[True] * 3 + [False] * 2])


def test_padding_takes_no_place():
    # Of two experts, so 2 is none.
    dispatch = Dispatch(tf.constant([[0], [2], [0], [2], [0], [0]]), 2, capacity=3)
    expected = [[True, False, True, False, True, False]]
    np.testing.assert_array_equal(dispatch.kept_KT, expected)


def test_only_padding_comes_back_as_nothing():
    for capacity in (None, 2):
        dispatch = Dispatch(tf.fill((3, 2), 4), 4, capacity)
        rows = dispatch.gather(tf.ones((3, 5)))
        combined = dispatch.combine(rows, tf.zeros((3, 2)))
        np.testing.assert_array_equal(combined, np.zeros((3, 5)))


@pytest.mark.parametrize("capacity", [None, 3, 2])
def test_gradients_are_those_of_scattered_sums(capacity):
    rng = np.random.default_rng(3)
    choices = np.concatenate([CHOICES, [[3, 3]]]).astype("int32")  # and padding
    x, upstream = (tf.constant(rng.normal(size=(4, 5)), tf.float32) for _ in range(2))
    weight = tf.constant(rng.uniform(size=(4, 2)), tf.float32)
    weight *= tf.constant([[1.0], [1.0], [1.0], [0.0]])
    dispatch = Dispatch(tf.constant(choices), 3, capacity)
    kept_TK = tf.transpose(tf.cast(dispatch.kept_KT, tf.float32))
    row_TK = tf.transpose(dispatch.row_KT)

    def ours(x, weight):
        return dispatch.combine(tf.sin(dispatch.gather(x)), weight)

    def plain(x, weight):
        y_TKD = tf.gather(tf.sin(tf.gather(x, dispatch.token_R)), row_TK)
        return tf.reduce_sum((weight * kept_TK)[:, :, None] * y_TKD, axis=1)

    results = []
    for function in (ours, plain):
        with tf.GradientTape() as tape:
            tape.watch([x, weight])
            y = function(x, weight)
            loss = tf.reduce_sum(y * upstream)
        results.append(
            [y, *map(tf.convert_to_tensor, tape.gradient(loss, [x, weight]))]
        )
    for mine, expected in zip(*results, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(results[0][1]).max() > 0.1
