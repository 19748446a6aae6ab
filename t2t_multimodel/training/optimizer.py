"""Adam over the weights that a step used, one fused operation a weight.

A step of joint training updates the weights of one problem only. So every weight
counts its own updates: its moments, and the correction of their bias, advance only
when a step used it, and a head that is rarely chosen is scaled as if it had been
trained alone. The whole update is three operations a weight (norm, scaling, fused
Adam), and for a large one two where the norm is below the clip; a Keras optimizer
takes about fifteen, which small models feel.

Reference: Adam (arXiv 1412.6980), in the form with epsilon outside the correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.training.config import TrainingConfig

# From so many numbers on a pass over a gradient costs more than to ask if it is needed.
_LARGE = 2**16

# With these Adam adds zeros to a weight and to its moments.
_IDLE = {"lr": 0.0, "beta1": 1.0, "beta2": 1.0, "beta1_power": 0.0, "beta2_power": 0.0}


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
        self,
        gradients: Sequence[Any],
        weights: Sequence[Any],
        learning_rate: Any,
        used: Any = None,
    ) -> Any:
        """Updates `weights`, in a replica's context, alike in every replica.

        Where the gradients' norm is infinite or not a number nothing changes: neither
        weights nor moments nor counts.

        Args:
            gradients: Dense, already summed over replicas.
            weights: Any subset of the optimizer's weights, in the same order.
            learning_rate: Scalar float32.
            used: Bool, one for each of `weights`, if that is known only when the graph
                runs: where it is False the gradient is 0 and nothing changes.

        Returns:
            The global norm of the gradients before clipping, a float32 scalar.
        """
        norm = tf.linalg.global_norm(gradients)
        is_finite = tf.math.is_finite(norm)
        used = is_finite if used is None else tf.logical_and(used, is_finite)
        variables = [_variable(weight) for weight in weights]
        is_large = [math.prod(variable.shape) >= _LARGE for variable in variables]
        gradients = _clipped(gradients, is_large, norm, self._config.clip_norm)
        places = [self._index[id(variable)] for variable in variables]
        epsilon = tf.constant(self._config.adam_epsilon)
        factors = self._factors(self._count(places, used), learning_rate, used)
        for place, variable, gradient, own in zip(
            places, variables, gradients, factors, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self.mean[place].handle,
                v=self.square[place].handle,
                epsilon=epsilon,
                grad=gradient,
                **own,
            )
        return norm

    def _factors(
        self, counts: Any, learning_rate: Any, used: Any
    ) -> list[dict[str, Any]]:
        """What Adam is told for each weight beside its gradient."""
        betas = {
            name: tf.constant(getattr(self._config, f"adam_{name}"))
            for name in ("beta1", "beta2")
        }
        powers = {f"{name}_power": tf.pow(beta, counts) for name, beta in betas.items()}
        factors = {"lr": tf.convert_to_tensor(learning_rate), **betas, **powers}
        factors = {k: tf.where(used, v, _IDLE[k]) for k, v in factors.items()}
        length = counts.shape[0]
        columns = [
            tf.unstack(factor, length) if factor.shape.rank else [factor] * length
            for factor in factors.values()
        ]
        return [
            dict(zip(factors, row, strict=True)) for row in zip(*columns, strict=True)
        ]

    def _count(self, places: list[int], used: Any) -> Any:
        """Counts an update of these weights where used; their counts, float32."""
        used = tf.broadcast_to(tf.cast(used, tf.int64), [len(places)])
        added = tf.scatter_nd(np.array(places)[:, np.newaxis], used, self.updates.shape)
        tf.raw_ops.AssignAddVariableOp(resource=self.updates.handle, value=added)
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


def _clipped(
    gradients: Sequence[Any], is_large: Sequence[bool], norm: Any, clip_norm: float
) -> list[Any]:
    """The gradients with a norm of `clip_norm` at most (0: any); 0 if it is no number.

    Many steps need no scaling. A pass over the large gradients is then saved, which in
    a model of many experts is a fifth of what the optimizer moves in memory.
    """
    largest = clip_norm or float(np.finfo(np.float32).max)
    scale = tf.where(tf.math.is_finite(norm), largest / tf.maximum(norm, largest), 0.0)
    large = [g for g, is_one in zip(gradients, is_large, strict=True) if is_one]
    if large:
        large = tf.cond(
            tf.equal(scale, 1.0),
            lambda: [tf.identity(gradient) for gradient in large],
            lambda: [_times(gradient, scale) for gradient in large],
        )
    rest = iter(large)
    return [
        next(rest) if is_one else _times(gradient, scale)
        for gradient, is_one in zip(gradients, is_large, strict=True)
    ]


def _times(gradient: Any, scale: Any) -> Any:
    """0 of whatever is multiplied by 0."""
    return tf.math.multiply_no_nan(gradient, scale)


def _variable(weight: Any) -> Any:
    """The TensorFlow variable of a Keras variable."""
    return weight if isinstance(weight, tf.Variable) else weight.value


def _zeros_like(variable: Any) -> Any:
    return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
