"""The steps that are measured: model, batch and lengths of each case.

Those with a peer have its width, vocabulary, batch, lengths, experts and k, and its
depth: 2 blocks in the encoder and 2 in the decoder (tiny), 4 and 4 (base), but for one
more in text_base_k4's decoder. The hidden width of an expert and the filters of
pictures are set so that weights and operations come within a tenth of the peer's. What
differs: the peer has experts in each layer of its encoder and in one of its decoder,
ours has the paper's two layers of experts, whose experts are wider for that; ours has
the paper's convolutional blocks and mixer, where the peer has one residual of separable
convolutions, four times as wide inside, in a layer of the encoder, and attention and a
plain feed-forward net in the decoder; and the peer's first two convolutions of a
picture are dense.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.training.config import HParams

VOCAB_SIZE = 8192
NUM_CLASSES = 1000
TARGETS = 64  # tokens


@dataclasses.dataclass(frozen=True)
class Case:
    """A step on a fixed batch.

    Attributes:
        hparams_set, changes: The model: a named set and what differs from it.
        inputs: "text", "image" or "audio".
        batch_size: Examples.
        size: Tokens of inputs and of targets, sides of a picture, frames of sound.
    """

    hparams_set: str
    changes: str
    inputs: str
    batch_size: int
    size: int

    @property
    def targets(self) -> int:
        """Tokens, or labels, that a step learns to tell."""
        return self.batch_size * (1 if self.inputs == "image" else TARGETS)


_K4 = "num_experts=30,top_k=4"
MIXED = "dtype_policy=mixed_bfloat16"
CASES = {
    # Beside the peer's cases of the same names.
    "text_tiny_k4": Case(
        "multimodel_tiny", f"{_K4},expert_hidden_size=1664", "text", 16, 64
    ),
    "text_base_k4": Case(
        "multimodel_base",
        f"{_K4},expert_hidden_size=5824,encoder_blocks=4,decoder_blocks=5",
        "text",
        8,
        64,
    ),
    "image_tiny_64": Case(
        "multimodel_tiny",
        "num_experts=30,top_k=2,expert_hidden_size=1152,image_filters=(32,64,128,256)",
        "image",
        8,
        64,
    ),
    "image_base_224": Case(
        "multimodel_base",
        f"{_K4},expert_hidden_size=8960,encoder_blocks=4,"
        "image_filters=(64,128,384,512)",
        "image",
        8,
        224,
    ),
    # As many weights as text_tiny_k4, more of its operations in blocks.
    "text_tiny_deep": Case(
        "multimodel_tiny",
        f"{_K4},expert_hidden_size=1600,encoder_blocks=8,decoder_blocks=6",
        "text",
        16,
        64,
    ),
    # The named sets as they are, batches of about their batch_cost.
    "text_tiny": Case("multimodel_tiny", "", "text", 16, 64),
    "text_small": Case("multimodel_small", "", "text", 32, 64),
    "text_base": Case("multimodel_base", "", "text", 64, 64),
    "text_tiny_bfloat16": Case("multimodel_tiny", MIXED, "text", 16, 64),
    "text_base_bfloat16": Case("multimodel_base", MIXED, "text", 64, 64),
    "image_tiny": Case("multimodel_tiny", "", "image", 16, 64),
    "image_small": Case("multimodel_small", "", "image", 8, 224),
    "image_base": Case("multimodel_base", "", "image", 8, 224),
    "speech_tiny": Case("multimodel_tiny", "", "audio", 16, 320),
    "speech_small": Case("multimodel_small", "", "audio", 8, 320),
    "speech_base": Case("multimodel_base", "", "audio", 4, 320),
}
QUICK = ("text_tiny_k4", "image_tiny_64")


def known(names: Sequence[str]) -> list[str]:
    """The names of cases, as they are.

    Raises:
        ValueError: There is no such case.
    """
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise ValueError(
            f"there is no case {unknown[0]!r}; there are: {', '.join(CASES)}"
        )
    return list(names)


def hparams_of(case: Case, changes: str = "") -> HParams:
    """The case's hyper-parameters, with changes."""
    return registry.hparams(case.hparams_set).override(case.changes).override(changes)


def make_step(
    case: Case, changes: str = ""
) -> tuple[Callable[[int], Any], Any, dict[str, Any]]:
    """A training step as `t2t-trainer` takes it, on one batch; its view; the batch.

    Args:
        case: What to measure.
        changes: To its hyper-parameters.
    """
    import keras
    import tensorflow as tf

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.training.optimizer import Adam
    from t2t_multimodel.training.step import TrainStep
    from t2t_multimodel.training.strategy import make_strategy

    hparams = hparams_of(case, changes)
    strategy = make_strategy("one_device")
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = MultiModel(hparams.model, [make_task(case)], VOCAB_SIZE)
        model.build_views()
        optimizer = Adam(model.trainable_variables, hparams.training)
    batch = make_batch(case)
    specs = {
        key: tf.TensorSpec(value.shape, value.dtype) for key, value in batch.items()
    }
    step = TrainStep(model, optimizer, strategy, {"measured": specs}, seed=0)
    return lambda number: step("measured", number, 1e-4, batch), model, batch


def make_task(case: Case) -> Any:
    """What the model is to learn: text or a label, of the case's inputs."""
    from t2t_multimodel.models.task import Port, Task

    ports = {
        "text": Port("text"),
        "image": Port(
            "image", (("channels", 3), ("height", case.size), ("width", case.size))
        ),
        "audio": Port("audio", (("form", "spectrogram"), ("num_bins", 80))),
        "label": Port("label", (("num_classes", NUM_CLASSES),)),
    }
    targets = "label" if case.inputs == "image" else "text"
    return Task("measured", ports[case.inputs], ports[targets], "output")


def make_batch(case: Case) -> dict[str, Any]:
    """Random values without padding."""
    import tensorflow as tf

    def ids(length: int) -> Any:
        shape = (case.batch_size, length)
        return tf.random.stateless_uniform(shape, (1, 2), 3, VOCAB_SIZE, tf.int32)

    def real(*shape: int) -> Any:
        return tf.random.stateless_normal((case.batch_size, *shape), (3, 4))

    batch: dict[str, Any] = {}
    if case.inputs == "image":
        batch["inputs"] = real(case.size, case.size, 3)
        batch["targets"] = tf.range(case.batch_size) % NUM_CLASSES
        return batch
    if case.inputs == "text":
        batch["inputs"] = ids(case.size)
    else:
        batch["inputs"] = real(case.size, 80)
    batch["inputs_mask"] = tf.ones((case.batch_size, case.size), tf.bool)
    batch["targets"] = ids(TARGETS)
    batch["targets_mask"] = tf.ones(batch["targets"].shape, tf.bool)
    return batch


def forward_graph(model: Any, batch: dict[str, Any]) -> Any:
    """The loss without a gradient, as evaluation takes it."""
    import tensorflow as tf

    view = model.view("measured")

    @tf.function(autograph=False)
    def forward(features: Any) -> Any:
        return view.loss_terms(view(features, training=False), features)

    return forward.get_concrete_function(batch)


def gradient_graph(model: Any, batch: dict[str, Any]) -> Any:
    """The loss and its gradient, whose operations are those of a step."""
    import tensorflow as tf

    view = model.view("measured")

    @tf.function(autograph=False)
    def step(features: Any) -> Any:
        with tf.GradientTape() as tape:
            loss, _ = view.loss_terms(view(features, training=True), features)
        weights = [weight.value for weight in view.trainable_variables]
        return [g for g in tape.gradient(loss, weights) if g is not None]

    return step.get_concrete_function(batch)
