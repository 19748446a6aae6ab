"""One training step under Keras's PyTorch backend; what `step.py` does in TensorFlow.

Forward and backward pass operation by operation, and PyTorch's own clipping and Adam,
which counts the updates of every weight apart as ours does. The weights are the model's
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.other_backends import Figures


class TorchStep:
    """See `other_backends.make_step`."""

    def __init__(self, model: Any, config: TrainingConfig, seed: int = 0) -> None:
        self._model = model
        self._clip_norm = config.clip_norm or float("inf")
        self._seed = seed * 0x9E3779B1 % 2**31
        self._weights = [weight.value for weight in model.trainable_variables]
        self._adam = torch.optim.Adam(
            self._weights,
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
        )

    def __call__(
        self, problem: str, step: int, learning_rate: float, features: Mapping[str, Any]
    ) -> Figures:
        """See `other_backends.Step`."""
        view = self._model.view(problem)
        self._adam.zero_grad(set_to_none=True)
        with step_seed(np.array([self._seed, step], np.int32)):
            command = np.int32(view.command_id)
            logits = view({**features, "command": command}, training=True)
            loss_sum, weight = view.loss_terms(logits, features)
            balance = sum(view.losses, start=torch.zeros_like(weight))
        loss = loss_sum / weight.clamp(min=1e-9)
        (loss + balance).backward()
        norm = torch.nn.utils.clip_grad_norm_(self._weights, self._clip_norm)
        if torch.isfinite(loss.detach() + norm):
            self._adam.param_groups[0]["lr"] = learning_rate
            self._adam.step()
        return Figures(loss.detach(), weight, balance.detach(), norm)

    def store(self) -> None:
        """The weights are the model's own: nothing is left to do."""
