"""A model without values: what it weighs, found without the memory to hold it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import Corpora
from t2t_multimodel.training.fields import split_list
from t2t_multimodel.training.freezing import NEW, freeze


@dataclasses.dataclass(frozen=True)
class Persistent:
    """Bytes that a run holds from its first step to its last.

    Attributes:
        weights: All of them, frozen ones included.
        gradients: Of a step that uses all that is trained.
        moments: Adam's two.
        average: The moving average, 0 without one.
        sums: Of gradients, where a step takes several batches.
    """

    weights: int
    gradients: int
    moments: int
    average: int
    sums: int

    @property
    def checkpoint(self) -> int:
        """Bytes of a checkpoint; and of its copy, while it is being written."""
        return self.weights + self.moments + self.average

    @property
    def saved(self) -> int:
        """What a run holds between steps while it saves."""
        return 2 * self.checkpoint + self.sums

    @property
    def least(self) -> int:
        """What a run needs beside its activations."""
        return self.saved + self.gradients


def sketch(hparams: HParams, corpora: Corpora) -> MultiModel:
    """The model of a run, with shapes but no values.

    What `train_parts` freezes is frozen, unless that depends on a warm start ("new").
    """
    with keras.StatelessScope(initialize_variables=False):
        model = MultiModel(
            hparams.model,
            [task_of(problem) for problem in corpora.problems],
            corpora.vocabulary.size if corpora.vocabulary else 3,
        )
        model.build_views()
    parts = hparams.training.train_parts
    if NEW not in split_list(parts):
        freeze(model, parts)
    return model


def persistent(model: Any, hparams: HParams) -> Persistent:
    """What a run of a model, with values or without, holds all the time."""
    trained = _size(model.trainable_variables)
    training = hparams.training
    return Persistent(
        weights=_size(model.weights),
        gradients=trained,
        moments=2 * trained,
        average=trained if training.ema_decay > 0 else 0,
        sums=trained if training.batches_per_step > 1 else 0,
    )


def fewer_experts(
    hparams: HParams,
    corpora: Corpora,
    room: float,
    most: int | None = None,
    has_gradients: bool = True,
) -> HParams | None:
    """The same set with as many experts as fit into `room` bytes without activations.

    Args:
        hparams: The set.
        corpora: The run's.
        room: Bytes.
        most: The most experts; by default as many as there are.
        has_gradients: Whether the gradients are to fit in too.

    Returns:
        None if even the fewest experts that can be chosen from are too many.
    """
    fewest = min(hparams.model.num_experts, hparams.model.top_k + 1)
    most = max(fewest, min(hparams.model.num_experts, most or 2**31))

    def needed(number: int) -> int:
        changed = hparams.replace(num_experts=number)
        with tf.device("CPU:0"):
            amounts = persistent(sketch(changed, corpora), changed)
        return amounts.least if has_gradients else amounts.saved

    of_fewest = needed(fewest)
    if of_fewest > room:
        return None
    number = most
    if most > fewest:
        # The weights grow by the same number with each expert.
        of_one = (needed(most) - of_fewest) / (most - fewest)
        number = min(most, fewest + int((room - of_fewest) // of_one))
    return hparams.replace(num_experts=number)


def _size(weights: Sequence[Any]) -> int:
    return sum(
        math.prod(weight.shape)
        * np.dtype(keras.backend.standardize_dtype(weight.dtype)).itemsize
        for weight in weights
    )
