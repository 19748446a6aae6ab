"""The loop: stopped and resumed runs, signals, averages, what it reports."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.checkpoint import restore_weights
from t2t_multimodel.training.checkpoint_choice import find_checkpoint
from t2t_multimodel.training.listener import Control, Listener, Stop
from t2t_multimodel.training.step import StepResult, TrainStep
from t2t_multimodel.training.watching.non_finite import NonFiniteLossError


class Interrupt(keras.callbacks.Callback):
    """Sends this process a signal after a step."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__()
        self.at, self.number = step, number

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == self.at:
            # To this thread and at once: of two that wait only one would be seen.
            signal.raise_signal(self.number)


def checkpoint_tensors(output_dir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(output_dir)))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name
    }


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_resumed_run_ends_with_the_bits_of_an_unbroken_one(
    bench: Any, tmp_path: Path, strategy: str
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
    bench: Any, tmp_path: Path
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
    bench: Any, tmp_path: Path, name: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    result = bench.train(
        tmp_path, (Interrupt(5, getattr(signal, name)),), train_steps=50
    )
    assert (result.step, result.stopped_by) == (5, name)
    assert f"Stopped by {name} and saved at step 5; the same command" in bench.output
    assert find_checkpoint(tmp_path).endswith("model.ckpt-5")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_during_an_evaluation_ends_the_run_after_it(
    bench: Any, tmp_path: Path
) -> None:
    class Evaluated(Listener):
        every = 4

        def on_turn(self, step: int) -> None:
            signal.raise_signal(signal.SIGTERM)

    result = bench.train(tmp_path, listeners=(Evaluated(),), train_steps=50)
    assert (result.step, result.stopped_by) == (4, "SIGTERM")
    assert find_checkpoint(tmp_path).endswith("model.ckpt-4")


def test_a_second_signal_ends_a_run_at_once_and_what_was_saved_is_whole(
    bench: Any, tmp_path: Path
) -> None:
    twice = (Interrupt(6, signal.SIGINT), Interrupt(6, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        bench.train(tmp_path / "parts", twice, train_steps=9, save_steps=5)
    assert find_checkpoint(tmp_path / "parts").endswith("model.ckpt-5")
    bench.train(tmp_path / "parts", train_steps=9, save_steps=5)
    bench.train(tmp_path / "whole", train_steps=9)
    whole = checkpoint_tensors(tmp_path / "whole")
    parts = checkpoint_tensors(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parts[name], err_msg=name)


def test_a_finished_run_is_left_alone(bench: Any, tmp_path: Path) -> None:
    bench.train(tmp_path, train_steps=3)
    before = checkpoint_tensors(tmp_path)
    result = bench.train(tmp_path, train_steps=3)
    assert (result.step, result.stopped_by) == (3, None)
    assert "Already at step 3" in bench.output
    after = checkpoint_tensors(tmp_path)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_callback_can_stop_the_run(bench: Any, tmp_path: Path) -> None:
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(logs["problem"])
            self.model.stop_training = batch == 3

    result = bench.train(tmp_path, (Watch(),), train_steps=50)
    assert seen == ["first", "second", "label", "first"]
    assert (result.step, result.stopped_by) == (4, "callback")


def test_the_loss_falls_and_every_problem_is_reported(
    bench: Any, tmp_path: Path
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


def test_tensorboard_gets_scalars_of_every_problem(bench: Any, tmp_path: Path) -> None:
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
    bench: Any, tmp_path: Path, streams: Any, batch: Any
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
    bench: Any, stub_model: Any, tmp_path: Path
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
    bench: Any, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=7, save_steps=2)
    names = sorted(path.stem for path in tmp_path.glob("*.index"))
    assert names == ["model.ckpt-6", "model.ckpt-7"]
    assert find_checkpoint(tmp_path, "6").endswith("model.ckpt-6")
    with pytest.raises(ValueError, match=r"no checkpoint '3' in .*; there are: model"):
        find_checkpoint(tmp_path, "3")


def test_a_run_whose_every_checkpoint_is_damaged_is_refused_in_one_line(
    bench: Any, tmp_path: Path
) -> None:
    bench.train(tmp_path, train_steps=2)
    (data,) = tmp_path.glob("model.ckpt-2.data*")
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"ckpt-2.data\S+ has 100 bytes, not"):
        bench.train(tmp_path, train_steps=4)


class Diary(Listener):
    """Writes down all that it hears, and asks to stop if told so."""

    every = 4

    def __init__(self, stop_at: int = -1) -> None:
        self.heard: list[Any] = []
        self.unread: list[Any] = []
        self.stop_at = stop_at

    def on_start(self, step: int, control: Control) -> None:
        self.control = control
        self.heard.append(("start", step))

    def on_batch(self, step: int, problem: str) -> None:
        self.heard.append(("batch", step, problem))

    def on_step(self, entry: Any) -> None:
        self.heard.append(("step", entry.step))
        self.unread.append(entry.result.loss)
        if entry.step == self.stop_at:
            self.control.stop(Stop("diary", "turn the page"))

    def on_results(self, entries: Any) -> None:
        assert all(isinstance(entry.result.loss, float) for entry in entries)
        self.heard += [("result", entry.step) for entry in entries]

    def on_interval(self, interval: Any) -> None:
        self.heard.append(("interval", interval.step))

    def on_turn(self, step: int) -> None:
        self.heard.append(("turn", step))
        self.control.dev_begins(step)
        self.control.dev_ends(step, {"first/loss": 2.0})

    def on_dev_begin(self, step: int) -> None:
        self.heard.append(("dev begins", step))

    def on_dev(self, step: int, scores: Any) -> None:
        self.heard.append(("dev", step, dict(scores)))

    def on_save(self, step: int, path: str) -> None:
        assert path.endswith(f"model.ckpt-{step}")
        self.heard.append(("save", step))

    def on_end(self, step: int) -> None:
        self.heard.append(("end", step))


def test_listeners_hear_everything_once_and_in_order(
    bench: Any, tmp_path: Path
) -> None:
    diary = Diary()
    bench.train(tmp_path, listeners=(diary,), train_steps=5, log_steps=2, save_steps=4)
    problems = ("first", "second", "label")
    steps = {
        n: [("batch", n - 1, problems[(n - 1) % 3]), ("step", n)] for n in range(1, 6)
    }
    assert diary.heard == [
        ("start", 0),
        *(*steps[1], *steps[2]),
        *(("result", 1), ("result", 2), ("interval", 2)),
        *(*steps[3], *steps[4]),
        *(("result", 3), ("result", 4), ("interval", 4)),
        *(("turn", 4), ("dev begins", 4), ("dev", 4, {"first/loss": 2.0})),
        ("save", 4),
        *(*steps[5], ("result", 5), ("interval", 5), ("save", 5), ("end", 5)),
    ]
    assert all(tf.is_tensor(loss) for loss in diary.unread)


def test_a_listener_can_stop_the_run_with_a_reason(bench: Any, tmp_path: Path) -> None:
    diary = Diary(stop_at=3)
    result = bench.train(tmp_path, listeners=(diary,), train_steps=9)
    assert (result.step, result.stopped_by) == (3, "diary")
    assert "Stopped by diary and saved at step 3; turn the page." in bench.output
    assert diary.heard[-2:] == [("save", 3), ("end", 3)]


def test_keras_callbacks_are_told_of_steps_evaluations_and_epochs(
    bench: Any, tmp_path: Path
) -> None:
    told: list[Any] = []

    class Told(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            told.append("train begin")

        def on_train_end(self, logs: Any = None) -> None:
            told.append("train end")

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            told.append(("batch begin", batch, logs))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append(("batch end", batch, sorted(logs)))

        def on_test_begin(self, logs: Any = None) -> None:
            told.append("test begin")

        def on_test_end(self, logs: Any = None) -> None:
            told.append(("test end", logs))

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            told.append(("epoch begin", epoch))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            told.append(("epoch end", epoch, sorted(logs)))

    bench.train(tmp_path, (Told(),), train_steps=3, eval_steps=2, log_steps=1)
    logs = ["gradient_norm", "loss", "problem"]
    assert told == [
        *("train begin", ("epoch begin", 0)),
        ("batch begin", 0, {"problem": "first"}),
        ("batch end", 0, logs),
        ("batch begin", 1, {"problem": "second"}),
        ("batch end", 1, logs),
        *("test begin", ("test end", {"first/loss": 1.5})),
        ("epoch end", 0, ["first/loss", "second/loss", "val_first/loss"]),
        ("epoch begin", 1),
        ("batch begin", 2, {"problem": "label"}),
        ("batch end", 2, logs),
        "train end",
    ]


def test_keras_early_stopping_stops_a_run(bench: Any, tmp_path: Path) -> None:
    early = keras.callbacks.EarlyStopping("val_first/loss", patience=2, mode="min")
    result = bench.train(tmp_path, (early,), train_steps=30, eval_steps=3, log_steps=3)
    assert (result.step, result.stopped_by) == (9, "callback")


def test_only_callbacks_that_look_at_steps_make_them_wait(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    class Result(StepResult):
        def __getattribute__(self, name: str) -> Any:
            if name == "loss":
                reads.append(name)
            return super().__getattribute__(name)

    call = TrainStep.__call__
    monkeypatch.setattr(TrainStep, "__call__", lambda *a: Result(*call(*a)))
    quiet = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: None)
    bench.train(tmp_path / "quiet", (quiet,), train_steps=4)
    assert not reads
    nosy = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    bench.train(tmp_path / "nosy", (nosy,), train_steps=4)
    assert len(reads) == 4


class Counter(Listener):
    """Counts the steps of the whole run."""

    name = "counter"

    def __init__(self) -> None:
        self.count = 0

    def on_step(self, entry: Any) -> None:
        self.count += 1

    def state(self) -> dict[str, int]:
        return {"count": self.count}

    def set_state(self, state: Any) -> None:
        self.count = state["count"]


def test_a_listeners_state_goes_on_with_the_run(bench: Any, tmp_path: Path) -> None:
    bench.train(tmp_path, listeners=(Counter(),), train_steps=3)
    counter = Counter()
    bench.train(tmp_path, listeners=(counter,), train_steps=5)
    assert counter.count == 5
    late = Counter()
    bench.train(tmp_path / "late", train_steps=3)
    bench.train(tmp_path / "late", listeners=(late,), train_steps=5)
    assert late.count == 2
