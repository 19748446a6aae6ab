"""Activations computed twice instead of kept: memory for time.

The backward pass needs what the forward pass computed on its way. What runs through
`recomputed` keeps its inputs alone, and the backward pass runs it again ("Training
Deep Nets with Sublinear Memory Cost", arXiv 1604.06174).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from t2t_multimodel.layers.randomness import current_step_seed, step_seed


def recomputed(run: Callable[..., Any], *tensors: Any) -> Any:
    """`run(*tensors)`, whose activations are dropped and computed again when needed.

    Only inside `step_seed`: there the second run draws the numbers of the first one.
    Elsewhere (in evaluation, in Keras's `fit`) activations are kept as usual.

    Args:
        run: A function of float tensors that adds no losses: it runs twice, and no
            gradient flows through what leaves it by another way than its result. Masks
            and whole numbers it takes from where it was made.
        *tensors: What it is called with; gradients flow to them, and to the weights
            that it uses.
    """
    seed = current_step_seed()
    if seed is None:
        return run(*tensors)

    def seeded(*again: Any) -> Any:
        # The backward pass is taken outside the step's context.
        with step_seed(seed):
            return run(*again)

    return keras.remat(seeded)(*tensors)
