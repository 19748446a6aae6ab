"""Scorers over small tables, whose outputs can be listed and ranked by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD
from t2t_multimodel.decoding.scorer import Scorer, log_probabilities


def table_scorer(logits_BLV: np.ndarray) -> Scorer:
    """Logits that depend on the input and the position alone."""
    table = tf.constant(logits_BLV, tf.float32)
    row = {"row": tf.range(len(logits_BLV))}

    def step(before: Any, position: Any, state: Any) -> Any:
        logits = tf.gather(table[:, position], state["row"])
        return log_probabilities(logits), state

    return Scorer(step, row, {"row": (None,)})


def chain_scorer(transition_VV: np.ndarray, batch: int = 1) -> Scorer:
    """Logits that depend on the last two tokens (PAD at the start) and the position.

    The token comes out of the state, which grows by one each step as a cache does: a
    search that loses track of whose state is whose finds something else.
    """
    transition = tf.cast(transition_VV, tf.float32)

    def step(before: Any, position: Any, state: Any) -> Any:
        first = tf.fill(tf.shape(before), PAD)
        token = tf.where(position == 0, first, before)
        written = tf.concat([state["deep"]["tokens"], token[:, None]], axis=1)
        logits = tf.gather(transition, written[:, -1])
        logits += 0.5 * tf.gather(transition, written[:, -2])[:, ::-1]
        logits *= 1.0 + 0.1 * tf.cast(position, tf.float32)
        return log_probabilities(logits), {"deep": {"tokens": written}}

    start = {"deep": {"tokens": tf.zeros([batch, 1], tf.int32)}}
    return Scorer(step, start, {"deep": {"tokens": (None, None)}})


class Chain:
    """The same as `chain_scorer`, in numpy, for one output at a time."""

    def __init__(self, transition_VV: np.ndarray) -> None:
        self.transition = transition_VV

    def log_p(self, ids: tuple[int, ...]) -> np.ndarray:
        """Log-probabilities of the token after `ids`."""
        written = [PAD, PAD, *ids]
        logits = self.transition[written[-1]]
        logits = logits + 0.5 * self.transition[written[-2]][::-1]
        logits = logits * (1.0 + 0.1 * len(ids))
        shifted = logits - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    def total(self, ids: tuple[int, ...]) -> float:
        """The log-probability of an output, EOS included if it has one."""
        return float(sum(self.log_p(ids[:t])[ids[t]] for t in range(len(ids))))

    def outputs(self, words: list[int], limit: int) -> Iterator[tuple[int, ...]]:
        """All that end within the limit."""
        for length in range(limit):
            for body in itertools.product(words, repeat=length):
                yield (*body, EOS)


def random_chain(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, size)) * 1.5
