"""Steps of joint training under whichever backend Keras has; a program of the tests.

  KERAS_BACKEND=jax python tests/models/backend_steps.py FOLDER

FOLDER holds `tasks.json` and `weights.npz`; written there is `figures.json`. Imported
and called under TensorFlow it takes the trainer's own steps.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import Task
from t2t_multimodel.testing import small_model
from t2t_multimodel.testing.small_model import VOCAB, make_batch, randomise_routers
from t2t_multimodel.training.config import TrainingConfig

CONFIG = dataclasses.replace(
    small_model.CONFIG,
    encoder_blocks=1,
    decoder_blocks=1,
    dropout=0.0,
    attention_dropout=0.0,
)
TRAINING = TrainingConfig()
LEARNING_RATE = 1e-2
ROUNDS = 2


def waves(shape: Any, dtype: str = "float32", **_: Any) -> Any:
    """In place of `keras.random.normal`, whose numbers each backend has its own."""
    # Counted by a sum: where a graph is traced the shape may be unknown.
    count = ops.cumsum(ops.reshape(ops.ones(shape, dtype), (-1,)))
    return ops.reshape(ops.cos(7.0 * count), shape)


def make_model(tasks: Sequence[Task]) -> MultiModel:
    """A model whose routers choose."""
    model = MultiModel(CONFIG, tasks, VOCAB)
    model.build_views()
    randomise_routers(model)
    return model


def take_rounds(step: Callable[..., Any], tasks: Sequence[Task]) -> dict[str, Any]:
    """A step on every problem in turn, and again: the figures of each problem."""
    figures: dict[str, Any] = {task.name: [] for task in tasks}
    number = 0
    for _ in range(ROUNDS):
        for seed, task in enumerate(tasks):
            batch = make_batch(task, (9, 6, 4, 2), seed)
            result = step(task.name, number, LEARNING_RATE, batch)
            names = ("loss", "weight", "balance", "gradient_norm")
            figures[task.name].append(
                {name: float(getattr(result, name)) for name in names}
            )
            number += 1
    return figures


def main(folder: Path) -> None:
    """From the weights in a folder, under a backend that is not TensorFlow."""
    from t2t_multimodel.training.other_backends import make_step

    keras.random.normal = waves
    listed = json.loads((folder / "tasks.json").read_text("utf-8"))
    tasks = [Task.from_dict(task) for task in listed]
    model = make_model(tasks)
    saved = np.load(folder / "weights.npz")
    for i, weight in enumerate(model.trainable_variables):
        weight.assign(saved[f"{i} {weight.path}"])
    step = make_step(model, TRAINING)
    found = {"backend": keras.config.backend(), "steps": take_rounds(step, tasks)}
    step.store()
    after = [ops.convert_to_numpy(w.value) for w in model.trainable_variables]
    found["all_finite"] = all(bool(np.isfinite(values).all()) for values in after)
    found["loaded_tensorflow"] = "tensorflow" in sys.modules
    (folder / "figures.json").write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
