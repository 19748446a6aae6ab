"""The body's parts: convolutional block, attention block, encoder, mixer, decoder.

From "One Model To Learn Them All", sections 2.1 to 2.4. All take and return
`[B, L, D]`; a mask is bool `[B, L]`, True where a position counts.

Where the paper is silent: attention and experts are added to what they read, which
they read through a layer norm (pre-norm; ConvStep ends with a norm of its own); the
encoder's and the decoder's output pass a last layer norm.

The causal parts also run one position at a time, to decode: see `passes.py`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from t2t_multimodel.layers.attention import MultiHeadAttention
from t2t_multimodel.layers.convolution import ConvStep
from t2t_multimodel.layers.experts import MixtureOfExperts
from t2t_multimodel.layers.normalization import LayerNorm
from t2t_multimodel.layers.positions import add_timing
from t2t_multimodel.layers.randomness import Dropout
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.passes import FullPass, Pass, mean_of_source


class Part(keras.layers.Layer):
    """A piece of the body: built from a `ModelConfig`, and knows its own path.

    Args:
        config: The model's architecture.
        path: The piece's place in the model, e.g. "decoder/block1"; its randomness
            and the names of its weights follow from it.

    Attributes:
        reads_source: Whether `call` takes the encoded inputs too.
        is_recomputed: Whether the backward pass computes the part again; never where
            it adds losses.
    """

    reads_source = False
    adds_losses = False

    def __init__(self, config: ModelConfig, path: str, **kwargs: Any) -> None:
        super().__init__(
            dtype=config.dtype_policy, name=path.rsplit("/", 1)[-1], **kwargs
        )
        self.config = config
        self.part_path = path

    @property
    def is_recomputed(self) -> bool:
        return self.config.recompute and not self.adds_losses

    def wire(self, x: Any, run: Pass) -> Any:
        """What the part computes, its layers run by a pass."""
        raise NotImplementedError

    def past_shape(self) -> dict[str, Any]:
        """Shapes of what the layers remember between positions, by their names.

        The first dimension is open (the sequences), and so is one that grows; it
        starts at 0.
        """
        return {}

    def read(self, source_BSD: Any, source_mask_BS: Any) -> dict[str, Any]:
        """What the layers take from the source once for all positions, by names."""
        return {}

    def _conv(
        self,
        name: str,
        taps: int,
        dilation: int,
        causal: bool,
        is_added: bool = False,
    ) -> ConvStep:
        return ConvStep(
            self.config.depth,
            (taps, 1),
            dilation=dilation,
            causal=causal,
            output_scale=self.config.residual_scale if is_added else 1.0,
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name: str) -> Any:
        return LayerNorm(dtype=self.dtype_policy, name=name)

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
        self.step2 = self._conv("step2", 3, 1, causal, is_added=True)
        self.step3 = self._conv("step3", 15, 1, causal)
        self.step4 = self._conv("step4", 15, config.dilation, causal, is_added=True)
        self.dropout = Dropout(config.dropout, f"{path}/dropout")
        self._build_all(self.step1, self.step2, self.step3, self.step4)

    def call(self, x_BLD: Any, mask_BL: Any = None, training: bool = False) -> Any:
        return self.wire(x_BLD, FullPass(mask_BL, training=training))

    def wire(self, x: Any, run: Pass) -> Any:
        h1 = run.conv(self.step1, x)
        h2 = x + run.conv(self.step2, h1)
        h3 = run.conv(self.step3, h2)
        h4 = x + run.conv(self.step4, h3)
        return run.dropout(self.dropout, h4)

    def past_shape(self) -> dict[str, Any]:
        return _past_shapes(self.step1, self.step2, self.step3, self.step4)


class AttentionBlock(Part):
    """Timing, two causal ConvSteps, self-attention, attention over the source."""

    reads_source = True

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
        return self.wire(x_BLD, FullPass(mask_BL, source_BSD, source_mask_BS, training))

    def wire(self, x: Any, run: Pass) -> Any:
        h = run.conv(self.step1, run.timed(x))
        x = x + run.conv(self.step2, h)
        x = x + run.attention(self.self_attention, run.norm(self.self_norm, x))
        return x + run.source_attention(
            self.source_attention, run.norm(self.source_norm, x)
        )

    def past_shape(self) -> dict[str, Any]:
        return _past_shapes(self.step1, self.step2, self.self_attention)

    def read(self, source_BSD: Any, source_mask_BS: Any) -> dict[str, Any]:
        return {self.source_attention.name: self.source_attention.read(source_BSD)}


class ExpertBlock(Part):
    """A mixture of experts, added to what it reads."""

    adds_losses = True

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
            output_scale=config.residual_scale,
            recompute=config.recompute,
            capacity_factor=config.expert_capacity_factor,
            dtype=self.dtype_policy,
            name="experts",
        )
        self._build_all(self.norm, self.experts)

    def call(self, x_BLD: Any, mask_BL: Any = None, training: bool = False) -> Any:
        return self.wire(x_BLD, FullPass(mask_BL, training=training))

    def wire(self, x: Any, run: Pass) -> Any:
        return x + run.experts(self.experts, run.norm(self.norm, x))


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
        run = FullPass(mask_BS, training=training)
        x_BSD = add_timing(x_BSD)
        for i, block in enumerate(self.blocks, start=1):
            x_BSD = run.part(block, x_BSD)
            if i == self.experts_after and self.experts is not None:
                x_BSD = run.part(self.experts, x_BSD)
        return self.norm(x_BSD)


class Mixer(Part):
    """The I/O mixer: joins what was read with what was written so far.

    The attention block over (encoded inputs, shifted outputs) stands beside the
    outputs in depth; a pointwise map brings the pair back to the depth (how they are
    joined the paper does not say); then causal convolutional blocks.
    """

    reads_source = True

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
        return self.wire(x_BLD, FullPass(mask_BL, source_BSD, source_mask_BS, training))

    def wire(self, x: Any, run: Pass) -> Any:
        if self.attention is None:
            mixed = run.source_mean(x)
        else:
            mixed = run.part(self.attention, x)
        x = self.join(ops.concatenate([mixed, x], axis=-1))
        for block in self.blocks:
            x = run.part(block, x)
        return x

    def past_shape(self) -> dict[str, Any]:
        attentions = [] if self.attention is None else [self.attention]
        return _past_shapes(*attentions, *self.blocks)

    def read(self, source_BSD: Any, source_mask_BS: Any) -> dict[str, Any]:
        if self.attention is None:
            return {"mean": mean_of_source(source_BSD, source_mask_BS)}
        return {self.attention.name: self.attention.read(source_BSD, source_mask_BS)}


class Decoder(Part):
    """Blocks of convolution and attention over the encoded inputs; experts between."""

    reads_source = True

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
        return self.wire(x_BLD, FullPass(mask_BL, source_BSD, source_mask_BS, training))

    def wire(self, x: Any, run: Pass) -> Any:
        for i, convolution in enumerate(self.convolutions):
            x = run.part(convolution, x)
            if self.attentions:
                x = run.part(self.attentions[i], x)
            if i + 1 == self.experts_after and self.experts is not None:
                x = run.part(self.experts, x)
        return run.norm(self.norm, x)

    def past_shape(self) -> dict[str, Any]:
        return _past_shapes(*self.convolutions, *self.attentions)

    def read(self, source_BSD: Any, source_mask_BS: Any) -> dict[str, Any]:
        return {
            attention.name: attention.read(source_BSD, source_mask_BS)
            for attention in self.attentions
        }


def _past_shapes(*layers: Any) -> dict[str, Any]:
    """The past of layers and parts, by their names."""
    return {layer.name: layer.past_shape() for layer in layers}
