"""Useful operations of a training step, by formula, under any of Keras's backends.

Counted are the products and convolutions of the layers, from the shapes of what goes
through them: once for the forward and twice for the backward pass, as the gradients of
a product of two factors are two products of the same size. An expert counts as many
tokens as are sent to it. Not counted: what is elementwise, and layer norms, whose
products with vectors are below a hundredth where the model is wide.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras

from t2t_multimodel.layers.attention import MultiHeadAttention
from t2t_multimodel.layers.convolution import ConvStep
from t2t_multimodel.layers.experts import MixtureOfExperts
from t2t_multimodel.modalities.categorical import CategoricalTop
from t2t_multimodel.modalities.text import TextTop


def of_step(view: Any, batch: dict[str, Any]) -> float:
    """Operations of a step of a view on a batch of arrays."""
    features = {
        name: keras.KerasTensor(value.shape, str(value.dtype))
        for name, value in batch.items()
    }
    with counted() as counts:
        view(features, training=True)
    return 3.0 * sum(counts)


@contextlib.contextmanager
def counted() -> Iterator[list[float]]:
    """Operations of the forward pass, a number for each call of a layer inside."""
    formulas: dict[Any, Callable[..., float]] = {
        ConvStep: convolution_flops,
        MultiHeadAttention: attention_flops,
        MixtureOfExperts: experts_flops,
        keras.layers.Dense: map_flops,
        CategoricalTop: map_flops,
        TextTop: map_flops,
    }
    counts: list[float] = []

    def counting(call: Any, formula: Callable[..., float]) -> Any:
        @functools.wraps(call)
        def wrapped(layer: Any, *arguments: Any, **options: Any) -> Any:
            output = call(layer, *arguments, **options)
            counts.append(formula(layer, output, *arguments))
            return output

        return wrapped

    kept = {layer: layer.call for layer in formulas}
    for layer, formula in formulas.items():
        layer.call = counting(layer.call, formula)
    try:
        yield counts
    finally:
        for layer, call in kept.items():
            layer.call = call


def convolution_flops(layer: Any, y: Any, *_: Any) -> float:
    """A depthwise convolution and a pointwise one; a 1x1 window is no product."""
    places = math.prod(y.shape[:-1])
    taps = math.prod(layer.kernel_size)
    window = 0 if taps == 1 else math.prod(layer.depthwise_kernel.shape)
    return 2.0 * places * (window + math.prod(layer.pointwise_kernel.shape))


def attention_flops(
    layer: Any, y_BLD: Any, x_BLD: Any, source_BSD: Any = None, *_: Any
) -> float:
    """Queries and outputs, keys and values, scores and their weighted sums."""
    batch, length, depth = x_BLD.shape
    source = length if source_BSD is None else source_BSD.shape[1]
    maps = 2 * length * depth**2 + 2 * source * depth**2
    return 2.0 * batch * (maps + 2 * length * source * depth)


def experts_flops(layer: Any, y_BLD: Any, *_: Any) -> float:
    """The router's two maps, and two of each expert that a token is sent to."""
    *places, depth = y_BLD.shape
    router = 2 * depth * layer.num_experts
    experts = 2 * layer.top_k * depth * layer.hidden_size
    return 2.0 * math.prod(places) * (router + experts)


def map_flops(layer: Any, y: Any, *_: Any) -> float:
    """A linear map of each position."""
    return 2.0 * math.prod(y.shape[:-1]) * math.prod(layer.kernel.shape)
