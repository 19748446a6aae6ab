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
    num_classes = logits.shape[-1]
    logits_NV = ops.reshape(ops.cast(logits, "float32"), (-1, num_classes))
    target_N = ops.reshape(ops.cast(targets, "int32"), (-1,))
    losses_N = _smoothed(target_N, label_smoothing, num_classes)(logits_NV)
    return ops.reshape(losses_N, ops.shape(targets))


def _smoothed(target_N: Any, label_smoothing: float, num_classes: int) -> Any:
    """`logits_NV -> loss_N` and its gradient: `softmax(z)` less what it should be.

    The logits of a large vocabulary are the largest tensor of a small model: half the
    time of the automatic gradient went into passes over them that this one saves.
    """
    right, other = 1.0 - label_smoothing, label_smoothing / num_classes

    @ops.custom_gradient
    def losses(z_NV: Any) -> Any:
        p_NV = ops.softmax(z_NV)
        target_N1 = ops.expand_dims(target_N, 1)
        # The largest of V probabilities is at least 1 / V: its logarithm is safe.
        logsumexp_N = ops.max(z_NV, axis=1) - ops.log(ops.max(p_NV, axis=1))
        z_N = ops.squeeze(ops.take_along_axis(z_NV, target_N1, axis=1), 1)
        losses_N = logsumexp_N - right * z_N
        if label_smoothing:
            # A mean, as a matrix product: the fastest way to it.
            other_V1 = ops.full((num_classes, 1), other, dtype="float32")
            losses_N = losses_N - ops.squeeze(ops.matmul(z_NV, other_V1), 1)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            dy_N = arguments[0] if upstream is None else upstream
            dz_NV = (p_NV - other if label_smoothing else p_NV) * dy_N[:, None]
            at_target_N1 = ops.take_along_axis(dz_NV, target_N1, axis=1)
            place_N2 = ops.stack([ops.arange(ops.shape(target_N)[0]), target_N], axis=1)
            less_N = ops.squeeze(at_target_N1, 1) - right * dy_N
            return ops.scatter_update(dz_NV, place_N2, less_N)

        return losses_N, gradient

    return losses
