"""A step on several batches: one update along the mean of their gradients.

With k batches, of one problem or of several, the update's gradient is

    g = (g_1 + ... + g_k) / k,   g_j the gradient of batch j's mean loss of a target

plus its balancing losses: every batch counts alike, however many targets it has. It is
clipped once and handed to Adam once. A weight that no batch used is not updated; one
that some did not use counts as a gradient of 0 in those.

The sums take as much memory as the trained weights (in float32), once on every device.
Under a strategy each replica adds up its own part, and they are reduced over replicas
once an update. Which problems meet in an update makes no difference to the graphs: one
for each signature, and one for the update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import StepResult, TrainStep, total


class AccumulatedStep(TrainStep):
    """Takes steps of several batches each.

    Args:
        model, optimizer, strategy, specs, seed: As of `TrainStep`.
        batches_per_step: How many batches a step takes (k).
    """

    def __init__(
        self,
        model: Any,
        optimizer: Adam,
        strategy: tf.distribute.Strategy,
        specs: Mapping[str, Mapping[str, tf.TensorSpec]],
        seed: int,
        batches_per_step: int,
    ) -> None:
        super().__init__(model, optimizer, strategy, specs, seed)
        self._batches_per_step = batches_per_step
        self._weights = model.trainable_variables
        self._places = {id(weight): i for i, weight in enumerate(self._weights)}
        with strategy.scope():
            # An own sum in every replica; nothing but `_replica_update` reads it.
            self._sums = [_sum_like(tf.zeros(w.shape, w.dtype)) for w in self._weights]
            self._uses = _sum_like(tf.zeros([len(self._weights)], tf.int32))
        self._update_graph = self._make_update()

    def update(
        self,
        step: int,
        learning_rate: float,
        batches: Iterable[tuple[str, Mapping[str, Any]]],
    ) -> Sequence[StepResult]:
        """Step number `step`, on its k batches, each given with its problem's name."""
        first = step * self._batches_per_step
        results = [
            self(problem, first + turn, learning_rate, features)
            for turn, (problem, features) in enumerate(batches)
        ]
        norm = self._update_graph(tf.constant(learning_rate, tf.float32))
        return [result._replace(gradient_norm=norm) for result in results]

    def _use(
        self, context: Any, gradients: list[Any], weights: list[Any], rate: Any
    ) -> Any:
        """Adds a batch's gradients to the sums."""
        places = [self._places[id(weight)] for weight in weights]
        for place, gradient in zip(places, gradients, strict=True):
            self._sums[place].assign_add(gradient / self._batches_per_step)
        used = np.zeros([len(self._weights)], np.int32)
        used[places] = 1
        self._uses.assign_add(used)
        return tf.zeros([])

    def _make_update(self) -> Any:
        @tf.function(
            input_signature=[tf.TensorSpec([], tf.float32)],
            jit_compile=False,
            autograph=False,
        )
        def graph(rate: Any) -> Any:
            return self._first(self._strategy.run(self._replica_update, args=(rate,)))

        return graph

    def _replica_update(self, rate: Any) -> Any:
        """One update along the sums, which then begin anew; its norm."""
        context = tf.distribute.get_replica_context()
        gradients = total(context, [tf.identity(own) for own in self._sums])
        used = tf.identity(self._uses) > 0
        norm = self._optimizer.apply(gradients, self._weights, rate, used)
        for own in (*self._sums, self._uses):
            own.assign(tf.zeros(own.shape, own.dtype))
        return norm


def _sum_like(zeros: Any) -> tf.Variable:
    return tf.Variable(
        zeros,
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )
