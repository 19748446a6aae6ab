"""The dev splits while a model trains: teacher-forced losses, and whose turn it is.

The losses are quick and tell over-fitting, and they are no scores: the model sees the
true targets. Scores of what it writes by itself are `t2t-eval`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import tensorflow as tf

from t2t_multimodel.training.listener import Control, Listener

# Figures by PROBLEM/METRIC.
Measure = Callable[[], Mapping[str, float]]
Batches = Callable[[], Iterable[Mapping[str, Any]]]


class DevLoss:
    """The mean loss of a target on every problem's dev batches.

    Args:
        model: A `MultiModel`.
        batches: For each problem, what gives its dev batches anew.
    """

    def __init__(self, model: Any, batches: Mapping[str, Batches]) -> None:
        self._views = {name: model.view(name) for name in batches}
        self._batches = batches
        self._graphs: dict[Any, Any] = {}

    def __call__(self) -> dict[str, float]:
        """`PROBLEM/loss` of every problem that has dev examples."""
        losses = {}
        for name, batches in self._batches.items():
            view, sums = self._views[name], []
            if view.signature not in self._graphs:
                self._graphs[view.signature] = _loss_graph(view)
            command = tf.constant(view.command_id, tf.int32)
            for batch in batches():
                features = {k: v for k, v in batch.items() if k != "index"}
                terms = self._graphs[view.signature](features, command)
                sums.append([float(term) for term in terms])
            if sums:
                losses[f"{name}/loss"] = sum(s for s, _ in sums) / sum(
                    w for _, w in sums
                )
        return losses


class DevEvaluation(Listener):
    """Measures the model every so many steps and tells all listeners.

    Args:
        every: Steps from one time to the next; 0: never.
        measures: What is measured, one after the other.
        weights: A context in which the model has the weights that evaluation uses.
    """

    def __init__(
        self,
        every: int,
        measures: Sequence[Measure],
        weights: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.every = every
        self._measures = measures
        self._weights = weights

    def on_start(self, step: int, control: Control) -> None:
        self._control = control

    def on_turn(self, step: int) -> None:
        self._control.dev_begins(step)
        scores: dict[str, float] = {}
        with self._weights():
            for measure in self._measures:
                scores |= measure()
        self._control.dev_ends(step, scores)


def _loss_graph(view: Any) -> Any:
    @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)
    def graph(features: Any, command: Any) -> Any:
        logits = view({**features, "command": command}, training=False)
        return view.loss_terms(logits, features)

    return graph
