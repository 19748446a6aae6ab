"""Drawing tokens: temperature, the k likeliest, the likeliest of total probability p.

The noise is a hash, not a stream of random numbers: what a row gets depends on its own
key and position alone, so batches may be cut as one likes. Each token has noise of its
own, and the best of probability and noise is taken (the Gumbel-max trick): rounding,
which differs with the size of a batch, then matters only between the two best. A number
to be found in the sums of the probabilities would often lie next to one of the sums.

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
# The same in 32 bits: MurmurHash3's last mix (Appleby, 2011).
_GAMMA32, _MIX1_32, _MIX2_32 = 0x9E3779B9, 0x85EBCA6B, 0xC2B2AE35

_FIRST_WORDS = 256


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
        seed, key_R, position: See `waiting_times`.
        temperature: Probabilities are raised to the power of its inverse, and shared
            out anew over what is not barred.
        top_k: Then only the k likeliest stay (those as likely as the last too); 0: all.
        top_p: Then only the likeliest stay that reach this probability together.

    Returns:
        int32 `[R]`.
    """
    score_RV = log_p_RV / temperature
    if top_k or top_p < 1.0:
        kept_RV = keep_likeliest(tf.nn.softmax(score_RV), top_k, top_p) > 0.0
        score_RV = tf.where(kept_RV, score_RV, -float("inf"))
    # Of tokens that come at rates p the first is token i with probability p_i.
    wait_RV = waiting_times(seed, key_R, position, tf.shape(log_p_RV)[-1])
    return tf.argmax(score_RV - tf.math.log(wait_RV), axis=-1, output_type=tf.int32)


def keep_likeliest(p_RV: Any, top_k: int = 0, top_p: float = 1.0) -> Any:
    """Probabilities with 0 for all but the likeliest; they need not sum to 1 then."""
    if top_k:
        best_RK, _ = tf.math.top_k(p_RV, tf.minimum(top_k, tf.shape(p_RV)[-1]))
        p_RV = tf.where(p_RV >= best_RK[:, -1:], p_RV, 0.0)
    if top_p < 1.0:
        goal_R1 = top_p * tf.reduce_sum(p_RV, axis=-1, keepdims=True)
        sorted_RS = _sorted_to(p_RV, goal_R1)
        is_needed_RS = tf.cumsum(sorted_RS, axis=-1, exclusive=True) < goal_R1
        least_R1 = tf.reduce_min(
            tf.where(is_needed_RS, sorted_RS, float("inf")), axis=-1, keepdims=True
        )
        p_RV = tf.where(p_RV >= least_R1, p_RV, 0.0)
    return p_RV


def _sorted_to(p_RV: Any, goal_R1: Any) -> Any:
    """The largest entries in falling order, at least as many as reach the goal."""
    num_words = tf.shape(p_RV)[-1]
    # Few words mostly hold nearly all; to sort all of them takes longer than the rest.
    first_RS, _ = tf.math.top_k(p_RV, tf.minimum(_FIRST_WORDS, num_words))
    is_enough = tf.reduce_sum(first_RS, axis=-1, keepdims=True) >= goal_R1
    return tf.cond(
        tf.reduce_all(is_enough),
        lambda: first_RS,
        lambda: tf.math.top_k(p_RV, num_words)[0],
    )


def waiting_times(seed: int, key_R: Any, position: Any, num_words: Any) -> Any:
    """Numbers of the exponential distribution, a function of all arguments alone.

    Args:
        seed: Any int.
        key_R: int64, tells rows apart.
        position: Integer scalar.
        num_words: V.

    Returns:
        float32 `[R, V]`, above 0; the mean is 1.
    """
    start = tf.constant((seed * _GAMMA + _GAMMA) & _MASK, tf.uint64)
    gamma = tf.constant(_GAMMA, tf.uint64)
    row_R = _mixed(_mixed(start) + (tf.cast(key_R, tf.uint64) + 1) * gamma)
    row_R = _mixed(row_R + (tf.cast(position, tf.uint64) + 1) * gamma)
    high_R1 = tf.cast(_shifted(row_R, 32), tf.uint32)[:, None]
    low_R1 = tf.cast(row_R, tf.uint32)[:, None]
    word_V = tf.cast(tf.range(num_words), tf.uint32) * tf.constant(_GAMMA32, tf.uint32)
    # Both halves of the row's number go in, so that no two rows get the same noise
    # moved by some words.
    z_RV = _xor_shifted(word_V + high_R1, 16) * tf.constant(_MIX1_32, tf.uint32)
    z_RV = tf.bitwise.bitwise_xor(z_RV, low_R1)
    z_RV = _xor_shifted(z_RV, 13) * tf.constant(_MIX2_32, tf.uint32)
    share_RV = (tf.cast(_xor_shifted(z_RV, 16), tf.float32) + 0.5) * 2.0**-32
    # Small ones, which win, are the exact ones; one that is rounded to 1 never comes.
    return -tf.math.log1p(-share_RV)


def _mixed(z: Any) -> Any:
    """SplitMix64's output for a state."""
    z = _xor_shifted(z, 30) * tf.constant(_MIX1, tf.uint64)
    z = _xor_shifted(z, 27) * tf.constant(_MIX2, tf.uint64)
    return _xor_shifted(z, 31)


def _xor_shifted(z: Any, shift: int) -> Any:
    return tf.bitwise.bitwise_xor(z, _shifted(z, shift))


def _shifted(z: Any, shift: int) -> Any:
    return tf.bitwise.right_shift(z, tf.constant(shift, z.dtype))
