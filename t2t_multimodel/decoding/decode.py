"""From a batch to what the model says of it: text, or ranked classes.

`Decoder` joins three things that know nothing of each other: a view of the model, a
search and the vocabulary; and, where outputs have one, a grammar. It keeps a graph for
each view signature, for all batch sizes and lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.trees import words_of
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.graphs import classify_graph, relaxed_specs, search_graph
from t2t_multimodel.decoding.tree_grammar import TreeGrammar

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
        log_probability: Natural log of the probability of all tokens, EOS included; an
            output that was cut at its limit has none, and ranks behind all that end.
        score: What the search ranks by: of a beam the log-probability under the length
            penalty, else the log-probability.
        others: The next best, or the further samples, where more than one was asked
            for; there can be fewer.
    """

    text: str
    log_probability: float
    score: float
    others: tuple[DecodedText, ...] = ()

    @property
    def hypotheses(self) -> tuple[DecodedText, ...]:
        """This one and the others, in order."""
        return (self, *self.others)


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
        max_length: No output is longer than this, in tokens, unless `config` says so.
        depth: How many classes a ranking holds at most.
        config: How text is searched for.
    """

    def __init__(
        self,
        vocabulary: Any,
        max_length: int = 512,
        depth: int = 5,
        config: DecodeConfig | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._max_length = max_length
        self._depth = depth
        self._config = config or DecodeConfig()
        self._graphs: dict[Any, Any] = {}

    def decode(
        self,
        view: Any,
        features: Mapping[str, Any],
        grammar: TreeGrammar | None = None,
    ) -> list[Decoded]:
        """What the view says of every example of a batch, in the batch's order.

        No output depends on what else is in the batch, nor on its padding.

        Args:
            view: A view of the model, as `MultiModel.view` gives.
            features: A batch as docs/architecture.md describes; targets are not read.
                `index` tells examples apart where outputs are drawn; without it their
                places in the batch do.
            grammar: Outputs are held to it; the inputs then are text, whose words are
                counted. See `grammars.grammar_of`.

        Returns:
            `DecodedText` where the view's targets are text, else `RankedClasses`.
        """
        inputs = {key: features[key] for key in INPUT_KEYS if key in features}
        if view.task.targets.modality == "label":
            return list(self._rank(view, inputs))
        size = len(inputs["inputs"])
        index = np.asarray(features.get("index", np.arange(size)), np.int64)
        return list(self._search(view, inputs, index, grammar))

    def _search(
        self,
        view: Any,
        inputs: Mapping[str, Any],
        index_B: np.ndarray,
        grammar: TreeGrammar | None,
    ) -> list[DecodedText]:
        limits_B = self._limits(view.task.inputs, inputs)
        num_words_B = np.zeros(len(index_B), np.int32)
        if grammar is not None:
            num_words_B = self._count_words(inputs["inputs"])
            shortest_B = [grammar.shortest(int(count)) for count in num_words_B]
            limits_B = np.maximum(limits_B, np.array(shortest_B, np.int32))
        graph = self._graph(view, inputs, grammar)
        found = graph(
            inputs,
            tf.constant(view.command_id, tf.int32),
            tf.constant(limits_B),
            tf.constant(index_B),
            tf.constant(num_words_B),
        )
        return [
            self._text(*row)
            for row in zip(
                found.ids.numpy().tolist(),
                found.log_probability.numpy().tolist(),
                found.score.numpy().tolist(),
                strict=True,
            )
        ]

    def _text(
        self,
        ids_NL: list[list[int]],
        log_probability_N: list[float],
        score_N: list[float],
    ) -> DecodedText:
        """The hypotheses of one input, as many of them as are asked for and exist."""
        listed = [
            DecodedText(self._vocabulary.decode(ids), log_probability, score)
            for ids, log_probability, score in zip(
                ids_NL, log_probability_N, score_N, strict=True
            )
            if score > -float("inf")
        ][: self._config.num_outputs]
        first, *others = listed
        return DecodedText(
            first.text, first.log_probability, first.score, tuple(others)
        )

    def _limits(self, port: Any, inputs: Mapping[str, Any]) -> np.ndarray:
        if not self._config.max_length:
            limits: np.ndarray = length_limits(port, inputs, self._max_length).numpy()
            return limits
        return np.full(len(inputs["inputs"]), self._config.max_length, np.int32)

    def _count_words(self, ids_BL: Any) -> np.ndarray:
        sentences = map(self._vocabulary.decode, np.asarray(ids_BL).tolist())
        return np.array([len(words_of(text)) for text in sentences], np.int32)

    def _rank(self, view: Any, inputs: Mapping[str, Any]) -> list[RankedClasses]:
        graph = self._graph(view, inputs)
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

    def _graph(
        self,
        view: Any,
        inputs: Mapping[str, Any],
        grammar: TreeGrammar | None = None,
    ) -> Any:
        specs = relaxed_specs(inputs)
        key = (view.signature, repr(sorted(specs.items())), grammar)
        if key not in self._graphs:
            if view.task.targets.modality == "label":
                self._graphs[key] = classify_graph(view, specs)
            else:
                self._graphs[key] = search_graph(view, specs, self._config, grammar)
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
