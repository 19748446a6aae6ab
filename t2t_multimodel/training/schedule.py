"""The learning rate of a step: a linear warm-up, then one of four decays.

With warm-up W, peak P, end T = train_steps and f = final_learning_rate_fraction, step
t (the first is 0) has rate P (t+1)/W while t < W, and then

    rsqrt      P sqrt(W / (t+1))               (W at least 1)
    cosine     P (f + (1-f) (1 + cos(pi u)) / 2)   with u = (t+1-W) / (T-W), at most 1
    linear     P (f + (1-f) (1 - u))
    constant   P
"""

from __future__ import annotations

import math

from t2t_multimodel.training.config import TrainingConfig


def learning_rate(step: int, config: TrainingConfig) -> float:
    """The rate with which step `step` (the first is 0) updates the weights."""
    peak, warmup = config.learning_rate, config.warmup_steps
    steps = step + 1
    if steps <= warmup:
        return peak * steps / warmup
    if config.schedule == "constant":
        return peak
    if config.schedule == "rsqrt":
        return peak * math.sqrt(max(1, warmup) / steps)
    done = min(1.0, (steps - warmup) / max(1, config.train_steps - warmup))
    left = 1.0 - done
    if config.schedule == "cosine":
        left = (1.0 + math.cos(math.pi * done)) / 2.0
    final = config.final_learning_rate_fraction
    return peak * (final + (1.0 - final) * left)
