"""One training step under Keras's JAX backend; what `step.py` does under TensorFlow.

Forward pass, backward pass, clipping and Adam as one program that XLA compiles, once
for each signature of a view and shapes of a batch: shapes are static here. The
arithmetic is `training.optimizer`'s, an update count for every weight included.

The weights live here between steps, beside their moments, and each step writes them in
place; `store` gives them to the model.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.other_backends import Figures


class _Moments(NamedTuple):
    """A weight and the moving averages of its gradient and of that one's square."""

    value: Any
    mean: Any
    square: Any


class JaxStep:
    """See `other_backends.make_step`; on JAX's default device."""

    def __init__(self, model: Any, config: TrainingConfig, seed: int = 0) -> None:
        self._model = model
        self._config = config
        self._seed = seed * 0x9E3779B1 % 2**31
        self._weights = list(model.trainable_variables)
        self._index = {id(weight): i for i, weight in enumerate(self._weights)}
        # A copy: a step may overwrite what it is given.
        self._state = [_fresh(jnp.copy(weight.value)) for weight in self._weights]
        self._updates = jnp.zeros(len(self._weights), jnp.int32)
        self._programs: dict[Hashable, Any] = {}

    def __call__(
        self, problem: str, step: int, learning_rate: float, features: Mapping[str, Any]
    ) -> Figures:
        """See `other_backends.Step`."""
        view = self._model.view(problem)
        program = self.program(problem, features)
        places = self._places(view)
        state, self._updates, result = program(
            [self._state[place] for place in places],
            self._updates,
            *self._others(view, features),
            np.array([self._seed, step], np.int32),
            np.float32(learning_rate),
        )
        for place, after in zip(places, state, strict=True):
            self._state[place] = after
        return Figures(*result)

    def program(self, problem: str, features: Mapping[str, Any]) -> Any:
        """The compiled step for a batch; also tells of its operations and memory.

        Compiled on first use; see `jax.stages.Compiled`.
        """
        view = self._model.view(problem)
        shapes = tuple((k, v.shape, str(v.dtype)) for k, v in sorted(features.items()))
        key = (view.signature, shapes)
        if key not in self._programs:
            state = [self._state[place] for place in self._places(view)]
            seed, rate = np.zeros(2, np.int32), np.float32(0.0)
            others = self._others(view, features)
            lowered = self._traced(view).lower(
                state, self._updates, *others, seed, rate
            )
            self._programs[key] = lowered.compile()
        return self._programs[key]

    def store(self) -> None:
        """Writes the weights into the model's variables."""
        for weight, own in zip(self._weights, self._state, strict=True):
            weight.assign(own.value)

    def _traced(self, view: Any) -> Any:
        places = np.array(self._places(view))

        def step(
            state: list[_Moments],
            updates: Any,
            frozen: list[Any],
            features: dict[str, Any],
            seed: Any,
            rate: Any,
        ) -> tuple[list[_Moments], Any, tuple[Any, ...]]:
            def total(values: list[Any]) -> tuple[Any, tuple[Any, ...]]:
                loss, weight, balance = _losses(view, values, frozen, features, seed)
                return loss + balance, (loss, weight, balance)

            with_gradient = jax.value_and_grad(total, has_aux=True)
            (whole, parts), gradients = with_gradient([own.value for own in state])
            norm = _global_norm(gradients)
            is_finite = jnp.isfinite(whole) & jnp.isfinite(norm)
            updates = updates.at[places].add(is_finite.astype(jnp.int32))
            after = self._adam(state, gradients, norm, updates[places], rate)
            kept = jax.tree.map(lambda a, b: jnp.where(is_finite, a, b), after, state)
            return kept, updates, (*parts, norm)

        return jax.jit(step, donate_argnums=(0, 1))

    def _adam(
        self,
        state: list[_Moments],
        gradients: list[Any],
        norm: Any,
        counts: Any,
        rate: Any,
    ) -> list[_Moments]:
        """Adam (arXiv 1412.6980), epsilon outside the correction, of each weight."""
        config = self._config
        beta1, beta2, clip = config.adam_beta1, config.adam_beta2, config.clip_norm
        scale = clip / jnp.maximum(norm, clip) if clip > 0.0 else 1.0
        counts = counts.astype(jnp.float32)
        rates = rate * jnp.sqrt(1.0 - beta2**counts) / (1.0 - beta1**counts)
        after = []
        for i, (own, gradient) in enumerate(zip(state, gradients, strict=True)):
            gradient = gradient * scale
            mean = beta1 * own.mean + (1.0 - beta1) * gradient
            square = beta2 * own.square + (1.0 - beta2) * jnp.square(gradient)
            change = rates[i] * mean / (jnp.sqrt(square) + config.adam_epsilon)
            after.append(_Moments(own.value - change, mean, square))
        return after

    def _places(self, view: Any) -> list[int]:
        return [self._index[id(weight)] for weight in view.trainable_variables]

    def _others(
        self, view: Any, features: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """What a step reads beside its state: weights that do not learn, the batch."""
        frozen = [weight.value for weight in view.non_trainable_variables]
        return frozen, {**features, "command": np.int32(view.command_id)}


def _losses(
    view: Any, values: list[Any], frozen: list[Any], features: dict[str, Any], seed: Any
) -> tuple[Any, Any, Any]:
    """A target's mean loss, the number of targets, and the balancing losses."""
    with step_seed(seed):
        logits, _, balances = view.stateless_call(
            values, frozen, features, training=True, return_losses=True
        )
    loss_sum, weight = view.loss_terms(logits, features)
    balance = sum(balances, start=jnp.zeros(()))
    return loss_sum / jnp.maximum(weight, 1e-9), weight, balance


def _global_norm(gradients: list[Any]) -> Any:
    return jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in gradients))


def _fresh(value: Any) -> _Moments:
    return _Moments(value, jnp.zeros_like(value), jnp.zeros_like(value))
