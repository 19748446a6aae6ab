"""Images: Xception's entry flow, from pixels to a sequence of positions.

Shape suffixes: B batch, H height, W width, C channels, L positions, D depth.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.convolution import ConvRes, ConvStep
from t2t_multimodel.layers.recomputing import recomputed


@keras.saving.register_keras_serializable("t2t_multimodel")
class ImageBottom(keras.layers.Layer):
    """Pixels to positions, at stride `2^(len(filters))`: 16 in the paper.

    `ConvStep_{s=2} 3x3, ConvStep 3x3, ConvRes, ..., ConvRes(depth)`, flattened row by
    row ("One Model To Learn Them All", section 2.5). The first step has no ReLU.
    It filters each colour with `entry_multiplier` windows (the paper does not say; one
    would leave three numbers a position).

    Args:
        filters: Of the two entry steps and of each ConvRes but the last.
        depth: Filters of the last ConvRes (D).
        channels: Of the images (3 or 1).
        entry_multiplier: Windows for each colour in the first step.
        recompute: Whether the backward pass runs its blocks again.

    Call arguments:
        image_BHWC: float, in [-1, 1].

    Returns:
        (`[B, L, D]`, (rows, columns)) with `L = rows * columns`.
    """

    def __init__(
        self,
        filters: tuple[int, ...],
        depth: int,
        channels: int = 3,
        entry_multiplier: int = 8,
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.depth = depth
        self.channels = channels
        self.entry_multiplier = entry_multiplier
        self.recompute = recompute
        policy = self.dtype_policy
        self.entry1 = ConvStep(
            self.filters[0],
            (3, 3),
            (2, 2),
            activate=False,
            multiplier=entry_multiplier,
            dtype=policy,
            name="entry1",
        )
        self.entry2 = ConvStep(self.filters[1], (3, 3), dtype=policy, name="entry2")
        self.residuals = [
            ConvRes(size, dtype=policy, name=f"residual{i}")
            for i, size in enumerate((*self.filters[2:], depth))
        ]
        shape: tuple[int | None, ...] = (None, None, None, channels)
        layers: list[Any] = [self.entry1, self.entry2, *self.residuals]
        for layer in layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, image_BHWC: Any) -> tuple[Any, tuple[Any, Any]]:
        x = ops.cast(image_BHWC, self.compute_dtype)
        blocks: list[Any] = [self._entry, *self.residuals]
        for block in blocks:
            x = recomputed(block, x) if self.recompute else block(x)
        batch, rows, columns = ops.shape(x)[:3]
        x_BLD = ops.reshape(x, (batch, rows * columns, self.depth))
        return x_BLD, (rows, columns)

    def _entry(self, x_BHWC: Any) -> Any:
        return self.entry2(self.entry1(x_BHWC))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth": self.depth,
            "channels": self.channels,
            "entry_multiplier": self.entry_multiplier,
            "recompute": self.recompute,
        }
