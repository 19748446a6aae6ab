"""Checkpoints of the stub model: what comes back, whatever happens to the files."""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training import checkpoint as module
from t2t_multimodel.training.checkpoint import (
    Checkpoints,
    restore_weights,
    save_weights,
)
from t2t_multimodel.training.checkpoint_choice import find_checkpoint
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam

STATE = {"positions": {"first": 3, "ünïcode": 10**12}, "ledger": [0.1, None, "x"]}


class Run:
    """The stub model at known weights, and its checkpoints in a folder."""

    def __init__(self, stub_model: Any, folder: Path, keep: int = 2) -> None:
        self.model = stub_model()
        self.adam = Adam(self.model.trainable_variables, TrainingConfig())
        self.checkpoints = Checkpoints(folder, self.model, self.adam, None, keep)

    def save(self, step: int) -> None:
        """Saves with all weights and moments equal to the step."""
        self.fill(step)
        self.checkpoints.save(step, {"at": step})
        self.checkpoints.wait()

    def fill(self, value: float) -> None:
        for weight in (*self.model.trainable_variables, *self.adam.mean):
            weight.assign(np.full(weight.shape, value))

    def check(self, value: float) -> None:
        for weight in (*self.model.trainable_variables, *self.adam.mean):
            np.testing.assert_array_equal(weight, np.full(weight.shape, value))


@pytest.fixture
def make(stub_model: Any, tmp_path: Path) -> Callable[..., Run]:
    return lambda folder=tmp_path, keep=2: Run(stub_model, folder, keep)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files(*steps: int) -> list[str]:
    """The names of whole checkpoints, and of TensorFlow's list of them."""
    ends = ("data-00000-of-00001", "index", "manifest.json")
    return [
        "checkpoint",
        *(f"model.ckpt-{step}.{end}" for step in steps for end in ends),
    ]


def test_step_weights_moments_and_state_come_back(make: Any) -> None:
    assert make().checkpoints.restore() == (0, {})
    run = make()
    run.fill(3.5)
    run.checkpoints.save(7, STATE)
    run.checkpoints.wait()
    other = make()
    assert other.checkpoints.restore() == (7, STATE)
    other.check(3.5)


