"""The loop: stopped and resumed runs, signals, averages, what it reports."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.checkpoint import (
    Checkpoints,
    find_checkpoint,
    restore_weights,
)
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.ledger import NonFiniteLossError
from t2t_multimodel.training.loop import Loop, TrainResult
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy


class Bench:
    """Trains the stub model and keeps what one wants to look at afterwards."""

    def __init__(self, stub_model: Any, mixture: Any, streams: Any) -> None:
        self.parts = stub_model, mixture, streams
        self.console = Console(file=io.StringIO(), width=200)

    def train(
        self,
        output_dir: Path,
        callbacks: tuple[keras.callbacks.Callback, ...] = (),
        strategy: str = "one_device",
        **fields: Any,
    ) -> TrainResult:
        stub_model, mixture, streams = self.parts
        defaults = {"learning_rate": 0.01, "warmup_steps": 3, "log_steps": 4}
        config = TrainingConfig(**{**defaults, **fields})
        scope = make_strategy(strategy)
        with scope.scope():
            self.model = stub_model()
            weights = self.model.trainable_variables
            adam = Adam(weights, config)
            average = None
            if config.ema_decay:
                average = WeightAverage(weights, config.ema_decay, scope)
        return Loop(
            config=config,
            mixture=mixture,
            streams=streams,
            make_step=lambda specs: TrainStep(self.model, adam, scope, specs, 0),
            checkpoints=Checkpoints(output_dir, self.model, adam, average, keep=2),
            average=average,
            dev_losses=lambda: {"first": 1.5},
            progress=Progress(output_dir, config.train_steps, self.console),
            callbacks=keras.callbacks.CallbackList(list(callbacks), model=self.model),
        ).run(output_dir)

    @property
    def weights(self) -> list[np.ndarray]:
        return [weight.numpy() for weight in self.model.trainable_variables]

    @property
    def output(self) -> str:
        file = self.console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()


@pytest.fixture
def bench(stub_model: Any, mixture: Any, streams: Any) -> Bench:
    return Bench(stub_model, mixture, streams)


class Interrupt(keras.callbacks.Callback):
    """Sends this process a signal after a step."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__()
        self.at, self.number = step, number

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == self.at:
            os.kill(os.getpid(), self.number)


