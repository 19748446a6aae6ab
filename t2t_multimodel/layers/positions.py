"""The timing signal: where a position stands, as sines and cosines of many periods.

`timing(t, [2i, 2i+1]) = [sin(t * w_i), cos(t * w_i)]`, `w_i = 1e4^(-2i / depth)`,
interleaved over the whole depth ("One Model To Learn Them All", section 2.2).
"""

from __future__ import annotations

from typing import Any

from keras import ops

MAX_TIMESCALE = 1e4


def timing_signal(length: Any, depth: int) -> Any:
    """Timing signal of `length` positions from 0 on.

    Args:
        length: Number of positions L, an int or an integer scalar tensor.
        depth: Width D of the signal, even.

    Returns:
        float32 tensor of shape `[L, D]`.
    """
    return timing_at(ops.arange(length, dtype="float32"), depth)


def timing_at(position_L: Any, depth: int) -> Any:
    """Timing signal of the given positions (float32 `[L]`), `[L, D]`."""
    if depth % 2:
        raise ValueError(f"the timing signal needs an even depth, not {depth}.")
    rates = MAX_TIMESCALE ** (
        -2.0 * ops.arange(depth // 2, dtype="float32") / float(depth)
    )
    angles_LR = ops.expand_dims(position_L, 1) * rates
    pairs_LR2 = ops.stack([ops.sin(angles_LR), ops.cos(angles_LR)], axis=-1)
    return ops.reshape(pairs_LR2, (-1, depth))


def add_timing(x_BLD: Any) -> Any:
    """Adds the timing signal to every sequence of a batch `[B, L, D]`."""
    signal_LD = timing_signal(ops.shape(x_BLD)[1], x_BLD.shape[-1])
    return x_BLD + ops.cast(signal_LD, x_BLD.dtype)
