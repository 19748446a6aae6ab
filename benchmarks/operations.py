"""Operations of matrix products and convolutions, read off the shapes of a graph.

In a graph of a model it is open how many tokens each expert gets; counted is how many
an expert gets on average.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any


def of_model(graph: Any, config: Any) -> float:
    """Operations of a graph of a model with this `ModelConfig`."""
    operations = graph.get_operations()
    per_expert = tokens_an_expert(operations, config)
    return sum(flops(operation, per_expert) for operation in operations)


def tokens_an_expert(operations: Sequence[Any], config: Any) -> float:
    """How many tokens an expert gets on average in a graph of a model.

    The routers' products, `[T, D] x [D, E]`, tell how many tokens each layer has. The
    gradient of their weights, `[D, T] x [T, E]`, has the same width and is none; nor is
    a pointwise convolution to as many filters, which no net has behind its full depth.
    """
    routed = [
        operation.outputs[0].shape[0]
        for operation in operations
        if operation.type == "MatMul"
        and not operation.get_attr("transpose_a")
        and operation.inputs[0].shape[1:] == [config.depth]
        and operation.outputs[0].shape[1:] == [config.num_experts]
    ]
    if not routed:
        return 0.0
    return statistics.mean(routed) * config.top_k / config.num_experts


def flops(operation: Any, per_expert: float) -> float:
    """Operations of one product or convolution of a graph; 0 of anything else."""

    def sizes(tensor: Any) -> list[float]:
        return [per_expert if n is None else n for n in tensor.shape]

    kind = operation.type
    if kind == "MatMul":
        rows = sizes(operation.inputs[0])
        inner = rows[0] if operation.get_attr("transpose_a") else rows[1]
        return 2.0 * math.prod(sizes(operation.outputs[0])) * inner
    if kind == "BatchMatMulV2":
        rows = sizes(operation.inputs[0])
        inner = rows[-2] if operation.get_attr("adj_x") else rows[-1]
        return 2.0 * math.prod(sizes(operation.outputs[0])) * inner
    if "Conv2d" not in kind and "Conv2D" not in kind:
        return 0.0
    places = {"BackpropInput": (1, 2), "BackpropFilter": (None, 2)}
    for ending, (kernel, output) in places.items():
        if kind.endswith(ending):
            window = (
                operation.outputs[0] if kernel is None else operation.inputs[kernel]
            )
            return window_flops(kind, sizes(window), sizes(operation.inputs[output]))
    window, output = operation.inputs[1], operation.outputs[0]
    return window_flops(kind, sizes(window), sizes(output))


def window_flops(kind: str, window: Sequence[float], output: Sequence[float]) -> float:
    """Operations of a convolution with a window `[H, W, in, ...]`."""
    depth = 1.0 if kind.startswith("Depthwise") else window[2]
    return 2.0 * math.prod(output) * window[0] * window[1] * depth
