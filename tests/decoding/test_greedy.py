"""Greedy search over tables of logits small enough to search by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.decoding.greedy import EOS, PAD, UNK, greedy


def table_step(table_BLV: np.ndarray) -> Callable[[Any, Any], Any]:
    """Logits that depend on the row and the position alone."""
    table = tf.constant(table_BLV, tf.float32)
    return lambda ids, position: table[:, position]


def chain_step(transition_VV: np.ndarray) -> Callable[[Any, Any], Any]:
    """Logits that depend on the token before (on PAD at the start)."""
    transition = tf.constant(transition_VV, tf.float32)

    def step(ids: Any, position: Any) -> Any:
        before = tf.concat([tf.zeros_like(ids[:, :1]), ids], axis=1)[:, position]
        return tf.gather(transition, before)

    return step


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def by_hand(transition_VV: np.ndarray, limit: int) -> tuple[list[int], float]:
    """The same search over a chain, one token at a time in numpy."""
    ids: list[int] = []
    score, before = 0.0, PAD
    while len(ids) < limit and before != EOS:
        log_p = log_softmax(transition_VV[before])
        allowed = log_p.copy()
        allowed[[PAD, UNK]] = -np.inf
        before = int(allowed.argmax())
        ids.append(before)
        score += float(log_p[before])
    return ids, score


def test_takes_the_likeliest_token_of_every_position_up_to_the_end() -> None:
    table = np.full((1, 4, 6), -5.0)
    table[0, [0, 1, 2, 3], [4, 3, EOS, 5]] = 5.0
    found = greedy(table_step(table), [4])
    assert found.ids.numpy().tolist() == [[4, 3, EOS, PAD]]
    expected = sum(log_softmax(table[0])[t, i] for t, i in enumerate([4, 3, EOS]))
    assert found.log_probability.numpy()[0] == pytest.approx(expected, abs=1e-5)


def test_padding_and_unknown_are_never_emitted() -> None:
    table = np.zeros((1, 3, 5))
    table[..., PAD], table[..., UNK], table[..., 4] = 9.0, 8.0, 1.0
    assert greedy(table_step(table), [3]).ids.numpy().tolist() == [[4, 4, 4]]


def test_rows_end_on_their_own() -> None:
    table = np.full((3, 5, 5), -3.0)
    table[:, :, 3] = 3.0
    table[0, 1, EOS] = 9.0
    table[2, 3, EOS] = 9.0
    found = greedy(table_step(table), [5, 5, 5]).ids.numpy().tolist()
    assert found == [[3, EOS, 0, 0, 0], [3, 3, 3, 3, 3], [3, 3, 3, EOS, 0]]


def test_a_row_stops_at_its_own_limit() -> None:
    table = np.zeros((2, 6, 5))
    table[..., 4] = 2.0
    found = greedy(table_step(table), [2, 6])
    assert found.ids.numpy().tolist() == [[4, 4, 0, 0, 0, 0], [4] * 6]
    first, second = found.log_probability.numpy()
    assert second == pytest.approx(3 * first, rel=1e-5)


def test_stops_as_soon_as_all_rows_have_ended() -> None:
    steps = tf.Variable(0)
    table = tf.one_hot([[4, EOS] + [4] * 98] * 2, 5) * 9.0

    def step(ids: Any, position: Any) -> Any:
        steps.assign_add(1)
        return table[:, position]

    greedy(step, [100, 100])
    assert steps.numpy() == 2


@pytest.mark.parametrize("window", [1, 3, 8, 64])
def test_agrees_with_a_search_by_hand_whatever_the_window(window: int) -> None:
    random = np.random.default_rng(window)
    for limit in (1, 7, 20):
        transition = random.normal(size=(9, 9)) * 2
        transition[:, EOS] -= 1.0
        step = chain_step(transition)
        found = tf.function(greedy)(step, tf.constant([limit, limit]), window=window)
        ids, score = by_hand(transition, limit)
        expected = ids + [PAD] * (limit - len(ids))
        assert found.ids.numpy().tolist() == [expected] * 2
        assert found.log_probability.numpy()[0] == pytest.approx(score, abs=1e-4)


def test_the_step_sees_a_prefix_that_covers_the_position_and_nothing_after() -> None:
    widths: list[int] = []

    def step(ids: Any, position: Any) -> Any:
        at = int(position)
        widths.append(ids.shape[1])
        assert (ids.numpy()[:, :at] == 3).all()
        assert (ids.numpy()[:, at:] == PAD).all()
        return tf.one_hot([3], 5)

    greedy(step, [10], window=4)
    assert widths == [4] * 4 + [8] * 4 + [10] * 2


def test_one_graph_serves_all_batch_sizes_and_lengths() -> None:
    transition = np.eye(6, k=1)
    search = tf.function(
        lambda limits: greedy(chain_step(transition), limits),
        input_signature=[tf.TensorSpec([None], tf.int32)],
    )
    for limits in ([2], [3, 9], [1, 1, 30]):
        assert search(tf.constant(limits)).ids.shape == (len(limits), max(limits))
    assert search.experimental_get_tracing_count() == 1


def test_halves_are_summed_in_full_precision() -> None:
    table = np.random.default_rng(0).normal(size=(1, 40, 7))
    table[..., EOS] = -9
    half = tf.constant(table, tf.bfloat16)
    found = greedy(lambda ids, position: half[:, position], [40])
    exact = greedy(table_step(tf.cast(half, tf.float32).numpy()), [40])
    assert found.log_probability.dtype == tf.float32
    np.testing.assert_array_equal(found.log_probability, exact.log_probability)
