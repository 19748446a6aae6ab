"""Adam over the weights that a step used, one fused operation a weight.

A step of joint training updates the weights of one problem only. So every weight
counts its own updates: its moments, and the correction of their bias, advance only
when a step used it, and a head that is rarely chosen is scaled as if it had been
trained alone. The whole update is three operations a weight (norm, scaling, fused
Adam); a Keras optimizer takes about fifteen, which small models feel.

Reference: Adam (arXiv 1412.6980), in the form with epsilon outside the correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.training.config import TrainingConfig


class Adam:
    """Adam with global-norm clipping and an update count for every weight.

    Create it in the strategy's scope, with all weights of the model. Its variables
    are `updates` (int64 `[N]`, updates of each weight so far) and for every weight
    the moving averages of its gradient (`mean`) and of its square (`square`).

    Args:
        weights: The N trainable variables, Keras's or TensorFlow's, each once.
        config: The constants, and the largest global norm (`clip_norm`, 0: any).
    """

    def __init__(self, weights: Sequence[Any], config: TrainingConfig) -> None:
        self._config = config
        self._index = {id(_variable(weight)): i for i, weight in enumerate(weights)}
        variables = [_variable(weight) for weight in weights]
        self.mean = [_zeros_like(variable) for variable in variables]
        self.square = [_zeros_like(variable) for variable in variables]
        self.updates = tf.Variable(
            tf.zeros([len(variables)], tf.int64), trainable=False, name="updates"
        )

    def apply(
        self, gradients: Sequence[Any], weights: Sequence[Any], learning_rate: Any
    ) -> Any:
        """Updates `weights`, in a replica's context, alike in every replica.

        Args:
            gradients: Dense, already summed over replicas.
            weights: Any subset of the optimizer's weights, in the same order.
            learning_rate: Scalar float32.

        Returns:
            The global norm of the gradients before clipping, a float32 scalar.
        """
        config = self._config
        norm = tf.linalg.global_norm(gradients)
        if config.clip_norm > 0.0:
            scale = config.clip_norm / tf.maximum(norm, config.clip_norm)
            gradients = [gradient * scale for gradient in gradients]
        variables = [_variable(weight) for weight in weights]
        places = [self._index[id(variable)] for variable in variables]
        beta1, beta2 = tf.constant(config.adam_beta1), tf.constant(config.adam_beta2)
        epsilon = tf.constant(config.adam_epsilon)
        counts = self._count(places)
        decay1 = tf.unstack(tf.pow(beta1, counts), len(places))
        decay2 = tf.unstack(tf.pow(beta2, counts), len(places))
        for place, variable, gradient, power1, power2 in zip(
            places, variables, gradients, decay1, decay2, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self.mean[place].handle,
                v=self.square[place].handle,
                beta1_power=power1,
                beta2_power=power2,
                lr=learning_rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )
        return norm

    def _count(self, places: list[int]) -> Any:
        """Counts an update of these weights; their counts, float32."""
        used = np.zeros([len(self._index)], np.int64)
        used[places] = 1
        tf.raw_ops.AssignAddVariableOp(resource=self.updates.handle, value=used)
        updates = tf.raw_ops.ReadVariableOp(
            resource=self.updates.handle, dtype=tf.int64
        )
        return tf.cast(tf.gather(updates, places), tf.float32)


def dense(gradient: Any, weight: Any) -> Any:
    """The gradient as a dense tensor; an embedding's comes as rows to add up."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.math.unsorted_segment_sum(
            gradient.values, gradient.indices, weight.shape[0]
        )
    return gradient


def _variable(weight: Any) -> Any:
    """The TensorFlow variable of a Keras variable."""
    return weight if isinstance(weight, tf.Variable) else weight.value


def _zeros_like(variable: Any) -> Any:
    return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
