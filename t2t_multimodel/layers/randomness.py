"""Randomness that is a pure function of (step seed, layer).

Dropout and the experts' gate noise draw from a `LayerSeed`. Inside the context
`step_seed(seed)` every draw depends only on that seed and on the layer's own place
in the model, not on how many draws came before: a run that was stopped and resumed
repeats the very numbers of an unbroken one, and no random state needs saving.
Outside the context a `LayerSeed` is an ordinary stateful Keras seed generator.
"""

from __future__ import annotations

import contextlib
import contextvars
import zlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

_STEP_SEED: contextvars.ContextVar[Any] = contextvars.ContextVar(
    "t2t_multimodel_step_seed", default=None
)


@contextlib.contextmanager
def step_seed(seed: Any) -> Iterator[None]:
    """Makes every draw inside a function of `seed`.

    Args:
        seed: Integer tensor of shape `[2]`; it may be symbolic (a traced function's
            argument). Typically (hash of run seed and replica, step).
    """
    token = _STEP_SEED.set(seed)
    try:
        yield
    finally:
        _STEP_SEED.reset(token)


def current_step_seed() -> Any:
    """The seed of the `step_seed` that this is inside, or None."""
    return _STEP_SEED.get()


@keras.saving.register_keras_serializable("t2t_multimodel")
class LayerSeed(keras.random.SeedGenerator):
    """Seed source of one layer.

    Args:
        layer_path: Name that tells this layer from every other in the model; layers
            with equal paths would draw equal numbers.
    """

    def __init__(self, layer_path: str, **kwargs: Any) -> None:
        self.layer_path = layer_path
        # 31 bits of a checksum: the same in every process, unlike `hash`.
        self.salt = zlib.crc32(layer_path.encode()) & 0x7FFFFFFF
        super().__init__(seed=kwargs.pop("seed", self.salt), **kwargs)

    def next(self, ordered: bool = True) -> Any:
        """The seed of the next draw, an integer tensor of shape `[2]`."""
        seed = current_step_seed()
        if seed is None:
            return super().next(ordered=ordered)
        seed = ops.cast(seed, self.state.dtype)
        salt = ops.cast(ops.convert_to_tensor([self.salt, 0]), self.state.dtype)
        return ops.bitwise_xor(seed, salt)

    def get_config(self) -> dict[str, Any]:
        return {"layer_path": self.layer_path}


@keras.saving.register_keras_serializable("t2t_multimodel")
class Dropout(keras.layers.Layer):
    """Zeroes a share of the activations in training and scales up the rest.

    Args:
        rate: Share to zero, in [0, 1).
        layer_path: See `LayerSeed`.
    """

    def __init__(self, rate: float, layer_path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"dropout rate must be in [0, 1), not {rate}.")
        self.rate = rate
        self.layer_path = layer_path
        self.layer_seed = LayerSeed(layer_path) if rate > 0.0 else None
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        if self.layer_seed is None or not training:
            return x
        return keras.random.dropout(x, self.rate, seed=self.layer_seed)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "layer_path": self.layer_path,
        }
