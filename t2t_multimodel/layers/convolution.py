"""ConvStep and ConvRes: the depthwise-separable convolutions of the whole model.

`ConvStep_{d,s,f}(W, x) = LayerNorm(SepConv_{d,s,f}(W, ReLU(x)))`, where SepConv is a
depthwise convolution followed at once by a pointwise one ("One Model To Learn Them
All", section 2.1). A sequence is an image of width one, so that one layer serves text,
audio and pictures.

Shape suffixes: B batch, H height (or sequence position), W width, C channels in,
F filters out.

Padding is always explicit and symmetric (or all on the left when causal). Keras's
"same" pads a strided convolution differently for even and odd lengths; then the
output at a position would depend on how much padding follows the sequence.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.cuts import every_other, first_positions, padded
from t2t_multimodel.layers.normalization import LayerNorm

# (along the height, along the width).
Pair = tuple[int, int]

# Stands for minus infinity under every float type, float16 included.
LOWEST = -3e4


def mask_positions(x_BHWC: Any, mask_BH: Any) -> Any:
    """Zeroes the positions along the second axis where `mask_BH` is False.

    Works for `[B, H, C]` and `[B, H, W, C]`; a mask of None means that all count.
    """
    if mask_BH is None:
        return x_BHWC
    mask = ops.cast(mask_BH, x_BHWC.dtype)
    return x_BHWC * ops.reshape(
        mask, (*ops.shape(mask)[:2], *[1] * (len(x_BHWC.shape) - 2))
    )


def stride_mask(mask_BH: Any, stride: int) -> Any:
    """The mask of every `stride`-th position, `[B, ceil(H / stride)]`."""
    return None if mask_BH is None or stride == 1 else mask_BH[:, ::stride]


@keras.saving.register_keras_serializable("t2t_multimodel")
class ConvStep(keras.layers.Layer):
    """ReLU, depthwise separable convolution, layer norm over the channels.

    Args:
        filters: Channels out (F).
        kernel_size: (height, width) of the window; width 1 for sequences.
        strides: Step along (height, width). Unequal steps need a 1x1 window
            (TensorFlow's depthwise kernels take equal ones only).
        dilation: Distance between the window's taps along the height.
        causal: The window ends at the output's position instead of being centred.
        activate: Whether ReLU comes first; off for raw data such as pixels.
        multiplier: Windows that each channel is filtered with. Raw pixels have three
            channels: with one window each, three numbers a position are all that the
            rest of the net would ever see.
        output_scale: Standard deviation of the output at the start (the norm's first
            gamma); small where the output is added to something that is to pass.

    Call arguments:
        x: `[B, H, W, C]` or, for a sequence, `[B, H, C]`.
        mask_BH: bool `[B, H]`, True where a position counts, or None. The others are
            zeroed before the convolution, so that they do not leak.

    Returns:
        `[B, ceil(H / s_h), ceil(W / s_w), F]`, or of rank 3 for a sequence.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = (3, 1),
        strides: Pair = (1, 1),
        dilation: int = 1,
        causal: bool = False,
        activate: bool = True,
        multiplier: int = 1,
        output_scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.multiplier = multiplier
        self.output_scale = output_scale
        self.kernel_size: Pair = (kernel_size[0], kernel_size[1])
        self.strides: Pair = (strides[0], strides[1])
        self.dilation = dilation
        self.causal = causal
        self.activate = activate
        if self.strides[0] != self.strides[1] and self.kernel_size != (1, 1):
            raise ValueError(
                f"strides {self.strides} are unequal: that needs kernel_size (1, 1), "
                f"not {self.kernel_size}."
            )
        if multiplier > 1 and (self.kernel_size == (1, 1) or dilation > 1):
            raise ValueError("a multiplier needs a window and no dilation.")
        if dilation > 1 and self.strides != (1, 1):
            raise ValueError("a dilated ConvStep cannot stride.")
        self.norm = LayerNorm(output_scale, dtype=self.dtype_policy, name="norm")

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        taps = self.kernel_size[0] * self.kernel_size[1]
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(*self.kernel_size, channels, self.multiplier),
            # Each channel is filtered alone: its fan-in is the window's taps.
            initializer=keras.initializers.RandomUniform(
                -((3.0 / taps) ** 0.5), (3.0 / taps) ** 0.5
            ),
        )
        self.pointwise_kernel = self.add_weight(
            name="pointwise_kernel",
            shape=(channels * self.multiplier, self.filters),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        self.norm.build((*input_shape[:-1], self.filters))
        self.built = True

    def call(self, x: Any, mask_BH: Any = None) -> Any:
        is_sequence = len(x.shape) == 3
        if is_sequence:
            x = ops.expand_dims(x, 2)
        if self.kernel_size == (1, 1):
            # What a window of one position skips need not be worked on.
            x = every_other(x, self.strides)
            mask_BH = stride_mask(mask_BH, self.strides[0])
        if self.activate:
            x = ops.relu(x)
        x = self._depthwise(mask_positions(x, mask_BH))
        batch, *space, channels = ops.shape(x)
        # As a matrix: a product adds the bias itself, but not behind a reshape.
        y_NF = self.norm(self._pointwise(ops.reshape(x, (-1, channels))))
        space = space[:1] if is_sequence else space
        return ops.reshape(y_NF, (batch, *space, self.filters))

    def step(self, x_BC: Any, past: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One position of a causal sequence: the same numbers as `call`, one by one.

        Args:
            x_BC: The input at this position.
            past: What windows still see of the inputs before it, zeros at the start;
                see `past_shape`.

        Returns:
            The output `[B, F]`, and the past of the next position.
        """
        if self.activate:
            x_BC = ops.relu(x_BC)
        seen = [past[f"turn{turn}"] for turn in range(self.dilation)]
        window_BTC = ops.concatenate([seen[0], ops.expand_dims(x_BC, 1)], axis=1)
        # One sum in place of a convolution, which costs more to set up than to do.
        kernel_TC = ops.squeeze(ops.cast(self.depthwise_kernel, x_BC.dtype), (1, 3))
        y_BC = ops.sum(window_BTC * kernel_TC, axis=1)
        seen = [*seen[1:], window_BTC[:, 1:]]
        after = {f"turn{turn}": inputs for turn, inputs in enumerate(seen)}
        return self.norm.step(self._pointwise(y_BC)), after

    def past_shape(self) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the `past` of `step`, the batch left open.

        A window dilated by d sees every d-th input: d windows take turns. "turn0" holds
        what the one sees whose turn is next, the oldest input first. So a step moves
        only what it looks at.

        Raises:
            ValueError: The step is not causal, or not one over a sequence.
        """
        if not self.causal or self.kernel_size[1] > 1 or self.strides != (1, 1):
            raise ValueError(f"{self.name} is no causal step over a sequence.")
        shape = (None, self.kernel_size[0] - 1, self.depthwise_kernel.shape[2])
        return {f"turn{turn}": shape for turn in range(self.dilation)}

    def _pointwise(self, x: Any) -> Any:
        kernel = ops.cast(self.pointwise_kernel, x.dtype)
        # `ops.add` and not `+`: TensorFlow adds a bias while it multiplies.
        return ops.add(ops.matmul(x, kernel), ops.cast(self.bias, x.dtype))

    def _depthwise(self, x_BHWC: Any) -> Any:
        rows, columns = self.kernel_size
        if (rows, columns) == (1, 1):
            return x_BHWC * self.depthwise_kernel[0, 0, :, 0]
        if self.dilation > 1:
            height = ops.shape(x_BHWC)[1]
            y_BHWC = self._window(self._fold(x_BHWC, height))
            return self._unfold(y_BHWC, height)
        return self._window(self._pad(x_BHWC))

    def _window(self, x_BHWC: Any) -> Any:
        """The convolution, of what `_pad` padded."""
        return ops.depthwise_conv(
            x_BHWC,
            self.depthwise_kernel,
            strides=self.strides,
            padding="same" if self._pads_itself else "valid",
            data_format="channels_last",
        )

    @property
    def _pads_itself(self) -> bool:
        """Whether "same" is our padding: as much before as after, no step to count."""
        is_odd = all(size % 2 for size in self.kernel_size)
        return is_odd and not self.causal and self.strides == (1, 1)

    def _pad(self, x_BHWC: Any, missing: Any = 0) -> Any:
        """Zeros for the taps beyond the ends, and `missing` more rows at the end."""
        if self._pads_itself:
            return padded(x_BHWC, (0, missing), (0, 0))
        rows, columns = (size - 1 for size in self.kernel_size)
        above = rows if self.causal else rows // 2
        left = columns // 2
        below = (rows - above) * self.dilation + missing
        return padded(x_BHWC, (above * self.dilation, below), (left, columns - left))

    def _fold(self, x_BHWC: Any, height: Any) -> Any:
        """Turns a dilated convolution over H into a dense one over H / dilation.

        Position `h * dilation + w` of a sequence becomes row h, column w: the taps of
        a dilated window then lie in one column. No data moves, unlike the
        space-to-batch by which TensorFlow dilates.
        """
        if x_BHWC.shape[2] != 1:
            raise ValueError("only sequences (width 1) can be dilated.")
        x_BHWC = self._pad(x_BHWC, missing=-height % self.dilation)
        batch, height = ops.shape(x_BHWC)[:2]
        rows = height // self.dilation
        return ops.reshape(x_BHWC, (batch, rows, self.dilation, x_BHWC.shape[-1]))

    def _unfold(self, y_BHWC: Any, height: Any) -> Any:
        batch, rows = ops.shape(y_BHWC)[:2]
        shape = (batch, rows * self.dilation, 1, y_BHWC.shape[-1])
        return first_positions(ops.reshape(y_BHWC, shape), height)

    def compute_output_shape(self, input_shape: Any) -> Any:
        spatial = [
            None if size is None else -(-size // stride)
            for size, stride in zip(input_shape[1:-1], self.strides, strict=False)
        ]
        return (input_shape[0], *spatial, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation": self.dilation,
            "causal": self.causal,
            "activate": self.activate,
            "multiplier": self.multiplier,
            "output_scale": self.output_scale,
        }


@keras.saving.register_keras_serializable("t2t_multimodel")
class ConvRes(keras.layers.Layer):
    """The residual step of the image and audio nets, after Xception's entry flow.

    `ConvRes(x, F) = MaxPool_{3x3, stride}(ConvStep_F(3x3, ConvStep_F(3x3, x)))
    + ConvStep_{F, stride}(1x1, x)`.

    Args:
        filters: Channels out (F).
        kernel_size: Window of the two steps and of the pooling: (3, 3), or (3, 1) for
            a waveform.
        strides: Step along (height, width); (2, 1) leaves the frequencies alone.
        activate: Whether the steps that read `x` start with ReLU; off for raw data.

    Call arguments:
        x: `[B, H, W, C]`.
        mask_BH: bool `[B, H]` or None.

    Returns:
        `[B, ceil(H / s_h), ceil(W / s_w), F]`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = (3, 3),
        strides: Pair = (2, 2),
        activate: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size: Pair = (kernel_size[0], kernel_size[1])
        self.strides: Pair = (strides[0], strides[1])
        self.activate = activate
        policy = self.dtype_policy
        self.step1 = ConvStep(
            filters, self.kernel_size, activate=activate, dtype=policy, name="step1"
        )
        self.step2 = ConvStep(filters, self.kernel_size, dtype=policy, name="step2")
        self.skip = ConvStep(
            filters, (1, 1), self.strides, activate=activate, dtype=policy, name="skip"
        )

    def build(self, input_shape: Any) -> None:
        self.step1.build(input_shape)
        self.step2.build((*input_shape[:-1], self.filters))
        self.skip.build(input_shape)
        self.built = True

    def call(self, x: Any, mask_BH: Any = None) -> Any:
        y = self.step2(self.step1(x, mask_BH), mask_BH)
        y = max_pool(y, self.kernel_size, self.strides, mask_BH)
        y = y + self.skip(x, mask_BH)
        return mask_positions(y, stride_mask(mask_BH, self.strides[0]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.skip.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activate": self.activate,
        }


def max_pool(x_BHWC: Any, window: Pair, strides: Pair, mask_BH: Any) -> Any:
    """Largest value in a centred window; positions that do not count never win.

    Returns:
        `[B, ceil(H / s_h), ceil(W / s_w), C]`. Where no position of the window
        counts the value is meaningless (a large negative number).
    """
    if mask_BH is not None:
        mask = ops.reshape(mask_BH, (*ops.shape(mask_BH)[:2], 1, 1))
        x_BHWC = ops.where(mask, x_BHWC, ops.cast(LOWEST, x_BHWC.dtype))
    rows, columns = (size // 2 for size in window)
    x_BHWC = ops.pad(
        x_BHWC,
        ((0, 0), (rows, rows), (columns, columns), (0, 0)),
        constant_values=LOWEST,
    )
    return ops.max_pool(
        x_BHWC, window, strides, padding="valid", data_format="channels_last"
    )
