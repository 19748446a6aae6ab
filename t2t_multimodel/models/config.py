"""What a MultiModel is made of: one frozen dataclass of plain fields.

Where the paper is silent a field says so; the values of the named sets are
in `hparams/multimodel.py`.
"""

from __future__ import annotations

import dataclasses

DTYPE_POLICIES = ("float32", "mixed_bfloat16", "auto")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Architecture of a MultiModel.

    Attributes:
        depth: Width of the joint representation.
        num_heads: Heads of every attention; a divisor of the depth.
        encoder_blocks: Convolutional blocks of the encoder, experts in their middle.
        mixer_blocks: Convolutional blocks of the mixer, after its attention.
        decoder_blocks: Convolutional blocks of the decoder, each with attention,
            experts in their middle.
        dilation: Of the last step of a convolutional block.
        residual_scale: First size of what a convolutional block or the experts add to
            what they read: the body starts close to the identity, and the modality nets
            learn through it at once (the paper does not say).
        use_attention: Off: the ablation of the paper's table 4.
        use_experts: Off: the ablation of the paper's table 4.
        num_experts: Experts of each of the two layers.
        top_k: How many of them a position goes to.
        expert_hidden_size: Width of an expert's ReLU layer (the paper does not say).
        importance_loss_weight: Of the loss that balances the gates' sums.
        load_loss_weight: Of the loss that balances the experts' numbers of positions.
        expert_capacity_factor: In training an expert takes at most this many times an
            equal share of a batch's positions and drops the others; 0: nothing is
            dropped (the paper does not say).
        dropout: On a convolutional block's output.
        attention_dropout: On attention's weights (the paper does not say).
        label_smoothing: Part of a target's probability that is shared out among all
            classes alike (the paper does not say).
        image_filters: Of the net that reads pictures: of its two entry steps and of
            each ConvRes but the last, which has `depth`.
        image_entry_multiplier: Windows a colour in its first step (1 is the paper's).
        audio_filters: Channels of each ConvRes of the net that reads sound.
        categorical_filters: Of the last two steps before the classes; the steps before
            have `depth`.
        dtype_policy: Arithmetic: "float32", "mixed_bfloat16", or "auto": as is fast
            where a run begins.
        recompute: Blocks and experts keep their inputs only and are computed again in
            the backward pass: less memory, more time, the same numbers.

    Raises:
        ValueError: A field's value cannot be built; the message names the field.
    """

    depth: int = 128
    num_heads: int = 8
    encoder_blocks: int = 6
    mixer_blocks: int = 2
    decoder_blocks: int = 4
    dilation: int = 8
    residual_scale: float = 0.1
    use_attention: bool = True
    use_experts: bool = True
    num_experts: int = 16
    top_k: int = 4
    expert_hidden_size: int = 128
    importance_loss_weight: float = 0.01
    load_loss_weight: float = 0.01
    expert_capacity_factor: float = 0.0
    dropout: float = 0.4
    attention_dropout: float = 0.1
    label_smoothing: float = 0.1
    image_filters: tuple[int, ...] = (32, 64, 128, 256)
    image_entry_multiplier: int = 8
    audio_filters: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
    categorical_filters: tuple[int, ...] = (1536, 2048)
    dtype_policy: str = "float32"
    recompute: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and value < (0 if "blocks" in field.name else 1):
                raise ValueError(f"{field.name} is {value}: it must be positive.")
            if field.type == "float" and value < 0.0:
                raise ValueError(f"{field.name} is {value}: it cannot be negative.")
        if self.dtype_policy not in DTYPE_POLICIES:
            raise ValueError(
                f"dtype_policy is {self.dtype_policy!r}: it must be one of "
                f"{', '.join(DTYPE_POLICIES)}."
            )
        for name in ("dropout", "attention_dropout", "label_smoothing"):
            if getattr(self, name) >= 1.0:
                raise ValueError(
                    f"{name} is {getattr(self, name)}: it must be below 1."
                )
        if self.depth % self.num_heads:
            raise ValueError(
                f"depth ({self.depth}) must be a multiple of num_heads "
                f"({self.num_heads})."
            )
        if self.top_k > self.num_experts:
            raise ValueError(
                f"top_k ({self.top_k}) is larger than num_experts ({self.num_experts})."
            )
        if len(self.image_filters) < 2:
            raise ValueError(
                f"image_filters is {self.image_filters}: it needs two entry steps or "
                "more."
            )
        if len(self.categorical_filters) != 2:
            raise ValueError(
                f"categorical_filters is {self.categorical_filters}: it needs two."
            )
