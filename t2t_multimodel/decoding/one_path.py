"""Searches that follow one path for each row: the likeliest token, or a drawn one.

Shape suffixes: B inputs, R rows (inputs, or samples of inputs), L positions of the
longest output, V words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD
from t2t_multimodel.decoding.drawing import draw
from t2t_multimodel.decoding.scorer import (
    Hypotheses,
    Scorer,
    bar_early_end,
    repeat_rows,
)

Choice = Callable[[Any, Any], Any]


def greedy(scorer: Scorer, max_length: Any, *, min_length: int = 0) -> Hypotheses:
    """Extends every row by its likeliest token until all rows have ended.

    Of equally likely tokens the one of the lower number is taken.

    Args:
        scorer: What is searched.
        max_length: int32 `[B]`, the most tokens of each input's output, EOS included.
        min_length: The fewest tokens of an output, EOS included.

    Returns:
        `Hypotheses`, one for each input. L is the largest of `max_length`.
    """

    def likeliest(log_p_RV: Any, position: Any) -> Any:
        return tf.argmax(log_p_RV, axis=-1, output_type=tf.int32)

    return _follow(scorer, max_length, likeliest, min_length)


def sample(
    scorer: Scorer,
    max_length: Any,
    index: Any,
    *,
    seed: int = 0,
    num_samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_length: int = 0,
) -> Hypotheses:
    """Extends every row by a drawn token until all rows have ended.

    What is drawn is a function of the seed, of the input's index, of the number of the
    sample, of the position and of the probabilities there.

    Args:
        scorer, max_length, min_length: As in `greedy`.
        index: int `[B]`: tells the inputs apart.
        seed: Any int.
        num_samples: How many samples an input gets (N).
        temperature, top_k, top_p: See `drawing.draw`.

    Returns:
        `Hypotheses`, N for each input in the order of their numbers; the score is the
        log-probability (at temperature 1).
    """
    index_B = tf.cast(index, tf.int64)
    key_R = tf.reshape(
        index_B[:, None] * num_samples + tf.range(num_samples, dtype=tf.int64), [-1]
    )

    def drawn(log_p_RV: Any, position: Any) -> Any:
        return draw(log_p_RV, seed, key_R, position, temperature, top_k, top_p)

    return _follow(scorer, max_length, drawn, min_length, num_samples)


def _follow(
    scorer: Scorer, max_length: Any, choose: Choice, min_length: int, per_input: int = 1
) -> Hypotheses:
    """Extends rows by what `choose` picks of `(log_p [R, V], position)`."""
    limit_R = tf.repeat(tf.convert_to_tensor(max_length, tf.int32), per_input)
    length = tf.reduce_max(limit_R)
    columns_L = tf.range(length)

    def unfinished(position: Any, ids: Any, total: Any, ended_R: Any, *_: Any) -> Any:
        return tf.logical_and(position < length, ~tf.reduce_all(ended_R))

    def extend(
        position: Any,
        ids_RL: Any,
        total_R: Any,
        ended_R: Any,
        before_R: Any,
        state: Any,
    ) -> Any:
        log_p_RV, state = scorer.step(before_R, position, state)
        log_p_RV = bar_early_end(log_p_RV, position, min_length)
        next_R = choose(log_p_RV, position)
        gain_R = tf.gather(log_p_RV, next_R, batch_dims=1)
        next_R = tf.where(ended_R, PAD, next_R)
        total_R += tf.where(ended_R, 0.0, gain_R)
        ids_RL = tf.where(columns_L == position, next_R[:, None], ids_RL)
        ended_R |= (next_R == EOS) | (position + 1 >= limit_R)
        return position + 1, ids_RL, total_R, ended_R, next_R, state

    rows = tf.shape(limit_R)[0]
    start = (
        tf.constant(0),
        tf.fill([rows, length], PAD),
        tf.zeros([rows]),
        limit_R <= 0,
        tf.fill([rows], PAD),
        repeat_rows(scorer.state, per_input),
    )
    row_shape = tf.TensorShape([None])
    shapes = (
        tf.TensorShape([]),
        tf.TensorShape([None, None]),
        *[row_shape] * 3,
        scorer.invariants(),
    )
    _, ids_RL, total_R, *_ = tf.while_loop(unfinished, extend, start, shapes)
    ids_BNL = tf.reshape(ids_RL, [-1, per_input, length])
    total_BN = tf.reshape(total_R, [-1, per_input])
    return Hypotheses(ids_BNL, total_BN, total_BN)