def checkpoint_tensors(output_dir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(output_dir)))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name
    }


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_resumed_run_ends_with_the_bits_of_an_unbroken_one(
    bench: Bench, tmp_path: Path, strategy: str
) -> None:
    fields: dict[str, Any] = {"strategy": strategy, "ema_decay": 0.9}
    bench.train(tmp_path / "whole", train_steps=19, **fields)
    bench.train(
        tmp_path / "parts",
        (Interrupt(7, signal.SIGTERM),),
        train_steps=19,
        **fields,
    )
    result = bench.train(tmp_path / "parts", train_steps=19, **fields)
    assert result.step == 19
    whole = checkpoint_tensors(tmp_path / "whole")
    parts = checkpoint_tensors(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert any(name.startswith("average") for name in whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parts[name], err_msg=name)


def test_batches_go_on_from_the_saved_positions_not_from_the_mixture(
    bench: Bench, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=7)
    opened = {}
    _, mixture, streams = bench.parts
    for name, stream in streams.items():
        dataset = stream.dataset

        def watched(
            first_batch: int = 0, name: str = name, dataset: Any = dataset
        ) -> tf.data.Dataset:
            opened[name] = first_batch
            return dataset(first_batch=first_batch)

        stream.dataset = watched
    mixture.counts_before = None  # is not asked
    bench.train(tmp_path, train_steps=8)
    assert opened == {"first": 3, "second": 2, "label": 2}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_step_saves_and_says_how_to_go_on(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    result = bench.train(
        tmp_path, (Interrupt(5, getattr(signal, name)),), train_steps=50
    )
    assert (result.step, result.stopped_by) == (5, name)
    assert f"Stopped by {name} and saved at step 5; the same command" in bench.output
    assert find_checkpoint(tmp_path).endswith("model.ckpt-5")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_finished_run_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    bench.train(tmp_path, train_steps=3)
    before = checkpoint_tensors(tmp_path)
    result = bench.train(tmp_path, train_steps=3)
    assert (result.step, result.stopped_by) == (3, None)
    assert "Already at step 3" in bench.output
    after = checkpoint_tensors(tmp_path)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_callback_can_stop_the_run(bench: Bench, tmp_path: Path) -> None:
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(logs["problem"])
            self.model.stop_training = batch == 3

    result = bench.train(tmp_path, (Watch(),), train_steps=50)
    assert seen == ["first", "second", "label", "first"]
    assert (result.step, result.stopped_by) == (4, "callback")


def test_the_loss_falls_and_every_problem_is_reported(
    bench: Bench, tmp_path: Path
) -> None:
    result = bench.train(
        tmp_path, train_steps=240, log_steps=30, learning_rate=0.1, eval_steps=100
    )
    lines = [line for line in bench.output.splitlines() if line.startswith("step")]
    assert lines[0].startswith("step 30/240 | ")
    assert "waiting for input" in lines[0]
    assert "loss: first " in lines[0]
    assert any(line == "step 100: dev loss: first 1.500" for line in lines)
    assert set(result.losses) == {"first", "second", "label"}
    assert result.losses["first"] < 1.5


def test_tensorboard_gets_scalars_of_every_problem(
    bench: Bench, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=6, log_steps=3, eval_steps=3)
    found: dict[str, set[tuple[str, int]]] = {"train": set(), "dev": set()}
    for part, seen in found.items():
        (file,) = (tmp_path / part).glob("events.*")
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            seen |= {(value.tag, event.step) for value in event.summary.value}
    assert {
        ("learning_rate", 6),
        *((f"{name}/loss", 3) for name in ("first", "second", "label")),
        ("label/tokens_per_second", 6),
        ("label/gradient_norm", 6),
        ("label/expert_balance", 6),
    } <= found["train"]
    assert ("first/loss", 3) in found["dev"]


def test_a_loss_that_is_no_number_stops_the_run_before_it_is_saved(
    bench: Bench, tmp_path: Path, streams: Any, batch: Any
) -> None:
    bench.train(tmp_path, train_steps=3)

    class Broken(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 4:
                self.model.label_top.bias.assign([float("nan")] * 3)

    with pytest.raises(NonFiniteLossError, match="Step 6, a batch of label: the loss"):
        bench.train(tmp_path, (Broken(),), train_steps=9, save_steps=1)
    assert find_checkpoint(tmp_path).endswith("model.ckpt-5")


def test_the_average_follows_the_weights_and_is_what_a_restored_model_gets(
    bench: Bench, stub_model: Any, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=8, ema_decay=0.5)
    initial = [weight.numpy() for weight in stub_model().trainable_variables]
    restored = stub_model()
    assert restore_weights(find_checkpoint(tmp_path), restored, averaged=True) == 8
    kept = 0.5**8
    for start, last, mean in zip(
        initial, bench.weights, restored.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(mean, last + kept * (start - last), atol=1e-6)
    plain = stub_model()
    restore_weights(find_checkpoint(tmp_path), plain, averaged=False)
    for last, weight in zip(bench.weights, plain.trainable_variables, strict=True):
        np.testing.assert_array_equal(last, weight)


def test_only_the_newest_checkpoints_stay_and_each_can_be_named(
    bench: Bench, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=7, save_steps=2)
    names = sorted(path.stem for path in tmp_path.glob("*.index"))
    assert names == ["model.ckpt-6", "model.ckpt-7"]
    assert find_checkpoint(tmp_path, "6").endswith("model.ckpt-6")
    with pytest.raises(ValueError, match=r"no checkpoint '3' in .*; there are: model"):
        find_checkpoint(tmp_path, "3")


def test_a_damaged_checkpoint_is_refused_in_one_line(
    bench: Bench, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=2)
    (data,) = tmp_path.glob("model.ckpt-2.data*")
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"model.ckpt-2 cannot be restored \(.*\)"):
        bench.train(tmp_path, train_steps=4)
