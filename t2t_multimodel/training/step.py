"""One training step: a batch of one problem, its gradient, the update of its weights.

Views with equal signatures differ only in their command token, which is an input of
the graph; so the eight problems of the paper need four graphs.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from t2t_multimodel.layers.notes import DROPPED, taken_notes
from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.training.optimizer import Adam, dense
from t2t_multimodel.training.strategy import is_tpu, replica_share


class StepResult(NamedTuple):
    """Scalars of one batch over all replicas, still tensors.

    Attributes:
        loss: Mean teacher-forced loss of a target (natural logarithm).
        weight: How many targets (tokens, labels) it is the mean of.
        balance: Sum of the experts' balancing losses.
        gradient_norm: Global norm, before clipping, of the update's gradient.
        examples: How many the batch holds.
        padded: How many targets it would hold, were its padding targets too.
        loads: Positions that chose each expert, float32 `[X, E]`, for the X layers of
            `MultiModel.expert_layers`; 0 where there are none.
        dropped: How many of each layer's choices its experts had no room for, float32
            `[X]`; 0 where there is always room.
    """

    loss: Any
    weight: Any
    balance: Any
    gradient_norm: Any
    examples: Any = 0.0
    padded: Any = 0.0
    loads: Any = 0.0
    dropped: Any = 0.0


class TrainStep:
    """Takes steps on any problem of a model.

    Args:
        model: A `MultiModel` whose views are built.
        optimizer: Over all its trainable weights.
        strategy: In whose scope both were made.
        specs: What each problem's batches look like.
        seed: The run's, of all dropout and gate noise.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Adam,
        strategy: tf.distribute.Strategy,
        specs: Mapping[str, Mapping[str, tf.TensorSpec]],
        seed: int,
    ) -> None:
        self._optimizer = optimizer
        self._expert_layers = getattr(model, "expert_layers", ())
        self._strategy = strategy
        self._seed = seed
        self._views = {name: model.view(name) for name in specs}
        self._commands = {
            name: tf.constant(view.command_id, tf.int32)
            for name, view in self._views.items()
        }
        self._specs = _specs_by_signature(self._views, specs)
        self._graphs: dict[Hashable, Any] = {}

    def __call__(
        self, problem: str, step: int, learning_rate: float, features: Mapping[str, Any]
    ) -> StepResult:
        """Step number `step`, on a batch of `problem`; updates the weights."""
        view = self._views[problem]
        if view.signature not in self._graphs:
            self._graphs[view.signature] = self._graph(view)
        return self._graphs[view.signature](
            dict(features),
            self._commands[problem],
            tf.constant(step, tf.int32),
            tf.constant(learning_rate, tf.float32),
        )

    def update(
        self,
        step: int,
        learning_rate: float,
        batches: Iterable[tuple[str, Mapping[str, Any]]],
    ) -> Sequence[StepResult]:
        """Step number `step`, on one batch, given with its problem's name."""
        ((problem, features),) = batches
        return [self(problem, step, learning_rate, features)]

    def _graph(self, view: Any) -> Any:
        scalar = tf.TensorSpec([], tf.int32)
        rate = tf.TensorSpec([], tf.float32)

        signature = [self._specs[view.signature], scalar, scalar, rate]

        @tf.function(
            # On a TPU each shape of a batch has a graph of its own.
            input_signature=None if is_tpu(self._strategy) else signature,
            jit_compile=False,  # XLA makes depthwise convolutions slow on CPUs.
            autograph=False,
        )
        def graph(features: Any, command: Any, step: Any, rate: Any) -> StepResult:
            def replica(features: Any, command: Any, step: Any, rate: Any) -> Any:
                return self._replica_step(view, features, command, step, rate)

            results = self._strategy.run(replica, args=(features, command, step, rate))
            return StepResult(*(self._first(result) for result in results))

        return graph

    def _replica_step(
        self, view: Any, features: dict[str, Any], command: Any, step: Any, rate: Any
    ) -> StepResult:
        context = tf.distribute.get_replica_context()
        features, live = replica_share(features)
        weights = view.trainable_variables
        with (
            step_seed(self._step_seed(step)),
            taken_notes() as notes,
            tf.GradientTape() as tape,
        ):
            logits = view({**features, "command": command}, training=True)
            loss_sum, weight_sum = view.loss_terms(logits, features)
            loss_sum, weight_sum = loss_sum * live, weight_sum * live
            balance = tf.add_n(view.losses) * live if view.losses else tf.zeros([])
            weight, lives, examples, padded = total(
                context, [weight_sum, live, *(live * n for n in _sizes(features))]
            )
            loss = loss_sum / tf.maximum(weight, 1e-9) + balance / lives
        variables = [weight.value for weight in weights]
        gradients = tape.gradient(loss, variables)
        used = [
            (dense(gradient, variable), weight)
            for gradient, variable, weight in zip(
                gradients, variables, weights, strict=True
            )
            if gradient is not None
        ]
        kept = _unless_finite(loss, used)
        norm = self._use(context, kept, [weight for _, weight in used], rate)
        told = [
            _noted([f"{layer}{what}" for layer in self._expert_layers], notes) * live
            for what in ("", DROPPED)
        ]
        loss_sum, balance, loads, dropped = total(context, [loss_sum, balance, *told])
        return StepResult(
            loss=loss_sum / tf.maximum(weight, 1e-9),
            weight=weight,
            balance=balance / lives,
            gradient_norm=norm,
            examples=examples,
            padded=padded,
            loads=loads,
            dropped=dropped,
        )

    def _use(
        self, context: Any, gradients: list[Any], weights: list[Any], rate: Any
    ) -> Any:
        """Does with a replica's gradients what they are for; the update's norm."""
        return self._optimizer.apply(total(context, gradients), weights, rate)

    def _step_seed(self, step: Any) -> Any:
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        # Odd multipliers spread neighbouring seeds and replicas over all 32 bits.
        run = tf.constant(self._seed * 0x9E3779B1 % 2**31, tf.int32)
        return tf.stack([tf.bitwise.bitwise_xor(run, replica * 0x632BE5AB), step])

    def _first(self, result: Any) -> Any:
        """The result of one replica; all replicas have the same."""
        return self._strategy.experimental_local_results(result)[0]


