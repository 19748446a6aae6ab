"""What a search sees of a model: a step function and what hypotheses carry along.

Searches know no model, and models no search; this stands between them.

Shape suffixes: B inputs, R hypotheses (R / B of them for each input, in the order of
the inputs), V words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD, UNK

# Never emitted, however likely: the padding, and what stands for no text.
NEVER = (PAD, UNK)

StepFunction = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Scorer:
    """Scores every continuation of hypotheses, one position at a time.

    Attributes:
        step: `(before int32 [R], position int32 [], state) -> (log_p [R, V], state)`.
            `before` holds the last token of each hypothesis (at position 0 anything);
            `log_p` is float32, the natural log of the next token's probability, minus
            infinity where it may not follow.
        state: What hypotheses carry along before the first position: a nested dict of
            tensors of B rows. A search repeats, picks and drops rows.
        shapes: The shapes of `state`, in dicts likewise; None for the first dimension
            and for one that grows.
    """

    step: StepFunction
    state: Any
    shapes: Any

    def invariants(self) -> Any:
        """The shapes as `tf.while_loop` takes them."""
        return _map(self.shapes, tf.TensorShape)


class Hypotheses(NamedTuple):
    """What a search found: for each input, up to N hypotheses, the best first.

    Attributes:
        ids: int32 `[B, N, L]`: the tokens, PAD after EOS. One that reached its input's
            limit first has no EOS.
        log_probability: float32 `[B, N]`: the natural log of the probability of the
            tokens, EOS included where there is one.
        score: float32 `[B, N]`: what the search ranks by; minus infinity where there
            are fewer hypotheses than N.
    """

    ids: Any
    log_probability: Any
    score: Any


def log_probabilities(logits_RV: Any) -> Any:
    """Log-probabilities of logits, the words of `NEVER` barred.

    The probabilities are the model's; what is barred is not shared out.
    """
    # In float32 under mixed precision too: the scores are sums of many terms.
    log_p_RV = tf.nn.log_softmax(tf.cast(logits_RV, tf.float32))
    words_V = tf.range(tf.shape(log_p_RV)[-1])
    barred_V = tf.zeros_like(words_V, tf.bool)
    for token in NEVER:
        barred_V |= words_V == token
    return tf.where(barred_V, -float("inf"), log_p_RV)


def bar_early_end(log_p_RV: Any, position: Any, min_length: int) -> Any:
    """Bars EOS before `min_length` tokens, where anything else may follow."""
    if min_length <= 1:
        return log_p_RV
    is_end_V = tf.range(tf.shape(log_p_RV)[-1]) == EOS
    barred_RV = tf.where(is_end_V, -float("inf"), log_p_RV)
    goes_on_R1 = tf.reduce_max(barred_RV, axis=-1, keepdims=True) > -float("inf")
    return tf.where((position + 1 < min_length) & goes_on_R1, barred_RV, log_p_RV)


def repeat_rows(state: Any, times: int) -> Any:
    """Each row of a state `times` times, one after the other."""
    if times == 1:
        return state
    return tf.nest.map_structure(lambda x: tf.repeat(x, times, axis=0), state)


def pick_rows(state: Any, rows_R: Any) -> Any:
    """The given rows of a state."""
    return tf.nest.map_structure(lambda x: tf.gather(x, rows_R), state)


def _map(shapes: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(shapes, dict):
        return {name: _map(inner, function) for name, inner in shapes.items()}
    return function(shapes)
