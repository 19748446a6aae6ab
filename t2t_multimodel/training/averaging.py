"""A moving average of the weights, which evaluation and decoding use.

The average of the last steps' weights scores better than the last weights alone,
most of all in short runs and at high rates. It is updated every `EVERY` steps at
once, which costs little and, seen over hundreds of steps, changes nothing. Early on
the decay is `(1 + t) / (10 + t)`, so that the random start is soon forgotten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

EVERY = 8


class WeightAverage:
    """The moving average of every weight; create it in the strategy's scope.

    Args:
        weights: The trainable Keras variables.
        decay: How much of the average is kept in one step, below 1.
        strategy: What updates the average, alike in every replica.
    """

    def __init__(
        self, weights: Sequence[Any], decay: float, strategy: tf.distribute.Strategy
    ) -> None:
        self._weights = [weight.value for weight in weights]
        self._decay = decay
        self.average = [
            tf.Variable(tf.convert_to_tensor(weight), trainable=False)
            for weight in self._weights
        ]

        @tf.function(jit_compile=False, autograph=False)
        def move(taken: Any) -> None:
            strategy.run(self._replica_move, args=(taken,))

        self._move = move

    def update(self, step: int) -> None:
        """Takes in the weights after `step` steps, if they are a multiple of EVERY."""
        if step % EVERY == 0:
            kept = min(self._decay, (1 + step) / (10 + step)) ** EVERY
            self._move(tf.constant(1.0 - kept))

    def _replica_move(self, taken: Any) -> None:
        for average, weight in zip(self.average, self._weights, strict=True):
            old = tf.raw_ops.ReadVariableOp(resource=average.handle, dtype=weight.dtype)
            new = tf.raw_ops.ReadVariableOp(resource=weight.handle, dtype=weight.dtype)
            tf.raw_ops.AssignSubVariableOp(
                resource=average.handle, value=(old - new) * taken
            )

    @contextlib.contextmanager
    def in_model(self) -> Iterator[None]:
        """Within, the model has the averages; after it, the very weights of before."""
        kept = [tf.identity(weight) for weight in self._weights]
        for average, weight in zip(self.average, self._weights, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self._weights, kept, strict=True):
                weight.assign(value)
