"""The MultiModel's named sizes: tiny (a laptop), small, base (one GPU), paper.

Each docstring ends with the number of parameters, in millions, for `mini_eight` (all
eight problems together) with a vocabulary of 8,192 pieces.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.training.config import HParams, TrainingConfig


@registry.register_hparams
def multimodel_paper() -> HParams:
    """The paper's numbers: depth 1024, 240 experts, 4 at a time, 8 heads; 2,158 M."""
    return HParams(
        ModelConfig(
            depth=1024,
            num_heads=8,
            encoder_blocks=6,
            mixer_blocks=2,
            decoder_blocks=4,
            num_experts=240,
            top_k=4,
            expert_hidden_size=2048,
            dropout=0.4,
            image_filters=(32, 64, 128, 256),
            audio_filters=(2, 4, 8, 16, 32, 64, 128, 256),
            categorical_filters=(1536, 2048),
        ),
        TrainingConfig(
            train_steps=1_000_000,
            learning_rate=5e-4,
            warmup_steps=8000,
            schedule="rsqrt",
            batch_cost_text=8192,
        ),
        name="multimodel_paper",
    )


@registry.register_hparams
def multimodel_base() -> HParams:
    """One GPU: the paper's shape at half its width, with 60 experts; 165.2 M."""
    return _variant(
        multimodel_paper(),
        "multimodel_base",
        depth=512,
        num_experts=60,
        expert_hidden_size=1024,
        dropout=0.2,
        categorical_filters=(768, 1024),
        audio_filters=(16, 32, 64),
        train_steps=250_000,
        learning_rate=1e-3,
        warmup_steps=4000,
        batch_cost_text=4096,
    )


@registry.register_hparams
def multimodel_small() -> HParams:
    """A workstation: a quarter of the width, fewer blocks, 32 experts; 27.1 M."""
    return _variant(
        multimodel_base(),
        "multimodel_small",
        depth=256,
        encoder_blocks=4,
        mixer_blocks=1,
        decoder_blocks=3,
        num_experts=32,
        expert_hidden_size=512,
        dropout=0.1,
        image_filters=(32, 64, 96, 128),
        categorical_filters=(384, 512),
        audio_filters=(16, 32),
        train_steps=50_000,
        learning_rate=1.5e-3,
        warmup_steps=1000,
        batch_cost_text=2048,
    )


@registry.register_hparams
def multimodel_tiny() -> HParams:
    """A laptop without a GPU: the size of `make demo`; 16 experts; 5.5 M.

    On mini_eight with the demo's mixture, 4,000 steps on two cores: BLEU 98.9 to 100,
    caption BLEU-4 96.7, word error rate 0.6 %, bracketing F1 100 %, top-1 99.5 %.
    """
    return _variant(
        multimodel_small(),
        "multimodel_tiny",
        depth=128,
        encoder_blocks=2,
        decoder_blocks=2,
        num_experts=16,
        top_k=2,
        expert_hidden_size=256,
        dropout=0.0,
        attention_dropout=0.0,
        image_filters=(16, 32, 64, 96),
        categorical_filters=(192, 256),
        train_steps=4000,
        learning_rate=2e-3,
        warmup_steps=200,
        schedule="cosine",
        batch_cost_text=512,  # 32 sentences of 16 pieces
        batch_cost_image=512,  # 16 pictures of 64x64
        batch_cost_audio=1280,  # 16 sentences of 3 seconds
    )


def _variant(hparams: HParams, name: str, **changes: Any) -> HParams:
    """Another set with some fields changed, under a name of its own."""
    return dataclasses.replace(hparams.replace(**changes), name=name)
