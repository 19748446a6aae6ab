"""What a MultiModel is made of: one frozen dataclass of plain fields.

Where the paper is silent the field's comment says so; the values of the named sets
are in `hparams/multimodel.py`.
"""

from __future__ import annotations

import dataclasses

DTYPE_POLICIES = ("float32", "mixed_bfloat16", "auto")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Architecture of a MultiModel.

    Raises:
        ValueError: A field's value cannot be built; the message names the field.
    """

    # Body.
    depth: int = 128  # width of the joint representation
    num_heads: int = 8
    encoder_blocks: int = 6
    mixer_blocks: int = 2
    decoder_blocks: int = 4
    dilation: int = 8  # of the last step of a convolutional block
    # First size of what a convolutional block or the experts add to what they read: the
    # body starts close to the identity, and the modality nets learn through it at once
    # (the paper does not say).
    residual_scale: float = 0.1
    use_attention: bool = True  # off: the ablation of the paper's table 4
    # Experts, in the middle of the encoder and in the middle of the decoder.
    use_experts: bool = True  # off: the ablation of the paper's table 4
    num_experts: int = 16
    top_k: int = 4
    expert_hidden_size: int = 128  # not in the paper
    importance_loss_weight: float = 0.01
    load_loss_weight: float = 0.01
    # In training an expert takes at most this many times an equal share of a batch's
    # positions and drops the others; 0: nothing is dropped (the paper does not say).
    expert_capacity_factor: float = 0.0
    # Regularisation.
    dropout: float = 0.4  # on a convolutional block's output
    attention_dropout: float = 0.1  # not in the paper
    label_smoothing: float = 0.1  # not in the paper
    # Modality nets. Of the image net the last ConvRes has `depth` filters, and of the
    # categorical net all but the last two steps.
    image_filters: tuple[int, ...] = (32, 64, 128, 256)
    image_entry_multiplier: int = (
        8  # windows a colour in the first step; not in the paper
    )
    audio_filters: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
    categorical_filters: tuple[int, ...] = (1536, 2048)
    # Arithmetic: "float32", "mixed_bfloat16", or "auto": as is fast where a run begins.
    dtype_policy: str = "float32"
    # Blocks and experts keep their inputs only and are computed again in the backward
    # pass: less memory, more time, the same numbers.
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
