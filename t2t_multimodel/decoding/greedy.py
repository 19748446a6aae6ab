"""Greedy search: at each position, the likeliest token that may be emitted.

The search knows no model. It sees a step function, `step_fn(ids, position)`, that
answers with the logits of one position given the tokens before it; whether that
function reads the whole prefix again or keeps a cache is its own affair.

Shape suffixes (one letter a dimension, as in `ids_BL`):
  B examples, L positions of the longest output, W positions shown to the step, V words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

PAD, EOS, UNK = 0, 1, 2

StepFunction = Callable[[Any, Any], Any]


class Hypotheses(NamedTuple):
    """What a search found.

    Attributes:
        ids: int32 `[B, L]`: the tokens, PAD after EOS. A row that reached its own
            limit first has no EOS.
        log_probability: float32 `[B]`: the natural log of the probability that the
            model gives to the row, EOS included.
    """

    ids: Any
    log_probability: Any


def greedy(
    step_fn: StepFunction,
    max_length: Any,
    *,
    eos_id: int = EOS,
    never: tuple[int, ...] = (PAD, UNK),
    window: int = 8,
) -> Hypotheses:
    """Extends every row by its likeliest token until all rows have ended.

    Args:
        step_fn: `(ids int32 [B, W], position int32 []) -> logits [B, V]`. `ids` holds
            the tokens of positions before `position` and PAD from there on;
            the logits are those of the token at `position`.
        max_length: int32 `[B]`, the most tokens a row may have, EOS included.
        eos_id: The token that ends a row.
        never: Tokens that are not emitted, however likely.
        window: W is the smallest multiple of this that covers `position`: a step
            function that reads the whole prefix then pays little for short outputs,
            and meets few shapes.

    Returns:
        `Hypotheses`. L is the largest of `max_length`.
    """
    limit_B = tf.convert_to_tensor(max_length, tf.int32)
    length = tf.reduce_max(limit_B)
    columns_L = tf.range(length)

    def unfinished(position: Any, ids_BL: Any, score_B: Any, ended_B: Any) -> Any:
        return tf.logical_and(position < length, ~tf.reduce_all(ended_B))

    def extend(position: Any, ids_BL: Any, score_B: Any, ended_B: Any) -> Any:
        width = tf.minimum((position // window + 1) * window, length)
        logits_BV = step_fn(ids_BL[:, :width], position)
        # In float32 under mixed precision too: the scores are sums of many terms.
        log_p_BV = tf.nn.log_softmax(tf.cast(logits_BV, tf.float32))
        next_B = tf.argmax(_without(log_p_BV, never), axis=-1, output_type=tf.int32)
        gain_B = tf.gather(log_p_BV, next_B, batch_dims=1)
        next_B = tf.where(ended_B, PAD, next_B)
        score_B += tf.where(ended_B, 0.0, gain_B)
        ids_BL = tf.where(columns_L == position, next_B[:, None], ids_BL)
        ended_B |= (next_B == eos_id) | (position + 1 >= limit_B)
        return position + 1, ids_BL, score_B, ended_B

    batch_size = tf.shape(limit_B)[0]
    start = (
        tf.constant(0),
        tf.fill([batch_size, length], PAD),
        tf.zeros([batch_size]),
        limit_B <= 0,
    )
    # A step slices the buffer to a width unknown to the graph: fixed shapes are let go.
    shapes = tuple(tf.TensorShape([None] * len(tensor.shape)) for tensor in start)
    _, ids_BL, score_B, _ = tf.while_loop(
        unfinished, extend, start, shape_invariants=shapes, parallel_iterations=1
    )
    return Hypotheses(ids_BL, score_B)


def _without(log_p_BV: Any, never: tuple[int, ...]) -> Any:
    """Gives the tokens of `never` no chance."""
    words_V = tf.range(tf.shape(log_p_BV)[-1])
    barred_V = tf.zeros_like(words_V, tf.bool)
    for token in never:
        barred_V |= words_V == token
    return tf.where(barred_V, -float("inf"), log_p_BV)
