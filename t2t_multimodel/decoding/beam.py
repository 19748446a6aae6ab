"""Beam search with a length penalty, stopped exactly when nothing can change any more.

At each position the K most probable unfinished hypotheses of an input are kept (alive),
and of all that ended so far the K best (done). A hypothesis ends where its end is among
the best 2 K continuations of all.

Shape suffixes: B inputs, K beam size, C = 2 K continuations, R = B * K hypotheses, L
positions of the longest output, V words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD
from t2t_multimodel.decoding.scorer import (
    Hypotheses,
    Scorer,
    bar_early_end,
    pick_rows,
    repeat_rows,
)

_NEVER = -float("inf")


def length_penalty(length: Any, alpha: float) -> Any:
    """`((5 + length) / 6)^alpha` of int lengths, EOS counted.

    From "Google's Neural Machine Translation System" (arXiv 1609.08144), section 7.
    """
    return ((5.0 + tf.cast(length, tf.float32)) / 6.0) ** alpha


def beam_search(
    scorer: Scorer,
    max_length: Any,
    beam_size: int,
    alpha: float = 0.0,
    *,
    min_length: int = 0,
) -> Hypotheses:
    """The K best outputs that a beam of size K finds for each input.

    In each step the 2 K most probable continuations of the K hypotheses are looked at:
    those that end are outputs, the best K others go on. Were each hypothesis let end
    wherever it stands, a model that was trained with label smoothing, which leaves a
    little probability to every end, could give outputs of a few words for long inputs:
    these have few factors.

    Outputs that end come first, by `log_probability / length_penalty`; outputs that
    were cut at their input's limit stand behind them, whatever their score. An input is
    done as soon as none of its unfinished hypotheses can come among its K best, however
    it might go on: its log-probability only falls, and its penalty is at most that of
    the limit. What other inputs in the batch do changes nothing.

    Args:
        scorer: What is searched.
        max_length: int32 `[B]`, the most tokens of each input's output, EOS included.
        beam_size: K.
        alpha: Of the length penalty; 0 ranks by the log-probability.
        min_length: The fewest tokens of an output, EOS included.

    Returns:
        `Hypotheses`, K for each input. L is the largest of `max_length`.
    """
    limit_B = tf.convert_to_tensor(max_length, tf.int32)
    batch, length = tf.shape(limit_B)[0], tf.reduce_max(limit_B)
    last_B = length_penalty(limit_B, alpha)
    rows_BK = tf.range(batch)[:, None] * beam_size + tf.zeros([1, beam_size], tf.int32)

    def unfinished(position: Any, beam: _Beam, *_: Any) -> Any:
        return tf.logical_and(position < length, tf.reduce_any(beam.is_open_B))

    def extend(position: Any, beam: _Beam, state: Any) -> Any:
        last_BK = beam.ids_BKL[:, :, tf.maximum(position - 1, 0)]
        log_p_RV, state = scorer.step(tf.reshape(last_BK, [-1]), position, state)
        log_p_RV = bar_early_end(log_p_RV, position, min_length)
        num_words = tf.shape(log_p_RV)[-1]
        log_p_BKV = tf.reshape(log_p_RV, [batch, beam_size, num_words])
        total_BKV = beam.total_BK[:, :, None] + log_p_BKV
        # Twice as many as go on: of K hypotheses at most K ways are to end.
        total_BC, place_BC = tf.math.top_k(
            tf.reshape(total_BKV, [batch, beam_size * num_words]), 2 * beam_size
        )
        is_end_BC = place_BC % num_words == EOS
        done = _ended(beam, position, total_BC, place_BC // num_words, is_end_BC, alpha)
        total_BK, choice_BK = tf.math.top_k(
            tf.where(is_end_BC, _NEVER, total_BC), beam_size
        )
        place_BK = tf.gather(place_BC, choice_BK, batch_dims=1)
        parent_BK, next_BK = place_BK // num_words, place_BK % num_words
        ids_BKL = _put(
            tf.gather(beam.ids_BKL, parent_BK, batch_dims=1), position, next_BK
        )
        # Of the lengths still possible the shortest or the longest has the largest.
        largest_B = tf.maximum(length_penalty(position + 2, alpha), last_B)
        after = done._replace(ids_BKL=ids_BKL, total_BK=total_BK)
        is_open_B = ~_is_settled(after, largest_B) & (position + 1 < limit_B)
        after = after._replace(is_open_B=is_open_B)
        state = pick_rows(state, tf.reshape(rows_BK + parent_BK, [-1]))
        return position + 1, _where_open(beam, after), state

    start = _Beam(
        ids_BKL=tf.fill([batch, beam_size, length], PAD),
        # At first all are alike: one of them goes on.
        total_BK=tf.tile(tf.constant([[0.0] + [_NEVER] * (beam_size - 1)]), [batch, 1]),
        done_ids_BKL=tf.fill([batch, beam_size, length], PAD),
        done_total_BK=tf.fill([batch, beam_size], _NEVER),
        done_score_BK=tf.fill([batch, beam_size], _NEVER),
        is_open_B=limit_B > 0,
    )
    shapes = (
        tf.TensorShape([]),
        _Beam(*(tf.TensorShape([None] * len(tensor.shape)) for tensor in start)),
        scorer.invariants(),
    )
    state = repeat_rows(scorer.state, beam_size)
    _, beam, _ = tf.while_loop(
        unfinished, extend, (tf.constant(0), start, state), shapes
    )
    return _ranked(beam, last_B)


class _Beam(NamedTuple):
    """The hypotheses of all inputs; what does not exist has a total of minus infinity.

    Attributes:
        ids_BKL, total_BK: Of the alive ones, the most probable first.
        done_ids_BKL, done_total_BK, done_score_BK: Of the ended ones, best score first.
        is_open_B: Whether an input is still searched.
    """

    ids_BKL: Any
    total_BK: Any
    done_ids_BKL: Any
    done_total_BK: Any
    done_score_BK: Any
    is_open_B: Any


def _ended(
    beam: _Beam,
    position: Any,
    total_BC: Any,
    parent_BC: Any,
    is_end_BC: Any,
    alpha: float,
) -> _Beam:
    """The beam with those of its C continuations that end among the ended ones."""
    end_score_BC = tf.where(
        is_end_BC, total_BC / length_penalty(position + 1, alpha), _NEVER
    )
    end_ids_BCL = _put(
        tf.gather(beam.ids_BKL, parent_BC, batch_dims=1),
        position,
        tf.fill(tf.shape(total_BC), EOS),
    )
    score, place_BK = tf.math.top_k(
        tf.concat([beam.done_score_BK, end_score_BC], axis=1),
        tf.shape(beam.done_score_BK)[1],
    )
    return beam._replace(
        done_score_BK=score,
        done_total_BK=tf.gather(
            tf.concat([beam.done_total_BK, total_BC], axis=1), place_BK, batch_dims=1
        ),
        done_ids_BKL=tf.gather(
            tf.concat([beam.done_ids_BKL, end_ids_BCL], axis=1), place_BK, batch_dims=1
        ),
    )


def _is_settled(beam: _Beam, largest_penalty_B: Any) -> Any:
    """Whether the best that an alive hypothesis can come to beats no ended one."""
    hope_B = beam.total_BK[:, 0] / largest_penalty_B
    return hope_B <= beam.done_score_BK[:, -1]


def _put(ids_BKL: Any, position: Any, next_BK: Any) -> Any:
    """The tokens with those of one position replaced."""
    is_here_L = tf.range(tf.shape(ids_BKL)[-1]) == position
    return tf.where(is_here_L, next_BK[:, :, None], ids_BKL)


def _where_open(before: _Beam, after: _Beam) -> _Beam:
    """`after` for the inputs that are still searched, `before` for the others."""
    chosen = []
    for old, new in zip(before, after, strict=True):
        is_open = tf.reshape(before.is_open_B, [-1] + [1] * (len(old.shape) - 1))
        chosen.append(tf.where(is_open, new, old))
    return _Beam(*chosen)


def _ranked(beam: _Beam, last_penalty_B: Any) -> Hypotheses:
    """The ended hypotheses, then those that were cut, as many as the beam is wide."""
    beam_size = tf.shape(beam.total_BK)[1]
    cut_score_BK = beam.total_BK / last_penalty_B[:, None]
    score = tf.concat([beam.done_score_BK, cut_score_BK], axis=1)
    total = tf.concat([beam.done_total_BK, beam.total_BK], axis=1)
    ids = tf.concat([beam.done_ids_BKL, beam.ids_BKL], axis=1)
    is_missing = tf.cast(score == _NEVER, tf.int32)
    place_BK = tf.argsort(is_missing, axis=1, stable=True)[:, :beam_size]
    score_BK, total_BK, ids_BKL = (
        tf.gather(x, place_BK, batch_dims=1) for x in (score, total, ids)
    )
    exists_BK1 = score_BK[:, :, None] > _NEVER
    return Hypotheses(tf.where(exists_BK1, ids_BKL, PAD), total_BK, score_BK)
