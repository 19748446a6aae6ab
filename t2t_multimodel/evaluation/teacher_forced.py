"""Teacher-forced figures: how well the model continues the right prefix.

The model is shown the reference up to each token, so these say nothing of what it
writes on its own; their names start with `teacher_forced/`, and no BLEU is among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from t2t_multimodel.decoding.graphs import relaxed_specs
from t2t_multimodel.evaluation.score import Score

FEATURE_KEYS = ("inputs", "inputs_mask", "targets", "targets_mask")


class TeacherForced:
    """Sums over a split of log-likelihoods and of right guesses of tokens."""

    def __init__(self) -> None:
        self._graphs: dict[Any, Any] = {}
        self.start()

    def start(self) -> None:
        """Forgets what was added, keeps the graphs."""
        self._log_likelihood = 0.0
        self._correct = 0.0
        self._tokens = 0.0

    def add(self, view: Any, features: Mapping[str, Any]) -> None:
        """Adds a batch with text targets."""
        batch = {key: features[key] for key in FEATURE_KEYS if key in features}
        specs = relaxed_specs(batch)
        key = (view.signature, repr(sorted(specs.items())))
        if key not in self._graphs:
            self._graphs[key] = _sums_graph(view, specs)
        sums = self._graphs[key](batch, tf.constant(view.command_id, tf.int32))
        log_likelihood, correct, tokens = (float(value) for value in sums)
        self._log_likelihood += log_likelihood
        self._correct += correct
        self._tokens += tokens

    def scores(self) -> tuple[Score, ...]:
        """Log-perplexity (nats a token, EOS included) and token accuracy (percent)."""
        tokens = max(self._tokens, 1.0)
        return (
            Score(
                "teacher_forced/log_perplexity",
                -self._log_likelihood / tokens,
                "log-perplexity",
            ),
            Score(
                "teacher_forced/token_accuracy",
                100.0 * self._correct / tokens,
                "token accuracy",
                "%",
            ),
        )


def _sums_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """(log-likelihood, right guesses, tokens) of a batch as one graph."""

    @tf.function(
        autograph=False,
        input_signature=[
            specs,
            tf.TensorSpec([], tf.int32, name="command"),
        ],
    )
    def sums(batch: Mapping[str, Any], command: Any) -> Any:
        logits_BLV = view({**batch, "command": command}, training=False)
        logits_BLV = tf.cast(logits_BLV, tf.float32)
        targets_BL = batch["targets"]
        counts_BL = tf.cast(batch["targets_mask"], tf.float32)
        nats_BL = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=targets_BL, logits=logits_BLV
        )
        guesses_BL = tf.argmax(logits_BLV, axis=-1, output_type=tf.int32)
        right_BL = tf.cast(guesses_BL == targets_BL, tf.float32)
        return (
            -tf.reduce_sum(nats_BL * counts_BL),
            tf.reduce_sum(right_BL * counts_BL),
            tf.reduce_sum(counts_BL),
        )

    return sums
