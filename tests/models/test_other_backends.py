"""Under Keras's other backends the eight problems learn as under TensorFlow."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.models.task import Task, task_of
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy

PROGRAM = Path(__file__).parent / "backend_steps.py"
EIGHT = registry.group("mini_eight")
BACKENDS = ("jax", "torch")

Taken = dict[str, Any]


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [task_of(registry.problem(name)) for name in EIGHT]


@pytest.fixture(scope="module")
def here(tasks: list[Task], tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """What TensorFlow's steps find, the weights that they began with in `folder`."""
    folder = tmp_path_factory.mktemp("weights")
    program = runpy.run_path(str(PROGRAM))
    model = program["make_model"](tasks)
    weights = model.trainable_variables
    before = {f"{i} {w.path}": w.numpy() for i, w in enumerate(weights)}
    np.savez(folder / "weights.npz", **before)
    listed = [task.to_dict() for task in tasks]
    (folder / "tasks.json").write_text(json.dumps(listed), "utf-8")
    specs = {
        task.name: {
            key: tf.TensorSpec([None] * value.ndim, value.dtype)
            for key, value in program["make_batch"](task).items()
        }
        for task in tasks
    }
    adam = Adam(weights, program["TRAINING"])
    step = TrainStep(model, adam, make_strategy("one_device"), specs, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.random, "normal", program["waves"])
        return {"folder": folder, "steps": program["take_rounds"](step, tasks)}


@pytest.fixture(scope="module", params=BACKENDS)
def there(request: pytest.FixtureRequest) -> Taken:
    """What the same steps find under another backend."""
    backend = request.param
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folder = request.getfixturevalue("here")["folder"]
    environment = {
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        # Compiling takes nearly all the time.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Taken = json.loads((folder / "figures.json").read_text("utf-8"))
    assert found["backend"] == backend
    assert found["all_finite"]
    return found


@pytest.mark.parametrize("name", EIGHT)
def test_a_step_finds_what_tensorflow_finds(
    there: Taken, here: Taken, name: str
) -> None:
    first, expected = there["steps"][name][0], here["steps"][name][0]
    assert first == pytest.approx(expected, rel=3e-4)
    assert first["gradient_norm"] > 0
    assert first["balance"] > 0


@pytest.mark.parametrize("name", EIGHT)
def test_after_a_step_on_every_problem_the_loss_is_tensorflows(
    there: Taken, here: Taken, name: str
) -> None:
    first, second = there["steps"][name]
    expected = here["steps"][name][1]
    # Adam's first steps are as long for a gradient of rounding errors as for any.
    assert second == pytest.approx(expected, rel=5e-3)
    assert second["loss"] == pytest.approx(expected["loss"], rel=3e-4)
    assert second["loss"] < first["loss"]
