"""Whether problems pull the shared body the same way: cosines of their gradients.

For each problem the gradient of the mean loss of its next training batch is taken at
the same weights, without dropout, gate noise and balancing losses; the batch is not
used up. Two problems are compared over the parts of the body that both use:

    cos(a, b) = g_a . g_b / (|g_a| |g_b|),   0 where one of them is 0

It costs a forward and a backward pass of every problem, opening its stream once more,
and memory on the host for as many copies of the body's weights as there are problems.
Several replicas each do all of it.

TensorBoard has `gradient_cosine/A/B` for each pair, a picture `gradient_cosine` (black
-1, middle grey 0, white 1) and the same as a table, `gradient_cosine/table`.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.feeds import Stream
from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.summaries import Summaries

BODY = ("encoder", "mixer", "decoder")
TAG = "gradient_cosine"
_CELL = 16


class GradientCosines(Listener):
    """Compares the problems' gradients every so many steps.

    Args:
        every: Steps from one time to the next.
        model: A `MultiModel` whose views are built.
        streams: The problems' training batches.
        strategy: In whose scope the model was made.
        summaries: The run's.
        parts: The parts of the model that count as its body.
    """

    def __init__(
        self,
        every: int,
        model: Any,
        streams: Mapping[str, Stream],
        strategy: tf.distribute.Strategy,
        summaries: Summaries,
        parts: Sequence[str] = BODY,
    ) -> None:
        self.every = every
        self._views = {name: model.view(name) for name in streams}
        self._streams = streams
        self._strategy = strategy
        self._summaries = summaries
        found = weights_by_part(model)
        trained = {id(weight) for weight in model.trainable_variables}
        self._body = {
            part: [weight for weight in found[part] if id(weight) in trained]
            for part in parts
            if part in found
        }
        self._graphs: dict[Hashable, Any] = {}

    def on_start(self, step: int, control: Control) -> None:
        self._control = control

    def on_turn(self, step: int) -> None:
        names = tuple(self._views)
        gradients = [self.gradient(name) for name in names]
        cosines_PP = np.array(
            [[cosine(one, other) for other in gradients] for one in gradients]
        )
        pairs = itertools.combinations(range(len(names)), 2)
        self._summaries.scalars(
            "train",
            step,
            {f"{TAG}/{names[a]}/{names[b]}": cosines_PP[a, b] for a, b in pairs},
        )
        cells_PP = np.clip(np.rint(np.nan_to_num(cosines_PP) * 127.5 + 127.5), 0, 255)
        picture_HW = np.kron(cells_PP.astype(np.uint8), np.ones((_CELL, _CELL)))
        picture_HW1 = picture_HW.astype(np.uint8)[:, :, None]
        self._summaries.image("train", step, TAG, picture_HW1)
        self._summaries.text("train", step, f"{TAG}/table", _table(names, cosines_PP))

    def gradient(self, problem: str) -> dict[str, np.ndarray]:
        """The gradient of a problem's next batch, float32 `[N]` by part it uses."""
        view, position = self._views[problem], self._control.positions[problem]
        if view.signature not in self._graphs:
            self._graphs[view.signature] = self._graph(view)
        (batch,) = self._streams[problem].dataset(position, 1)
        command = tf.constant(view.command_id, tf.int32)
        found = self._graphs[view.signature](dict(batch), command)
        return {part: vector.numpy() for part, vector in found.items()}

    def _graph(self, view: Any) -> Any:
        used = {id(weight) for weight in view.trainable_variables}
        body = {
            part: weights
            for part, weights in self._body.items()
            if any(id(weight) in used for weight in weights)
        }

        def replica(features: Any, command: Any) -> list[Any]:
            with tf.GradientTape() as tape:
                logits = view({**features, "command": command}, training=False)
                loss_sum, weight_sum = view.loss_terms(logits, features)
                loss = loss_sum / tf.maximum(weight_sum, 1e-9)
            sources = {part: [w.value for w in own] for part, own in body.items()}
            gradients = tape.gradient(
                loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            return [_flat(gradients[part]) for part in body]

        @tf.function(jit_compile=False, autograph=False, reduce_retracing=True)
        def graph(features: Any, command: Any) -> dict[str, Any]:
            results = self._strategy.run(replica, args=(features, command))
            # All replicas have the same.
            firsts = [
                self._strategy.experimental_local_results(result)[0]
                for result in results
            ]
            return dict(zip(body, firsts, strict=True))

        return graph


def cosine(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> float:
    """Of the parts that both have; 0 where there is none, or a gradient is 0."""
    both = sorted(one.keys() & other.keys())
    pairs = [(one[p].astype(np.float64), other[p].astype(np.float64)) for p in both]
    dot = sum(float(a @ b) for a, b in pairs)
    square = sum(float(a @ a) for a, _ in pairs)
    other_square = sum(float(b @ b) for _, b in pairs)
    norms = (square * other_square) ** 0.5
    return dot / norms if norms else 0.0


def _flat(gradients: Sequence[Any]) -> Any:
    rows = [tf.reshape(tf.convert_to_tensor(g), [-1]) for g in gradients]
    return tf.cast(tf.concat(rows, axis=0), tf.float32)


def _table(names: Sequence[str], cosines_PP: np.ndarray) -> str:
    lines = [("", *names), ("---", *("---:" for _ in names))]
    for name, row in zip(names, cosines_PP.tolist(), strict=True):
        lines.append((name, *(f"{value:.2f}" for value in row)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
