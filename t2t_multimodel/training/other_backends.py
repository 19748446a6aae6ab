"""Training steps under Keras's other backends: JAX and PyTorch.

The programs of this project train under TensorFlow. The model is Keras alone, so a loop
of one's own can train it elsewhere: `make_step` gives the step of whichever backend
Keras runs on (the environment variable KERAS_BACKEND), with the arithmetic of
`training.step` and `training.optimizer`. Needs no TensorFlow.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import keras

from t2t_multimodel.training.config import TrainingConfig

# By backend: where its step is, and what it is called there.
_STEPS = {
    "jax": ("t2t_multimodel.training.jax_step", "JaxStep"),
    "torch": ("t2t_multimodel.training.torch_step", "TorchStep"),
}


class Figures(NamedTuple):
    """Scalars of one batch, still on the device; named as in `step.StepResult`.

    Attributes:
        loss: Mean teacher-forced loss of a target (natural logarithm).
        weight: How many targets it is the mean of.
        balance: Sum of the experts' balancing losses.
        gradient_norm: Global norm of the gradient before clipping.
    """

    loss: Any
    weight: Any
    balance: Any
    gradient_norm: Any


class Step(Protocol):
    """Takes steps on any problem of a model."""

    def __call__(
        self, problem: str, step: int, learning_rate: float, features: Mapping[str, Any]
    ) -> Figures:
        """Step number `step`, on a batch of `problem` (numpy arrays).

        Where the loss or the gradient's norm is infinite or not a number, no weight
        and no moment changes.
        """

    def store(self) -> None:
        """Writes what was learned into the model's own variables."""


def make_step(model: Any, config: TrainingConfig, seed: int = 0) -> Step:
    """The step of the backend that Keras runs on.

    Args:
        model: A `MultiModel`.
        config: Adam's constants and the largest global norm (`clip_norm`, 0: any).
        seed: The run's, of all dropout and gate noise.

    Raises:
        ValueError: Keras runs on a backend that has no step here.
    """
    backend = keras.config.backend()
    if backend not in _STEPS:
        raise ValueError(
            f"there is no step for Keras's backend {backend!r} here, only for "
            f"{' and '.join(_STEPS)}: set KERAS_BACKEND before Keras is imported; "
            "under TensorFlow take training.step.TrainStep."
        )
    module, name = _STEPS[backend]
    made: Step = getattr(importlib.import_module(module), name)(model, config, seed)
    return made
