"""The body's parts: convolutional block, attention block, encoder, mixer, decoder.

From "One Model To Learn Them All", sections 2.1 to 2.4. All take and return
`[B, L, D]`; a mask is bool `[B, L]`, True where a position counts.

Where the paper is silent: attention and experts are added to what they read, which
they read through a layer norm (pre-norm; ConvStep ends with a norm of its own); the
encoder's and the decoder's output pass a last layer norm.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.attention import MultiHeadAttention
from t2t_multimodel.layers.convolution import ConvStep
from t2t_multimodel.layers.experts import MixtureOfExperts
from t2t_multimodel.layers.positions import add_timing
from t2t_multimodel.layers.randomness import Dropout
from t2t_multimodel.models.config import ModelConfig


class Part(keras.layers.Layer):
    """A piece of the body: built from a `ModelConfig`, and knows its own path.

    Args:
        config: The model's architecture.
        path: The piece's place in the model, e.g. "decoder/block1"; its randomness
            and the names of its weights follow from it.
    """

    def __init__(self, config: ModelConfig, path: str, **kwargs: Any) -> None:
        super().__init__(
            dtype=config.dtype_policy, name=path.rsplit("/", 1)[-1], **kwargs
        )
        self.config = config
        self.part_path = path

    def _conv(self, name: str, taps: int, dilation: int, causal: bool) -> ConvStep:
        return ConvStep(
            self.config.depth,
            (taps, 1),
            dilation=dilation,
            causal=causal,
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name: str) -> Any:
        return keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name=name
        )

    def _build_all(self, *layers: Any) -> None:
        for layer in layers:
            layer.build((None, None, self.config.depth))
        self.built = True


class ConvBlock(Part):
    """The convolutional block; 131 positions wide at dilation 8.

    `h1 = ConvStep(3x1, x)`, `h2 = x + ConvStep(3x1, h1)`, `h3 = ConvStep(15x1, h2)`,
    `h4 = x + ConvStep_{d=8}(15x1, h3)`; dropout on h4. The text and SliceNet have the
    last skip, the printed equation drops it.

    Args:
        causal: Whether a position sees only itself and those before it.
    """

    def __init__(self, config: ModelConfig, path: str, causal: bool) -> None:
        super().__init__(config, path)
        self.step1 = self._conv("step1", 3, 1, causal)
        self.step2 = self._conv("step2", 3, 1, causal)
        self.step3 = self._conv("step3", 15, 1, causal)
        self.step4 = self._conv("step4", 15, config.dilation, causal)
        self.dropout = Dropout(config.dropout, f"{path}/dropout")
        self._build_all(self.step1, self.step2, self.step3, self.step4)

    def call(self, x_BLD: Any, mask_BL: Any = None, training: bool = False) -> Any:
        h1 = self.step1(x_BLD, mask_BL)
        h2 = x_BLD + self.step2(h1, mask_BL)
        h3 = self.step3(h2, mask_BL)
        h4 = x_BLD + self.step4(h3, mask_BL)
        return self.dropout(h4, training=training)


class AttentionBlock(Part):
    """Timing, two causal ConvSteps, self-attention, attention over the source."""

    def __init__(self, config: ModelConfig, path: str) -> None:
        super().__init__(config, path)
        self.step1 = self._conv("step1", 5, 1, True)
        self.step2 = self._conv("step2", 5, 4, True)
        self.self_norm = self._norm("self_norm")
        self.self_attention = self._attention("self_attention")
        self.source_norm = self._norm("source_norm")
        self.source_attention = self._attention("source_attention")
        self._build_all(
            self.step1,
            self.step2,
            self.self_norm,
            self.self_attention,
            self.source_norm,
            self.source_attention,
        )

    def _attention(self, name: str) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.config.num_heads,
            self.config.attention_dropout,
            f"{self.part_path}/{name}",
            dtype=self.dtype_policy,
            name=name,
        )

    def call(
        self,
        x_BLD: Any,
        source_BSD: Any,
        mask_BL: Any = None,
        source_mask_BS: Any = None,
        training: bool = False,
    ) -> Any:
        h = self.step1(add_timing(x_BLD), mask_BL)
        x_BLD = x_BLD + self.step2(h, mask_BL)
        # Padding is at the end: the causal mask hides it from what counts.
        x_BLD = x_BLD + self.self_attention(
            self.self_norm(x_BLD), causal=True, training=training
        )
        return x_BLD + self.source_attention(
            self.source_norm(x_BLD), source_BSD, source_mask_BS, training=training
        )


class ExpertBlock(Part):
    """A mixture of experts, added to what it reads."""

    def __init__(self, config: ModelConfig, path: str) -> None:
        super().__init__(config, path)
        self.norm = self._norm("norm")
        self.experts = MixtureOfExperts(
            config.num_experts,
            config.top_k,
            config.expert_hidden_size,
            config.importance_loss_weight,
            config.load_loss_weight,
            f"{path}/experts",
            dtype=self.dtype_policy,
            name="experts",
        )
        self._build_all(self.norm, self.experts)

    def call(self, x_BLD: Any, mask_BL: Any = None, training: bool = False) -> Any:
        return x_BLD + self.experts(self.norm(x_BLD), mask_BL, training=training)


class Encoder(Part):
    """Timing, convolutional blocks that see both sides, experts in their middle."""

    def __init__(self, config: ModelConfig, path: str = "encoder") -> None:
        super().__init__(config, path)
        self.blocks = [
            ConvBlock(config, f"{path}/block{i}", causal=False)
            for i in range(config.encoder_blocks)
        ]
        self.experts_after = (config.encoder_blocks + 1) // 2
        self.experts = (
            ExpertBlock(config, f"{path}/experts") if config.use_experts else None
        )
        self.norm = self._norm("norm")
        self._build_all(self.norm)

    def call(self, x_BSD: Any, mask_BS: Any = None, training: bool = False) -> Any:
        x_BSD = add_timing(x_BSD)
        for i, block in enumerate(self.blocks, start=1):
            x_BSD = block(x_BSD, mask_BS, training=training)
            if i == self.experts_after and self.experts is not None:
                x_BSD = self.experts(x_BSD, mask_BS, training=training)
        return self.norm(x_BSD)


class Mixer(Part):
    """The I/O mixer: joins what was read with what was written so far.

    The attention block over (encoded inputs, shifted outputs) stands beside the
    outputs in depth; a pointwise map brings the pair back to the depth (how they are
    joined the paper does not say); then causal convolutional blocks.
    """

    def __init__(self, config: ModelConfig, path: str = "mixer") -> None:
        super().__init__(config, path)
        self.attention = (
            AttentionBlock(config, f"{path}/attention")
            if config.use_attention
            else None
        )
        self.join = keras.layers.Dense(
            config.depth, dtype=self.dtype_policy, name="join"
        )
        self.join.build((None, None, 2 * config.depth))
        self.blocks = [
            ConvBlock(config, f"{path}/block{i}", causal=True)
            for i in range(config.mixer_blocks)
        ]
        self.built = True

    def call(
        self,
        x_BLD: Any,
        source_BSD: Any,
        mask_BL: Any = None,
        source_mask_BS: Any = None,
        training: bool = False,
    ) -> Any:
        if self.attention is None:
            mixed = mean_of_source(x_BLD, source_BSD, source_mask_BS)
        else:
            mixed = self.attention(
                x_BLD, source_BSD, mask_BL, source_mask_BS, training=training
            )
        x_BLD = self.join(ops.concatenate([mixed, x_BLD], axis=-1))
        for block in self.blocks:
            x_BLD = block(x_BLD, mask_BL, training=training)
        return x_BLD


class Decoder(Part):
    """Blocks of convolution and attention over the encoded inputs; experts between."""

    def __init__(self, config: ModelConfig, path: str = "decoder") -> None:
        super().__init__(config, path)
        indices = range(config.decoder_blocks)
        self.convolutions = [
            ConvBlock(config, f"{path}/block{i}", causal=True) for i in indices
        ]
        self.attentions = [
            AttentionBlock(config, f"{path}/attention{i}")
            for i in indices
            if config.use_attention
        ]
        self.experts_after = (config.decoder_blocks + 1) // 2
        self.experts = (
            ExpertBlock(config, f"{path}/experts") if config.use_experts else None
        )
        self.norm = self._norm("norm")
        self._build_all(self.norm)

    def call(
        self,
        x_BLD: Any,
        source_BSD: Any,
        mask_BL: Any = None,
        source_mask_BS: Any = None,
        training: bool = False,
    ) -> Any:
        for i, convolution in enumerate(self.convolutions):
            x_BLD = convolution(x_BLD, mask_BL, training=training)
            if self.attentions:
                x_BLD = self.attentions[i](
                    x_BLD, source_BSD, mask_BL, source_mask_BS, training=training
                )
            if i + 1 == self.experts_after and self.experts is not None:
                x_BLD = self.experts(x_BLD, mask_BL, training=training)
        return self.norm(x_BLD)


def mean_of_source(x_BLD: Any, source_BSD: Any, source_mask_BS: Any) -> Any:
    """What stands in for attention where it is ablated: the source's mean everywhere.

    Returns:
        `[B, L, D]`, the same at every position.
    """
    if source_mask_BS is None:
        mean_B1D = ops.mean(source_BSD, axis=1, keepdims=True)
    else:
        mask_BS1 = ops.expand_dims(ops.cast(source_mask_BS, source_BSD.dtype), -1)
        total_B1D = ops.sum(source_BSD * mask_BS1, axis=1, keepdims=True)
        mean_B1D = total_B1D / ops.maximum(
            ops.sum(mask_BS1, axis=1, keepdims=True), 1.0
        )
    return mean_B1D + ops.zeros_like(x_BLD)
