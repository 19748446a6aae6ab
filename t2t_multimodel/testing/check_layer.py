"""What every Keras layer of ours, and of our users, must do; one call a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops


def check_layer(
    layer: Any,
    *inputs: Any,
    output_shape: tuple[int, ...],
    call_kwargs: dict[str, Any] | None = None,
    first: Callable[[Any], Any] = lambda output: output,
) -> Any:
    """Checks configuration round trip, shape, types, gradients of a layer.

    Args:
        layer: The layer; it is built and called.
        *inputs: Positional call arguments, numpy arrays or None.
        output_shape: Expected shape of the (first) output.
        call_kwargs: Further call arguments. A layer that draws random numbers in
            training is checked inside `randomness.step_seed`.
        first: Picks the tensor to check out of what the layer returns.

    Returns:
        The layer's (first) output as a numpy array.

    Raises:
        AssertionError: The layer breaks one of the rules; the message says which.
    """
    kwargs = call_kwargs or {}
    output = first(layer(*inputs, **kwargs))
    assert tuple(output.shape) == output_shape, (
        f"{layer.name}: shape {tuple(output.shape)}, expected {output_shape}"
    )
    array = ops.convert_to_numpy(output)
    assert np.isfinite(array).all(), f"{layer.name}: an output is not finite"

    config = layer.get_config()
    twin = type(layer).from_config(config)
    assert twin.get_config() == config, f"{layer.name}: the configuration changes"
    twin(*inputs, **kwargs)
    twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        ops.convert_to_numpy(first(twin(*inputs, **kwargs))),
        array,
        rtol=1e-5,
        atol=1e-6,
        err_msg=f"{layer.name}: its twin with the same weights differs",
    )

    half = type(layer).from_config({**config, "dtype": "mixed_bfloat16"})
    half_output = first(half(*inputs, **kwargs))
    half_array = ops.convert_to_numpy(ops.cast(half_output, "float32"))
    assert np.isfinite(half_array).all(), f"{layer.name}: not finite in bfloat16"
    for variable in half.trainable_variables:
        assert keras.backend.standardize_dtype(variable.dtype) == "float32", (
            f"{variable.path}: master weights must be float32"
        )

    _check_gradients(layer, inputs, kwargs, first)
    return array


def _check_gradients(
    layer: Any,
    inputs: tuple[Any, ...],
    kwargs: dict[str, Any],
    first: Callable[[Any], Any],
) -> None:
    if keras.config.backend() != "tensorflow" or not layer.trainable_variables:
        return
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(first(layer(*inputs, **kwargs)) - 0.5))
        for extra in layer.losses:
            loss = loss + extra
    values = [variable.value for variable in layer.trainable_variables]
    for variable, gradient in zip(
        layer.trainable_variables, tape.gradient(loss, values), strict=True
    ):
        assert gradient is not None, f"{variable.path}: no gradient reaches it"
