"""Layer norm over the last dimension, with a gradient of its own.

`y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance over the
channels of a position (arXiv 1607.06450). The values are those of Keras's layer.

Every ConvStep ends with one, and at small widths it would cost more than the
convolution before it: what is written here as products with a vector of ones runs as
matrix products, and the gradient by hand needs half the passes over memory that the
automatic one makes.

Shape suffixes: N positions (all dimensions but the last flattened), C channels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("t2t_multimodel")
class LayerNorm(keras.layers.Layer):
    """Layer norm over the channels.

    Args:
        initial_scale: First value of gamma: the standard deviation of the output.
        epsilon: Added to the variance.

    Call arguments:
        x: `[..., C]`.

    Returns:
        The same shape and dtype; computed in float32 under mixed precision too.
    """

    def __init__(
        self, initial_scale: float = 1.0, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.initial_scale = initial_scale
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(
            name="gamma",
            shape=channels,
            initializer=keras.initializers.Constant(self.initial_scale),
            autocast=False,
        )
        self.beta = self.add_weight(
            name="beta", shape=channels, initializer="zeros", autocast=False
        )
        self.built = True

    def call(self, x: Any) -> Any:
        x_NC = ops.reshape(ops.cast(x, "float32"), (-1, x.shape[-1]))
        # Reshaped to be tensors: TensorFlow takes no variables in custom gradients.
        gamma_C, beta_C = (ops.reshape(w, (-1,)) for w in (self.gamma, self.beta))
        y_NC = _normalise(self.epsilon)(x_NC, gamma_C, beta_C)
        return ops.cast(ops.reshape(y_NC, ops.shape(x)), x.dtype)

    def step(self, x_RC: Any) -> Any:
        """The same for one position of a few sequences, without a gradient of its own.

        Means in place of matrix products: on few rows those cost more to set up.
        """
        x = ops.cast(x_RC, "float32")
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        rate_RC = ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast(centred * rate_RC + self.beta, x_RC.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_scale": self.initial_scale,
            "epsilon": self.epsilon,
        }


def _normalise(epsilon: float) -> Any:
    """`(x_NC, gamma_C, beta_C) -> y_NC` and its gradient.

    With `h = (x - mean) / s` and `d = gamma dy`:
    `dx = (d - mean(d) - h mean(d h)) / s`, `dgamma = sum(dy h)`, `dbeta = sum(dy)`.
    """

    @ops.custom_gradient
    def normalise(x_NC: Any, gamma_C: Any, beta_C: Any) -> Any:
        channels = x_NC.shape[-1]
        mean_C1 = ops.full((channels, 1), 1.0 / channels, dtype="float32")
        centred_NC = x_NC - ops.matmul(x_NC, mean_C1)
        rate_N1 = ops.rsqrt(ops.matmul(ops.square(centred_NC), mean_C1) + epsilon)
        h_NC = centred_NC * rate_N1

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            dy_NC = arguments[0] if upstream is None else upstream
            dy_h_NC = dy_NC * h_NC
            one_1N = ops.ones((1, ops.shape(dy_NC)[0]), dtype="float32")
            gamma_C1 = ops.expand_dims(gamma_C, 1) * mean_C1
            mean_d_N1 = ops.matmul(dy_NC, gamma_C1)
            mean_dh_N1 = ops.matmul(dy_h_NC, gamma_C1)
            dx_NC = (dy_NC * gamma_C - mean_d_N1 - h_NC * mean_dh_N1) * rate_N1
            dgamma_C = ops.squeeze(ops.matmul(one_1N, dy_h_NC), 0)
            return dx_NC, dgamma_C, ops.squeeze(ops.matmul(one_1N, dy_NC), 0)

        return h_NC * gamma_C + beta_C, gradient

    return normalise
