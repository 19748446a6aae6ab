"""From a batch to what the model says of it: text, or ranked classes.

`Decoder` joins three things that know nothing of each other: a view of the model, a
search (`greedy.py`) and the vocabulary. The step function it builds reads the whole
prefix again at every position; one that keeps a cache would take its place in
`_search_graph` and nothing else would change.

One graph is kept for each view signature, for all batch sizes and lengths: views that
differ in their command alone share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.decoding.greedy import greedy

# How long an output may get, from the length n of its input: `PER_POSITION` n + `MORE`.
# Generous to trees, which are several times as long as their sentences; audio counts
# frames of 10 ms, of which even quick speech needs more than four a token.
PER_POSITION = {"text": 4.0, "audio": 0.25, "image": 0.0}
MORE = {"text": 32, "audio": 32, "image": 96}
WAVEFORM_SAMPLES_PER_FRAME = 160

INPUT_KEYS = ("inputs", "inputs_mask")


@dataclass(frozen=True)
class DecodedText:
    """An output in words.

    Attributes:
        text: What the tokens spell.
        log_probability: Natural log of the probability of all tokens, EOS included.
    """

    text: str
    log_probability: float


@dataclass(frozen=True)
class RankedClasses:
    """An output that is a choice among classes.

    Attributes:
        classes: Class ids, likeliest first.
        probabilities: Their probabilities.
    """

    classes: tuple[int, ...]
    probabilities: tuple[float, ...]


Decoded = DecodedText | RankedClasses


class Decoder:
    """Decodes batches of any view of one model.

    Args:
        vocabulary: Turns ids into text.
        max_length: No output is longer than this, in tokens.
        depth: How many classes a ranking holds at most.
    """

    def __init__(self, vocabulary: Any, max_length: int = 512, depth: int = 5) -> None:
        self._vocabulary = vocabulary
        self._max_length = max_length
        self._depth = depth
        self._graphs: dict[Any, Any] = {}

    def decode(self, view: Any, features: Mapping[str, Any]) -> list[Decoded]:
        """What the view says of every example of a batch, in the batch's order.

        Args:
            view: A view of the model, as `MultiModel.view` gives.
            features: A batch as docs/architecture.md describes; targets are not read.

        Returns:
            `DecodedText` where the view's targets are text, else `RankedClasses`.
        """
        inputs = {key: features[key] for key in INPUT_KEYS if key in features}
        if view.task.targets.modality == "label":
            return list(self._rank(view, inputs))
        return list(self._search(view, inputs))

    def _search(self, view: Any, inputs: Mapping[str, Any]) -> list[DecodedText]:
        graph = self._graph(view, inputs, _search_graph)
        limits = length_limits(view.task.inputs, inputs, self._max_length)
        found = graph(inputs, tf.constant(view.command_id, tf.int32), limits)
        return [
            DecodedText(self._vocabulary.decode(ids), float(log_probability))
            for ids, log_probability in zip(
                found.ids.numpy().tolist(), found.log_probability.numpy(), strict=True
            )
        ]

    def _rank(self, view: Any, inputs: Mapping[str, Any]) -> list[RankedClasses]:
        graph = self._graph(view, inputs, _classify_graph)
        probabilities_BC = graph(inputs, tf.constant(view.command_id, tf.int32)).numpy()
        # Stable, so that of equal classes the first wins, on every machine.
        order_BC = np.argsort(-probabilities_BC, axis=-1, kind="stable")
        return [
            RankedClasses(
                tuple(int(i) for i in order[: self._depth]),
                tuple(float(row[i]) for i in order[: self._depth]),
            )
            for row, order in zip(probabilities_BC, order_BC, strict=True)
        ]

    def _graph(self, view: Any, inputs: Mapping[str, Any], build: Any) -> Any:
        specs = relaxed_specs(inputs)
        key = (view.signature, repr(sorted(specs.items())))
        if key not in self._graphs:
            self._graphs[key] = build(view, specs)
        return self._graphs[key]


def decode_batch(
    view: Any, features: Mapping[str, Any], vocabulary: Any
) -> list[Decoded]:
    """Decodes one batch; for several, keep a `Decoder`, which keeps its graphs."""
    return Decoder(vocabulary).decode(view, features)


def length_limits(port: Any, inputs: Mapping[str, Any], max_length: int) -> Any:
    """How many tokens each output may have, from its own input's length alone.

    Args:
        port: The input's port (modality and options).
        inputs: `inputs` and, where lengths differ, `inputs_mask`.
        max_length: The limit of all limits.

    Returns:
        int32 `[B]`, at least 1.
    """
    batch_size = tf.shape(inputs["inputs"])[0]
    positions_B = tf.zeros([batch_size])
    if "inputs_mask" in inputs:
        mask = tf.cast(inputs["inputs_mask"], tf.float32)
        positions_B = tf.reduce_sum(mask, axis=1)
    if dict(port.options).get("form") == "waveform":
        positions_B /= WAVEFORM_SAMPLES_PER_FRAME
    limits_B = PER_POSITION[port.modality] * positions_B + MORE[port.modality]
    return tf.clip_by_value(tf.cast(limits_B, tf.int32), 1, max_length)


def relaxed_specs(features: Mapping[str, Any]) -> dict[str, Any]:
    """The types of a batch with its batch size and lengths left open.

    An image (rank 4) keeps its height and width, anything else leaves its second
    dimension open as well: one graph then serves every batch of a problem.
    """
    specs = {}
    for name, value in features.items():
        tensor = tf.convert_to_tensor(value)
        fixed = 1 if len(tensor.shape) == 4 else 2
        open_dimensions = [None] * min(fixed, len(tensor.shape))
        shape = [*open_dimensions, *tensor.shape[fixed:]]
        specs[name] = tf.TensorSpec(shape, tensor.dtype, name=name)
    return specs


def _search_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """Greedy search through `view` as one graph of (inputs, command, limits)."""

    @tf.function(
        autograph=False,
        input_signature=[
            specs,
            tf.TensorSpec([], tf.int32, name="command"),
            tf.TensorSpec([None], tf.int32, name="limits"),
        ],
    )
    def search(inputs: Mapping[str, Any], command: Any, limits_B: Any) -> Any:
        features = {**inputs, "command": command}
        encoded_BSD, mask_BS = view.encode(features, training=False)

        def step(ids_BW: Any, position: Any) -> Any:
            # True up to the position asked for, as in the training batch whose
            # targets would end there.
            within_W = tf.range(tf.shape(ids_BW)[1]) <= position
            within_BW = tf.broadcast_to(within_W, tf.shape(ids_BW))
            logits_BWV = view.decode(
                encoded_BSD,
                mask_BS,
                ids_BW,
                within_BW,
                command,
                training=False,
            )
            return logits_BWV[:, position]

        return greedy(step, limits_B)

    return search


def _classify_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """Class probabilities of `view` as one graph of (inputs, command)."""

    @tf.function(
        autograph=False,
        input_signature=[
            specs,
            tf.TensorSpec([], tf.int32, name="command"),
        ],
    )
    def classify(inputs: Mapping[str, Any], command: Any) -> Any:
        logits_BC = view.classify({**inputs, "command": command})
        return tf.nn.softmax(tf.cast(logits_BC, tf.float32))

    return classify
