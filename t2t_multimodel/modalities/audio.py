"""Audio: a stack of ConvRes over a waveform or over a spectrogram.

Shape suffixes: B batch, T samples or frames, F frequencies, L positions, D depth.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.convolution import ConvRes, stride_mask
from t2t_multimodel.layers.normalization import LayerNorm
from t2t_multimodel.layers.recomputing import recomputed


@keras.saving.register_keras_serializable("t2t_multimodel")
class AudioBottom(keras.layers.Layer):
    """Audio to positions: one ConvRes of stride 2 in time for every entry of `filters`.

    The paper has eight blocks with 2^i channels. A spectrogram keeps all its
    frequencies ("does not stride over frequency"); at the end frequencies and channels
    are joined and projected to the depth by a linear map and a layer norm (how the
    paper gets to the depth it does not say).

    Args:
        filters: Channels of each block.
        depth: Width of the representation (D).
        num_bins: Frequencies of a spectrogram (F); 0 for a waveform.
        recompute: Whether the backward pass runs its blocks again.

    Call arguments:
        audio: float, `[B, T, F]`, or `[B, T]` for a waveform.
        mask_BT: bool, True where a sample or frame counts.

    Returns:
        (`[B, L, D]`, mask `[B, L]`) with `L = ceil(T / 2^len(filters))`.
    """

    def __init__(
        self,
        filters: tuple[int, ...],
        depth: int,
        num_bins: int = 0,
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.depth = depth
        self.num_bins = num_bins
        self.recompute = recompute
        policy = self.dtype_policy
        self.residuals: list[Any] = [
            ConvRes(
                size,
                kernel_size=(3, 3) if num_bins else (3, 1),
                strides=(2, 1),
                activate=i > 0,
                dtype=policy,
                name=f"residual{i}",
            )
            for i, size in enumerate(self.filters)
        ]
        shape: tuple[int | None, ...] = (None, None, num_bins or 1, 1)
        for residual in self.residuals:
            residual.build(shape)
            shape = residual.compute_output_shape(shape)
        width = (num_bins or 1) * self.filters[-1]
        self.projection = keras.layers.Dense(depth, dtype=policy, name="projection")
        self.projection.build((None, None, width))
        self.norm = LayerNorm(dtype=policy, name="norm")
        self.norm.build((None, None, depth))
        self.built = True

    def call(self, audio: Any, mask_BT: Any) -> tuple[Any, Any]:
        x = ops.expand_dims(ops.cast(audio, self.compute_dtype), -1)
        if not self.num_bins:
            x = ops.expand_dims(x, -1)
        mask = mask_BT
        for residual in self.residuals:
            block = functools.partial(residual, mask_BH=mask)
            x = recomputed(block, x) if self.recompute else block(x)
            mask = stride_mask(mask, 2)
        batch, length = ops.shape(x)[:2]
        width = (self.num_bins or 1) * self.filters[-1]
        x_BLD = self.projection(ops.reshape(x, (batch, length, width)))
        return self.norm(x_BLD), mask

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth": self.depth,
            "num_bins": self.num_bins,
            "recompute": self.recompute,
        }
