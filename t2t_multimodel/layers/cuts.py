"""Cutting and padding along the positions, with gradients that cost what they move.

TensorFlow takes the gradient of `x[:, :length]` or `x[:, ::2]` on one core, about
fifteen times as slowly as that of `ops.slice`, which is a padding. In a small model
that was as much as all its depthwise convolutions together.

Shape suffixes: B batch, H height (or sequence position), W width, C channels, X more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops


def first_positions(x_BHX: Any, length: Any) -> Any:
    """`x_BHX[:, :length]`; `x_BHX` itself where that is known to be all of it."""
    shape = ops.shape(x_BHX)
    if _is_known(length) and x_BHX.shape[1] == length:
        return x_BHX
    return _slice(x_BHX, (shape[0], length, *shape[2:]))


def every_other(x_BHX: Any, strides: Sequence[int]) -> Any:
    """`x_BHX[:, ::strides[0], ::strides[1], ...]`."""
    for axis, stride in enumerate(strides, start=1):
        if stride > 1:
            x_BHX = _every_other(x_BHX, axis, stride)
    return x_BHX


def padded(x_BHX: Any, *widths: tuple[Any, Any]) -> Any:
    """Zeros (before, after) along the axes from the second on; none where all are 0."""
    if all(_is_known(size) and size == 0 for width in widths for size in width):
        return x_BHX
    others = [(0, 0)] * (len(x_BHX.shape) - 1 - len(widths))
    return ops.pad(x_BHX, [(0, 0), *widths, *others])


def _every_other(x: Any, axis: int, stride: int) -> Any:
    missing = -ops.shape(x)[axis] % stride
    x = padded(x, *[(0, 0)] * (axis - 1), (0, missing))
    shape = ops.shape(x)
    before, after = shape[:axis], shape[axis + 1 :]
    groups = shape[axis] // stride
    x = ops.reshape(x, (*before, groups, stride, *after))
    return ops.squeeze(_slice(x, (*before, groups, 1, *after)), axis + 1)


def _slice(x: Any, shape: Sequence[Any]) -> Any:
    return ops.slice(x, [0] * len(shape), shape)


def _is_known(size: Any) -> bool:
    """Whether a size is a number already when the graph is made."""
    return isinstance(size, int)
