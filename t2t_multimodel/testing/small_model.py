"""A really small MultiModel over every modality, with batches to feed it.

For tests of what takes a model: ours and our users'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import Port, Task

VOCAB = 19
TEXT = Port("text")
IMAGE = Port("image", (("channels", 3), ("height", 16), ("width", 16)))
SPECTROGRAM = Port("audio", (("form", "spectrogram"), ("num_bins", 5)))
WAVEFORM = Port("audio", (("form", "waveform"), ("num_bins", 0)))
LABEL = Port("label", (("num_classes", 4),))

TASKS = (
    Task("translate", TEXT, TEXT, "german"),
    Task("back", TEXT, TEXT, "english"),
    Task("speech", SPECTROGRAM, TEXT, "english"),
    Task("wave", WAVEFORM, TEXT, "english"),
    Task("caption", IMAGE, TEXT, "english"),
    Task("image", IMAGE, LABEL, "image_label"),
    Task("sentiment", TEXT, LABEL, "sentiment"),
)

CONFIG = ModelConfig(
    depth=16,
    num_heads=2,
    encoder_blocks=2,
    mixer_blocks=1,
    decoder_blocks=2,
    num_experts=4,
    top_k=2,
    expert_hidden_size=8,
    dropout=0.1,
    image_filters=(4, 6),
    audio_filters=(4, 6),
    categorical_filters=(8, 10),
)


def randomise_routers(model: MultiModel) -> None:
    """Untrained routers treat all experts alike; tests want them to choose."""
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        if variable.name in ("gate_kernel", "noise_kernel"):
            variable.assign(rng.normal(size=variable.shape))


def make_batch(
    task: Task, lengths: tuple[int, ...] = (7, 4, 5), seed: int = 0
) -> dict[str, Any]:
    """A random batch of a task; texts and audio have the given lengths."""
    rng = np.random.default_rng(seed)
    size, longest = len(lengths), max(lengths)
    mask = np.arange(longest)[None] < np.array(lengths)[:, None]
    batch: dict[str, Any] = {}
    for side, port in (("inputs", task.inputs), ("targets", task.targets)):
        if port.modality == "text":
            ids = rng.integers(3, VOCAB, (size, longest)) * mask
            batch[side], batch[f"{side}_mask"] = ids.astype("int32"), mask
        elif port.modality == "image":
            batch[side] = rng.normal(size=(size, 16, 16, 3)).astype("float32")
        elif port.modality == "label":
            classes = port.option("num_classes")
            batch[side] = rng.integers(0, classes, size).astype("int32")
        else:
            is_wave = port.option("form") == "waveform"
            bins = () if is_wave else (port.option("num_bins"),)
            frames = rng.normal(size=(size, 4 * longest, *bins)).astype("float32")
            batch[side] = frames
            batch[f"{side}_mask"] = np.repeat(mask, 4, axis=1)
    return batch
