"""Checkpoints of the stub model: what comes back, and what is done without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.checkpoint import (
    Checkpoints,
    find_checkpoint,
    save_weights,
)
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam

STATE = {"positions": {"first": 3, "ünïcode": 10**12}, "ledger": [0.1, None, "x"]}


@pytest.fixture
def make(stub_model: Any, tmp_path: Path) -> Any:
    """A function that makes a new model and the checkpoints of the one run."""

    def made() -> tuple[Any, Checkpoints]:
        model = stub_model()
        adam = Adam(model.trainable_variables, TrainingConfig())
        return model, Checkpoints(tmp_path, model, adam, None, keep=2)

    return made


def weights(model: Any) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.trainable_variables]


def test_step_weights_and_state_come_back(make: Any) -> None:
    model, checkpoints = make()
    assert checkpoints.restore() == (0, {})
    saved = weights(model)
    checkpoints.save(7, STATE)
    model, checkpoints = make()
    for weight in model.trainable_variables:
        weight.assign(weight + 1.0)
    assert checkpoints.restore() == (7, STATE)
    for before, after in zip(saved, weights(model), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_checkpoint_from_before_there_was_a_state_gives_none(
    make: Any, tmp_path: Path
) -> None:
    checkpoints = make()[1]
    checkpoints.save(3, STATE)
    values = {key: value for key, value in _tensors(tmp_path).items() if key != "state"}
    old = tf.train.Checkpoint(**_nested(values))
    manager = tf.train.CheckpointManager(
        old, str(tmp_path), max_to_keep=1, checkpoint_name="model.ckpt"
    )
    manager.save(checkpoint_number=9)
    assert make()[1].restore() == (3, {})


def _tensors(folder: Path) -> dict[str, Any]:
    reader = tf.train.load_checkpoint(find_checkpoint(folder))
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    return {
        key.removesuffix(end): reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.endswith(end) and key != "save_counter" + end
    }


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """Variables in the dicts that the keys' parts name."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        *above, last = key.split("/")
        folder = found
        for name in above:
            folder = folder.setdefault(name, {})
        folder[last] = tf.Variable(value)
    return found


def test_weights_alone_have_no_state(make: Any, tmp_path: Path) -> None:
    model, _ = make()
    save_weights(tmp_path, model, 5, averaged=False)
    assert set(_tensors(tmp_path)) == {
        "step",
        *(f"weights/{part}/0" for part in ("embedding", "text_top", "label_top")),
        *(f"weights/{part}/1" for part in ("text_top", "label_top")),
        "weights/model/0",
    }
