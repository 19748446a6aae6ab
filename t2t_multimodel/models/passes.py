"""Two ways through the body's causal parts: all positions at once, or one by one.

A part says once, in its `wire`, how its layers follow each other, and leaves to a pass
how they are run. `FullPass` gives them whole sequences `[B, L, D]`, as in training.
`OnePosition` gives them one position of R sequences, `[R, D]`, and keeps what they
remember of the positions before. Both compute the same; they cannot drift apart, since
the wiring and the layers' arithmetic are the same code.

Shape suffixes: B batch, L target positions, S source positions, D model depth, R rows:
hypotheses that are decoded side by side, R / B of them for each source, in the order of
the sources.
"""

from __future__ import annotations

from typing import Any, Protocol

from keras import ops

from t2t_multimodel.layers.positions import add_timing
from t2t_multimodel.layers.recomputing import recomputed


class Pass(Protocol):
    """How the layers of a part are run; `x` is what they read."""

    def part(self, part: Any, x: Any) -> Any:
        """A part within the part."""

    def conv(self, layer: Any, x: Any) -> Any:
        """A causal (in the encoder: centred) `ConvStep`."""

    def attention(self, layer: Any, x: Any) -> Any:
        """Causal self-attention."""

    def source_attention(self, layer: Any, x: Any) -> Any:
        """Attention over the source."""

    def experts(self, layer: Any, x: Any) -> Any:
        """A mixture of experts."""

    def norm(self, layer: Any, x: Any) -> Any:
        """A layer norm."""

    def dropout(self, layer: Any, x: Any) -> Any:
        """Dropout, in training."""

    def timed(self, x: Any) -> Any:
        """`x` with the timing signal added."""

    def source_mean(self, x: Any) -> Any:
        """The source's mean at every position of `x`."""


class FullPass:
    """All positions at once.

    Args:
        mask_BL: bool, True where a target position counts, or None.
        source_BSD, source_mask_BS: The encoded inputs and their mask.
        training: Whether layers drop, draw noise and add losses.
    """

    def __init__(
        self,
        mask_BL: Any,
        source_BSD: Any = None,
        source_mask_BS: Any = None,
        training: bool = False,
    ) -> None:
        self._mask_BL = mask_BL
        self._source = (source_BSD, source_mask_BS)
        self._training = training

    def part(self, part: Any, x_BLD: Any) -> Any:
        source_BSD, source_mask_BS = self._source
        mask_BL, training = self._mask_BL, self._training

        def run(x_BLD: Any, *source: Any) -> Any:
            masks = (mask_BL, source_mask_BS) if source else (mask_BL,)
            return part(x_BLD, *source, *masks, training=training)

        read = (x_BLD, source_BSD) if part.reads_source else (x_BLD,)
        return recomputed(run, *read) if part.is_recomputed else run(*read)

    def conv(self, layer: Any, x_BLD: Any) -> Any:
        return layer(x_BLD, self._mask_BL)

    def attention(self, layer: Any, x_BLD: Any) -> Any:
        # Padding is at the end: the causal mask hides it from what counts.
        return layer(x_BLD, causal=True, training=self._training)

    def source_attention(self, layer: Any, x_BLD: Any) -> Any:
        return layer(x_BLD, *self._source, training=self._training)

    def experts(self, layer: Any, x_BLD: Any) -> Any:
        return layer(x_BLD, self._mask_BL, training=self._training)

    def norm(self, layer: Any, x_BLD: Any) -> Any:
        return layer(x_BLD)

    def dropout(self, layer: Any, x_BLD: Any) -> Any:
        return layer(x_BLD, training=self._training)

    def timed(self, x_BLD: Any) -> Any:
        return add_timing(x_BLD)

    def source_mean(self, x_BLD: Any) -> Any:
        return ops.expand_dims(mean_of_source(*self._source), 1) + ops.zeros_like(x_BLD)


class OnePosition:
    """One position of R sequences.

    Args:
        timing_D: The timing signal of the position.
        past: What the part's layers remember, by their names; see `Part.past_shape`.
        read: What the part's layers took from the source; see `Part.read`.
        source_mask_BS: bool, or None.

    Attributes:
        after: What the layers remember for the next position.
    """

    def __init__(
        self,
        timing_D: Any,
        past: dict[str, Any],
        read: dict[str, Any],
        source_mask_BS: Any,
    ) -> None:
        self._timing_D = timing_D
        self._past = past
        self._read = read
        self._source_mask_BS = source_mask_BS
        self.after: dict[str, Any] = {}

    def part(self, part: Any, x_RD: Any) -> Any:
        inner = OnePosition(
            self._timing_D,
            self._past.get(part.name, {}),
            self._read.get(part.name, {}),
            self._source_mask_BS,
        )
        y_RD = part.wire(x_RD, inner)
        if inner.after:
            self.after[part.name] = inner.after
        return y_RD

    def conv(self, layer: Any, x_RD: Any) -> Any:
        y_RD, self.after[layer.name] = layer.step(x_RD, self._past[layer.name])
        return y_RD

    attention = conv

    def source_attention(self, layer: Any, x_RD: Any) -> Any:
        return layer.step_over(x_RD, self._read[layer.name], self._source_mask_BS)

    def experts(self, layer: Any, x_RD: Any) -> Any:
        return layer.step(x_RD)

    def norm(self, layer: Any, x_RD: Any) -> Any:
        return layer.step(x_RD)

    def dropout(self, layer: Any, x_RD: Any) -> Any:
        return x_RD

    def timed(self, x_RD: Any) -> Any:
        return x_RD + ops.cast(self._timing_D, x_RD.dtype)

    def source_mean(self, x_RD: Any) -> Any:
        mean_BD = self._read["mean"]
        shape = (ops.shape(mean_BD)[0], -1, x_RD.shape[-1])
        mean_BKD = ops.expand_dims(mean_BD, 1) + ops.zeros_like(
            ops.reshape(x_RD, shape)
        )
        return ops.reshape(mean_BKD, ops.shape(x_RD))


def mean_of_source(source_BSD: Any, source_mask_BS: Any) -> Any:
    """What stands in for attention where it is ablated: the source's mean, `[B, D]`."""
    if source_mask_BS is None:
        return ops.mean(source_BSD, axis=1)
    mask_BS1 = ops.expand_dims(ops.cast(source_mask_BS, source_BSD.dtype), -1)
    total_BD = ops.sum(source_BSD * mask_BS1, axis=1)
    return total_BD / ops.maximum(ops.sum(mask_BS1, axis=1), 1.0)
