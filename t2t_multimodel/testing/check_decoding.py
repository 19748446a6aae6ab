"""Checks that a model decodes as it was trained: one position at a time as all at once.

Shape suffixes: B inputs, S source positions, R hypotheses, L positions, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


@tf.function(autograph=False, reduce_retracing=True)
def both_ways(
    view: Any, encoded_BSD: Any, mask_BS: Any, command: Any, targets_RL: Any
) -> tuple[Any, Any]:
    """Logits `[R, L, V]` of given targets: in one pass, and by position in a loop."""
    rows, length = tf.shape(targets_RL)[0], tf.shape(targets_RL)[1]
    per_input = rows // tf.shape(encoded_BSD)[0]
    encoded, mask = (
        None if x is None else tf.repeat(x, per_input, axis=0)
        for x in (encoded_BSD, mask_BS)
    )
    full_RLV = view.decode(encoded, mask, targets_RL, command=command)

    stepwise = view.stepwise(encoded_BSD, mask_BS, command)
    # What stands before the first position is not looked at: any token will do.
    before_RL = tf.pad(targets_RL, [[0, 0], [1, 0]], constant_values=7)

    def extend(position: Any, past: Any, found: Any) -> Any:
        logits_RV, past = stepwise.step(before_RL[:, position], position, past)
        return position + 1, past, found.write(position, logits_RV)

    found = tf.TensorArray(tf.float32, length, element_shape=[None, None])
    shapes = _tensor_shapes(stepwise.past_shapes())
    _, _, found = tf.while_loop(
        lambda position, *_: position < length,
        extend,
        (0, stepwise.start(rows), found),
        shape_invariants=(tf.TensorShape([]), shapes, tf.TensorShape(None)),
    )
    return full_RLV, tf.transpose(found.stack(), [1, 0, 2])


def largest_difference(
    view: Any,
    encoded_BSD: Any,
    mask_BS: Any,
    vocab_size: int,
    command: int | None = None,
    per_input: int = 2,
    length: int = 40,
) -> float:
    """How far both ways are apart on random targets, at most.

    Args:
        view: A view whose targets are text.
        encoded_BSD, mask_BS: As its `encode` gives them.
        vocab_size: Targets are drawn from so many tokens.
        command: Replaces the view's own.
        per_input: Hypotheses of each input.
        length: Of the targets, in tokens.

    Returns:
        The largest absolute difference of two logits, in standard deviations of all
        logits.
    """
    shape = (encoded_BSD.shape[0] * per_input, length)
    targets_RL = np.random.default_rng(0).integers(3, vocab_size, shape, np.int32)
    command = tf.constant(view.command_id if command is None else command)
    full, found = both_ways(view, encoded_BSD, mask_BS, command, targets_RL)
    return float(np.abs(found - full).max() / np.std(full))


def _tensor_shapes(shapes: Any) -> Any:
    if isinstance(shapes, dict):
        return {name: _tensor_shapes(inner) for name, inner in shapes.items()}
    return tf.TensorShape(shapes)