def total(context: Any, values: list[Any]) -> list[Any]:
    """Each value summed over the replicas."""
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def _unless_finite(loss: Any, used: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The gradients of weights; if the loss is not finite, one of them is not either.

    The optimizer, which looks at their norm, then leaves the weights as they are.
    """
    gradients = [gradient for gradient, _ in used]
    smallest = min(range(len(used)), key=lambda i: math.prod(used[i][1].shape))
    gradients[smallest] += tf.where(tf.math.is_finite(loss), 0.0, float("nan"))
    return gradients


def _noted(names: Sequence[str], notes: Mapping[str, Any]) -> Any:
    """What was noted under these names, 0 for those that a view does not have."""
    if not any(name in notes for name in names):
        return tf.zeros([])
    nothing = tf.zeros_like(next(notes[name] for name in names if name in notes))
    return tf.stack([notes.get(name, nothing) for name in names])


def _sizes(features: Mapping[str, Any]) -> list[Any]:
    """A batch's examples, and its targets with their padding, as float32."""
    shape = tf.cast(tf.shape(features["targets"]), tf.float32)
    return [shape[0], tf.reduce_prod(shape)]


def _specs_by_signature(
    views: Mapping[str, Any], specs: Mapping[str, Mapping[str, tf.TensorSpec]]
) -> dict[Hashable, dict[str, tf.TensorSpec]]:
    """One spec for all problems of a signature: sizes that differ are left open."""
    merged: dict[Hashable, dict[str, tf.TensorSpec]] = {}
    for name, view in views.items():
        known = merged.setdefault(view.signature, dict(specs[name]))
        for key, spec in specs[name].items():
            shape = known[key].shape.most_specific_compatible_shape(spec.shape)
            open_batch = tf.TensorShape([None]).concatenate(shape[1:])
            known[key] = tf.TensorSpec(open_batch, spec.dtype)
    return merged
