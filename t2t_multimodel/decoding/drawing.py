"""Drawing tokens: temperature, the k likeliest, the likeliest of total probability p.

The noise is a hash, not a stream of random numbers: what a row gets depends on its own
key and position alone, so batches may be cut as one likes.

Shape suffixes: R rows, V words.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
# 2014): the step between states, and the multipliers of the mix.
_GAMMA = 0x9E3779B97F4A7C15
_MIX1, _MIX2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = 0xFFFFFFFFFFFFFFFF


def draw(
    log_p_RV: Any,
    seed: int,
    key_R: Any,
    position: Any,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Any:
    """A token for each row.

    Args:
        log_p_RV: Log-probabilities; minus infinity bars a token.
        seed, key_R, position: See `uniform`.
        temperature: Probabilities are raised to the power of its inverse, and shared
            out anew over what is not barred.
        top_k: Then only the k likeliest stay (those as likely as the last too); 0: all.
        top_p: Then only the likeliest stay that reach this probability together.

    Returns:
        int32 `[R]`.
    """
    kept_RV = keep_likeliest(tf.nn.softmax(log_p_RV / temperature), top_k, top_p)
    reached_RV = tf.cumsum(kept_RV, axis=-1)
    total_R1 = reached_RV[:, -1:]
    goal_R1 = uniform(seed, key_R, position)[:, None] * total_R1
    # The first token at which the sum exceeds the goal; by rounding the goal can be
    # the whole sum, which the last token with a probability reaches.
    goal_R1 = tf.minimum(goal_R1, total_R1 * (1.0 - 2.0**-23))
    passed_RV = tf.cast(reached_RV <= goal_R1, tf.int32)
    return tf.reduce_sum(passed_RV, axis=-1)


def keep_likeliest(p_RV: Any, top_k: int = 0, top_p: float = 1.0) -> Any:
    """Probabilities with 0 for all but the likeliest; they need not sum to 1 then."""
    if top_k:
        best_RK, _ = tf.math.top_k(p_RV, tf.minimum(top_k, tf.shape(p_RV)[-1]))
        p_RV = tf.where(p_RV >= best_RK[:, -1:], p_RV, 0.0)
    if top_p < 1.0:
        sorted_RV = tf.sort(p_RV, axis=-1, direction="DESCENDING")
        total_R1 = tf.reduce_sum(sorted_RV, axis=-1, keepdims=True)
        before_RV = tf.cumsum(sorted_RV, axis=-1, exclusive=True)
        is_needed_RV = before_RV < top_p * total_R1
        least_R1 = tf.reduce_min(
            tf.where(is_needed_RV, sorted_RV, float("inf")), axis=-1, keepdims=True
        )
        p_RV = tf.where(p_RV >= least_R1, p_RV, 0.0)
    return p_RV


def uniform(seed: int, key_R: Any, position: Any) -> Any:
    """A number in [0, 1) for each row, a function of seed, key and position alone.

    Args:
        seed: Any int.
        key_R: int64, tells rows apart.
        position: Integer scalar.

    Returns:
        float32 `[R]`.
    """
    start = tf.constant((seed * _GAMMA + _GAMMA) & _MASK, tf.uint64)
    gamma = tf.constant(_GAMMA, tf.uint64)
    of_row_R = _mixed(_mixed(start) + (tf.cast(key_R, tf.uint64) + 1) * gamma)
    bits_R = _mixed(of_row_R + (tf.cast(position, tf.uint64) + 1) * gamma)
    # 24 bits are what a float32 below 1 holds.
    high_R = tf.bitwise.right_shift(bits_R, tf.constant(40, tf.uint64))
    return tf.cast(tf.cast(high_R, tf.int32), tf.float32) * 2.0**-24


def _mixed(z: Any) -> Any:
    """SplitMix64's output for a state."""
    for shift, factor in ((30, _MIX1), (27, _MIX2)):
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _word(shift)))
        z *= _word(factor)
    return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _word(31)))


def _word(value: int) -> Any:
    return tf.constant(value, tf.uint64)