def test_what_is_written_is_what_was_there_when_save_was_called(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, is_changed = make(), threading.Event()
    write = module.write_tensors

    def late(path: str, tensors: Any) -> None:
        assert is_changed.wait(10)
        write(path, tensors)

    monkeypatch.setattr(module, "write_tensors", late)
    run.fill(1.0)
    run.checkpoints.save(1, {})
    assert not list(tmp_path.glob("*.index"))  # save has returned all the same
    for weight in run.model.trainable_variables:
        weight.assign_add(tf.ones(weight.shape))
    is_changed.set()
    run.checkpoints.wait()
    other = make()
    assert other.checkpoints.restore()[0] == 1
    other.check(1.0)


def test_a_checkpoint_from_before_state_and_manifests_is_restored(
    make: Any, tmp_path: Path
) -> None:
    make().save(3)
    values = {key: value for key, value in _tensors(tmp_path).items() if key != "state"}
    old = tf.train.Checkpoint(**_nested(values))
    manager = tf.train.CheckpointManager(
        old, str(tmp_path), max_to_keep=1, checkpoint_name="model.ckpt"
    )
    manager.save(checkpoint_number=9)
    run = make()
    assert run.checkpoints.restore() == (3, {})
    run.check(3.0)


def _tensors(folder: Path) -> dict[str, Any]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    return {
        key.removesuffix(end): reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
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


@pytest.mark.parametrize("averaged", [False, True])
def test_weights_alone_have_no_moments_and_no_state(
    make: Any, tmp_path: Path, averaged: bool
) -> None:
    run = make()
    run.fill(2.0)
    path = save_weights(tmp_path, run.model, 5, averaged)
    kinds = {key.partition("/")[0] for key in _tensors(tmp_path)}
    assert kinds == {"step", "weights"} | ({"average"} if averaged else set())
    run.fill(0.0)
    assert restore_weights(path, run.model, averaged) == 5
    for weight in run.model.trainable_variables:
        np.testing.assert_array_equal(weight, np.full(weight.shape, 2.0))


def test_another_model_is_refused_and_changes_nothing(
    make: Any, tmp_path: Path
) -> None:
    make().save(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(11, name="text_top"),  # like the one saved
            layers.Dense(2, name="other"),
        ]
    )
    before = model.layers[0].kernel.numpy()
    path = str(tmp_path / "model.ckpt-1")
    with pytest.raises(ValueError, match=r"another model: nothing as weights/other/0"):
        restore_weights(path, model, averaged=False)
    np.testing.assert_array_equal(model.layers[0].kernel, before)
    model.layers[1].name = "label_top"
    with pytest.raises(ValueError, match=r"shape \(4, 3\) as .*, not shape \(11, 2\)"):
        restore_weights(path, model, averaged=False)


class Killed(BaseException):
    """Stands for SIGKILL: nothing that catches errors catches it."""


def test_killed_between_any_two_files_a_save_is_whole_or_not_there(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    run = make(before)
    run.save(2)
    run.save(4)
    found, number = [], 0
    while not found or found[-1] != "done":
        folder = tmp_path / str(number)
        shutil.copytree(before, folder)
        run = make(folder)
        with monkeypatch.context() as patch:
            _kill_after(number, patch)
            try:
                run.save(6)
                found.append("done")
            except Killed:
                found.append("killed")
        run = make(folder)
        step, state = run.checkpoints.restore()
        assert (step, state) in [(4, {"at": 4}), (6, {"at": 6})]
        run.check(step)
        newest = tf.train.latest_checkpoint(str(folder))
        assert newest == str(folder / f"model.ckpt-{step}") == find_checkpoint(folder)
        run.save(8)
        unmoved = {f"model.ckpt-{step}.manifest.json"}
        assert set(files(step, 8)) - set(names(folder)) <= unmoved
        assert set(names(folder)) <= set(files(step, 8))
        number += 1
    assert len(found) > 15
    assert not caplog.records  # a kill is no damage


def _kill_after(operations: int, patch: pytest.MonkeyPatch) -> None:
    """Lets only so many changes of files happen."""
    left = [operations]

    def counted(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*args, **kwargs)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir", "write_text"):
        patch.setattr(Path, name, counted(getattr(Path, name)))
    patch.setattr(os, "fsync", counted(os.fsync))
    patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    patch.setattr(module, "write_tensors", counted(module.write_tensors))


SAVE_WITHOUT_END = """
import itertools, pathlib, sys
from tests.training.conftest import StubModel
from tests.training.test_checkpoint import Run

run = Run(StubModel, pathlib.Path(sys.argv[1]))
for step in itertools.count(1):
    run.fill(step)
    run.checkpoints.save(step, {"at": step})
    print(step, flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(
    make: Any, tmp_path: Path, caplog: Any
) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SAVE_WITHOUT_END, str(tmp_path)]
    path = os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))
    with subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 10:
                process.kill()
    begun = int(line)  # it went on until the signal came
    assert process.returncode == -signal.SIGKILL
    run = make()
    step, state = run.checkpoints.restore()
    assert begun - 1 <= step <= begun + 1 and state == {"at": step}
    run.check(step)
    assert not caplog.records


def test_what_a_killed_write_left_is_removed(make: Any, tmp_path: Path) -> None:
    make().save(2)
    (tmp_path / ".saving").mkdir()
    (tmp_path / ".saving" / "model.ckpt-4.index.tempstate1").write_bytes(b"x")
    (tmp_path / "model.ckpt-4_temp").mkdir()
    (tmp_path / "model.ckpt-4.data-00000-of-00001").write_bytes(b"x")
    assert make().checkpoints.restore()[0] == 2
    assert names(tmp_path) == files(2)


ENDS = ("data-00000-of-00001", "index", "manifest.json")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(
    make: Any, tmp_path: Path, caplog: Any, damage: str, end: str
) -> None:
    run = make()
    run.save(2)
    run.save(4)
    file = tmp_path / f"model.ckpt-4.{end}"
    content = bytearray(file.read_bytes())
    chance = random.Random(f"{damage} {end}")
    if damage == "flip":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
    elif damage == "cut":
        file.write_bytes(content[: chance.randrange(len(content))])
    else:
        file.unlink()
    run = make()
    if (damage, end) == ("delete", "manifest.json"):
        # TensorFlow's own checksums stand for it.
        assert run.checkpoints.restore() == (4, {"at": 4})
        run.check(4.0)
        assert not caplog.records
        return
    assert find_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-2")
    with pytest.raises(ValueError, match=rf"ckpt-4 is damaged \(model.ckpt-4.{end}"):
        find_checkpoint(tmp_path, "4")
    assert run.checkpoints.restore() == (2, {"at": 2})
    run.check(2.0)
    told, moved = (record.getMessage() for record in caplog.records)
    assert f"model.ckpt-4 is damaged (model.ckpt-4.{end} " in told
    assert told.endswith("taking model.ckpt-2, which is from before.")
    assert moved.endswith("damaged; going on from model.ckpt-2.")
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-2")
    caplog.clear()
    assert make().checkpoints.restore()[0] == 2
    assert not caplog.records  # told once


def test_where_all_are_damaged_one_error_names_them(make: Any, tmp_path: Path) -> None:
    run = make()
    for step in (2, 4):
        run.save(step)
        (tmp_path / f"model.ckpt-{step}.index").write_bytes(b"")
    for restore in (make().checkpoints.restore, lambda: find_checkpoint(tmp_path)):
        with pytest.raises(
            ValueError, match=r"every checkpoint in .* is damaged \("
        ) as e:
            restore()
        assert "model.ckpt-4: model.ckpt-4.index has 0 bytes, not" in str(e.value)
        assert "model.ckpt-2: model.ckpt-2.index has 0 bytes, not" in str(e.value)
    assert len(names(tmp_path)) == len(files(2, 4))  # nothing was moved or deleted


def test_a_full_disk_is_one_error_and_what_was_there_remains(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make()
    run.save(2)

    def full(path: str, tensors: Any) -> None:
        Path(f"{path}.index.tempstate").write_bytes(b"x")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left; No space")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_tensors", full)
        run.checkpoints.save(4, {})
        with pytest.raises(
            OSError, match=r"step 4 could not be written into .*: No sp"
        ):
            run.checkpoints.wait()
    assert names(tmp_path) == files(2)

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        run.checkpoints.save(4, {})
        with pytest.raises(OSError, match=r"step 4 could not be .*: .*No space left"):
            run.checkpoints.save(6, {})  # it is told at the next call at the latest
    run.save(8)
    assert make().checkpoints.restore() == (8, {"at": 8})


def test_an_error_that_ends_training_is_not_hidden_by_one_of_saving(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    run = make()

    def fails(path: str, tensors: Any) -> None:
        raise tf.errors.DataLossError(None, None, "no disk")

    monkeypatch.setattr(module, "write_tensors", fails)
    with pytest.raises(ZeroDivisionError), run.checkpoints:
        run.checkpoints.save(1, {})
        raise ZeroDivisionError
    with pytest.raises(OSError, match="no disk"), run.checkpoints:
        run.checkpoints.save(1, {})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
