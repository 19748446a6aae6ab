"""Cross-entropy with label smoothing, as a sum and a weight.

Sums, not means: replicas and batches of different sizes are averaged by the number of
targets, not by the number of batches.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def cross_entropy(
    logits: Any, targets: Any, mask: Any = None, label_smoothing: float = 0.0
) -> tuple[Any, Any]:
    """Summed cross-entropy against smoothed targets.

    With smoothing e over V classes the target distribution gives the right class
    `1 - e + e / V` and every other `e / V`; the loss of one target is
    `logsumexp(z) - (1 - e) * z_y - e * mean(z)`.

    Args:
        logits: `[..., V]`.
        targets: int, `[...]`.
        mask: bool `[...]`, True where a target counts; None: all.
        label_smoothing: e, in [0, 1).

    Returns:
        (sum of the losses in nats, number of targets), float32 scalars.
    """
    losses = _losses(logits, targets, label_smoothing)
    if mask is None:
        return ops.sum(losses), ops.cast(ops.size(losses), "float32")
    weights = ops.cast(mask, "float32")
    return ops.sum(losses * weights), ops.sum(weights)


@keras.saving.register_keras_serializable("t2t_multimodel")
class SmoothedCrossEntropy(keras.losses.Loss):
    """The same for Keras's `compile`: the mean loss of a target that counts.

    Sample weights say which targets count: the mask, `[B, L]`, or ones, `[B]`.

    Args:
        label_smoothing: As in `cross_entropy`.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        reduction: str = "mean_with_sample_weight",
        name: str = "smoothed_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return _losses(y_pred, y_true, self.label_smoothing)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def _losses(logits: Any, targets: Any, label_smoothing: float) -> Any:
    """The loss of each target, float32."""
    logits = ops.cast(logits, "float32")
    targets = ops.expand_dims(ops.cast(targets, "int32"), -1)
    right = ops.squeeze(ops.take_along_axis(logits, targets, axis=-1), -1)
    losses = ops.logsumexp(logits, axis=-1) - (1.0 - label_smoothing) * right
    if label_smoothing:
        losses = losses - label_smoothing * ops.mean(logits, axis=-1)
    return losses
