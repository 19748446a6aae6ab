"""Teacher-forced losses on the dev splits while a model trains.

They are quick and tell over-fitting, and they are no scores: the model sees the true
targets. Scores of what it writes by itself are `t2t-eval`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

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
        """The losses by problem; a problem without dev examples has none."""
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
                losses[name] = sum(s for s, _ in sums) / sum(w for _, w in sums)
        return losses


def _loss_graph(view: Any) -> Any:
    @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)
    def graph(features: Any, command: Any) -> Any:
        logits = view({**features, "command": command}, training=False)
        return view.loss_terms(logits, features)

    return graph
