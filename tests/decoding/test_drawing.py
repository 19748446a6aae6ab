"""Drawing tokens: what may be drawn, how often, and of what the noise is a function."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.decoding.drawing import draw, keep_likeliest, waiting_times

P = np.array([[0.1, 0.4, 0.05, 0.25, 0.2]], "float32")
MANY = tf.range(20_000, dtype=tf.int64)


def shares(**settings: float) -> np.ndarray:
    """How often each token is drawn, over many rows."""
    log_p = tf.repeat(tf.math.log(P), len(MANY), axis=0)
    tokens = draw(log_p, 1, MANY, 0, **settings).numpy()
    return np.bincount(tokens, minlength=5) / len(MANY)


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    np.testing.assert_allclose(shares(), P[0], atol=0.015)
    # Squared and shared out anew: 0.01, 0.16, 0.0025, 0.0625, 0.04 of 0.275.
    np.testing.assert_allclose(shares(temperature=0.5), P[0] ** 2 / 0.275, atol=0.015)


def test_only_the_k_likeliest_are_drawn() -> None:
    expected = np.array([0, 0.4, 0, 0.25, 0]) / 0.65
    np.testing.assert_allclose(shares(top_k=2), expected, atol=0.015)
    np.testing.assert_allclose(shares(top_k=9), P[0], atol=0.015)


def test_only_the_likeliest_up_to_a_probability_are_drawn() -> None:
    # 0.4 and 0.25 do not reach 0.7 together, with 0.2 they do.
    kept = keep_likeliest(tf.constant(P), top_p=0.7).numpy()[0]
    np.testing.assert_allclose(kept, [0, 0.4, 0, 0.25, 0.2])
    np.testing.assert_allclose(
        keep_likeliest(tf.constant(P), top_p=0.3).numpy()[0], [0, 0.4, 0, 0, 0]
    )
    # Of the two likeliest: 0.4 has 0.62 of them.
    both = keep_likeliest(tf.constant(P), top_k=2, top_p=0.6).numpy()[0]
    np.testing.assert_allclose(both, [0, 0.4, 0, 0, 0])


@pytest.mark.parametrize("sharpness", [0.01, 4.0])
def test_of_many_words_the_fewest_that_reach_a_probability_stay(
    sharpness: float,
) -> None:
    # Flat rows take more words than are sorted at first, sharp ones fewer.
    logits = sharpness * np.random.default_rng(0).normal(size=(3, 1000))
    p = tf.nn.softmax(tf.constant(logits, tf.float32))
    for row, kept in zip(p.numpy(), keep_likeliest(p, top_p=0.8).numpy(), strict=True):
        ordered = np.sort(row)[::-1].astype("float64")
        count = int((np.cumsum(ordered) < 0.8).sum()) + 1
        assert abs((kept > 0).sum() - count) <= 1
        assert row[kept > 0].min() >= row[kept == 0].max()
        assert (count > 256) == (sharpness < 1)


def test_what_is_barred_is_never_drawn() -> None:
    log_p = tf.constant([[-np.inf, -1.0, -np.inf, -9.0, -np.inf]], tf.float32)
    drawn = draw(tf.repeat(log_p, len(MANY), axis=0), 3, MANY, 7).numpy()
    assert set(drawn.tolist()) == {1, 3}


def test_noise_is_exponential_and_depends_on_seed_row_and_position_alone() -> None:
    first = waiting_times(0, MANY, 0, 3).numpy()
    assert first.min() > 0.0
    np.testing.assert_allclose(first.mean(axis=0), 1.0, atol=0.03)
    # Half of it waits for less than log 2, a thousandth less than a thousandth.
    np.testing.assert_allclose((first < np.log(2)).mean(axis=0), 0.5, atol=0.02)
    assert (first < 1e-3).mean() == pytest.approx(1e-3, abs=4e-4)
    np.testing.assert_allclose(waiting_times(0, MANY[5:9], 0, 3), first[5:9], 1e-6)
    np.testing.assert_allclose(waiting_times(0, MANY, 0, 2), first[:, :2], 1e-6)
    for other in (
        waiting_times(1, MANY, 0, 3).numpy(),
        waiting_times(0, MANY, 1, 3).numpy(),
        waiting_times(0, MANY + 1, 0, 3).numpy(),
        first[:, [1, 2, 0]],
    ):
        correlation = np.corrcoef(first.ravel(), other.ravel())[0, 1]
        assert correlation == pytest.approx(0.0, abs=0.02)
