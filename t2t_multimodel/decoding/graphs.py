"""Graphs that decode: encode a batch, then search, or rank classes.

A graph serves all batch sizes and lengths, and all views of one signature: the command
is one of its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from t2t_multimodel.decoding.beam import beam_search
from t2t_multimodel.decoding.one_path import greedy, sample
from t2t_multimodel.decoding.scorer import Hypotheses, Scorer, log_probabilities

if TYPE_CHECKING:
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.tree_grammar import TreeGrammar


def search_graph(
    view: Any,
    specs: Mapping[str, Any],
    config: DecodeConfig,
    grammar: TreeGrammar | None = None,
) -> Any:
    """A search through a view whose targets are text.

    Args:
        view: As `MultiModel.view` gives.
        specs: The types of the inputs, see `relaxed_specs`.
        config: Which search.
        grammar: What outputs are held to, if anything.

    Returns:
        A function of inputs (a dict), command (int32 `[]`), limits (int32 `[B]`),
        index (int64 `[B]`) and number of words (int32 `[B]`), to `Hypotheses`.
    """

    @tf.function(
        autograph=False,
        input_signature=[
            specs,
            tf.TensorSpec([], tf.int32, name="command"),
            tf.TensorSpec([None], tf.int32, name="limits"),
            tf.TensorSpec([None], tf.int64, name="index"),
            tf.TensorSpec([None], tf.int32, name="num_words"),
        ],
    )
    def search(
        inputs: Mapping[str, Any],
        command: Any,
        limits_B: Any,
        index_B: Any,
        num_words_B: Any,
    ) -> Hypotheses:
        scorer = view_scorer(view, {**inputs, "command": command})
        if grammar is not None:
            scorer = grammar.constrain(scorer, num_words_B, limits_B)
        return run_search(scorer, limits_B, index_B, config)

    return search


def view_scorer(view: Any, features: Mapping[str, Any]) -> Scorer:
    """A view's scores of the outputs of a batch, position by position.

    Args:
        view: A view whose targets are text.
        features: Its inputs, their mask, and `command`.
    """
    encoded_BSD, mask_BS = view.encode(features, training=False)
    stepwise = view.stepwise(encoded_BSD, mask_BS, features.get("command"))

    def step(before_R: Any, position: Any, past: Any) -> tuple[Any, Any]:
        logits_RV, past = stepwise.step(before_R, position, past)
        return log_probabilities(logits_RV), past

    start = stepwise.start(tf.shape(encoded_BSD)[0])
    return Scorer(step, start, stepwise.past_shapes())


def run_search(
    scorer: Scorer, limits_B: Any, index_B: Any, config: DecodeConfig
) -> Hypotheses:
    """The search that a configuration asks for."""
    if config.temperature:
        return sample(
            scorer,
            limits_B,
            index_B,
            seed=config.seed,
            num_samples=config.num_samples,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            min_length=config.min_length,
        )
    if config.beam_size == 1:
        return greedy(scorer, limits_B, min_length=config.min_length)
    return beam_search(
        scorer,
        limits_B,
        config.beam_size,
        config.alpha,
        min_length=config.min_length,
    )


def classify_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """Class probabilities of a view, a function of inputs and command."""

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
