"""Labels: Xception's exit flow, from the body's output to scores of classes.

Shape suffixes: B batch, H rows, W columns, L positions, D depth, C classes.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.convolution import (
    ConvStep,
    mask_positions,
    max_pool,
    stride_mask,
)


@keras.saving.register_keras_serializable("t2t_multimodel")
class CategoricalBody(keras.layers.Layer):
    """The exit flow, shared by all problems with labels.

    `skip = ConvStep_{s=2} 3x3 (x)`; `h = skip + MaxPool_{3x3, s=2}(ConvStep(ConvStep(
    x)))`; two more ConvSteps 3x3; ReLU; mean over all positions ("One Model To Learn
    Them All", section 2.5). The body's output stands in its two dimensions again where
    the input had two; a sequence stands in one.

    Args:
        depth: Width of the body (D).
        filters: Of the last two steps; 1536 and 2048 in the paper.

    Call arguments:
        x_BLD: The body's output.
        mask_BL: bool, or None where all positions count.
        grid: (rows, columns) with `rows * columns = L`, or None for a sequence.

    Returns:
        `[B, filters[-1]]`.
    """

    def __init__(self, depth: int, filters: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth
        self.filters = tuple(filters)
        policy = self.dtype_policy
        self.skip = ConvStep(depth, (3, 3), (2, 2), dtype=policy, name="skip")
        self.steps = [
            ConvStep(size, (3, 3), dtype=policy, name=f"step{i}")
            for i, size in enumerate((depth, depth, *self.filters))
        ]
        shape = (None, None, None, depth)
        self.skip.build(shape)
        for step in self.steps:
            step.build(shape)
            shape = step.compute_output_shape(shape)
        self.built = True

    def call(
        self, x_BLD: Any, mask_BL: Any = None, grid: tuple[Any, Any] | None = None
    ) -> Any:
        batch, length = ops.shape(x_BLD)[:2]
        rows, columns = (length, 1) if grid is None else grid
        x = ops.reshape(x_BLD, (batch, rows, columns, self.depth))
        mask = mask_BL
        h = self.steps[1](self.steps[0](x, mask), mask)
        h = max_pool(h, (3, 3), (2, 2), mask) + self.skip(x, mask)
        mask = stride_mask(mask, 2)
        h = self.steps[3](self.steps[2](h, mask), mask)
        h = mask_positions(ops.relu(h), mask)
        if mask is None:
            return ops.mean(h, axis=(1, 2))
        count = ops.sum(ops.cast(mask, h.dtype), axis=1, keepdims=True)
        # A mask covers sequences only: their grid is one column wide.
        return ops.sum(h, axis=(1, 2)) / ops.maximum(count, 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "depth": self.depth,
            "filters": self.filters,
        }


@keras.saving.register_keras_serializable("t2t_multimodel")
class CategoricalTop(keras.layers.Layer):
    """Pointwise map of the exit flow's features to one problem's classes.

    Args:
        num_classes: C.

    Call arguments:
        x_BF: Features `[B, F]`.

    Returns:
        logits `[B, C]`, float32.
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.num_classes),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.num_classes,), initializer="zeros"
        )
        self.built = True

    def call(self, x_BF: Any) -> Any:
        logits = ops.matmul(x_BF, self.kernel)
        return ops.cast(logits, "float32") + ops.cast(self.bias, "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes}
