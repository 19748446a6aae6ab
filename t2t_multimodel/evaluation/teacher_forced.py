"""Teacher-forced figures: how well the model continues the right prefix.

The model is shown the reference up to each token, so these say nothing of what it
writes on its own; their names start with `teacher_forced/`, and no BLEU is among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.decoding.graphs import relaxed_specs
from t2t_multimodel.evaluation.score import Score

# What is known of an example's targets: `Sample.target_sums`.
SUMS = ("log_likelihood", "right", "tokens")
FEATURE_KEYS = ("inputs", "inputs_mask", "targets", "targets_mask")


class TeacherForced:
    """Sums over a split of log-likelihoods and of right guesses of tokens."""

    def __init__(self) -> None:
        self._graphs: dict[Any, Any] = {}
        self.start()

    def start(self) -> None:
        """Forgets what was added, keeps the graphs."""
        self._sums_3 = np.zeros(len(SUMS))

    def add(self, view: Any, features: Mapping[str, Any]) -> np.ndarray:
        """Adds a batch with text targets; the `SUMS` of each example, `[B, 3]`."""
        batch = {key: features[key] for key in FEATURE_KEYS if key in features}
        specs = relaxed_specs(batch)
        key = (view.signature, repr(sorted(specs.items())))
        if key not in self._graphs:
            self._graphs[key] = _sums_graph(view, specs)
        sums = self._graphs[key](batch, tf.constant(view.command_id, tf.int32))
        sums_B3 = np.stack([value.numpy() for value in sums], axis=1)
        self._sums_3 += sums_B3.sum(axis=0, dtype=np.float64)
        return sums_B3

    def scores(self) -> tuple[Score, ...]:
        """Log-perplexity (nats a token, EOS included) and token accuracy (percent)."""
        log_likelihood, right, tokens = self._sums_3.tolist()
        tokens = max(tokens, 1.0)
        return (
            Score(
                "teacher_forced/log_perplexity",
                -log_likelihood / tokens,
                "log-perplexity",
            ),
            Score(
                "teacher_forced/token_accuracy",
                100.0 * right / tokens,
                "token accuracy",
                "%",
            ),
        )


def _sums_graph(view: Any, specs: Mapping[str, Any]) -> Any:
    """(log-likelihood, right guesses, tokens) of each example `[B]` as one graph."""

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
            -tf.reduce_sum(nats_BL * counts_BL, axis=1),
            tf.reduce_sum(right_BL * counts_BL, axis=1),
            tf.reduce_sum(counts_BL, axis=1),
        )

    return sums
