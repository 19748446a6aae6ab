"""Steps that are not finite: stopped at, skipped, rolled back, always the same way."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from t2t_multimodel.training.watching.non_finite import FILE, NonFiniteLossError


class Kill(keras.callbacks.Callback):
    """Ends the run as SIGTERM does, after a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.at = step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == self.at:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def poison(bench: Any, stub_stream: Any) -> Any:
    def poison(problem: str, *batches: int) -> None:
        bench.other_streams = {problem: stub_stream(problem, batches)}

    return poison


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_stop_names_step_problem_bucket_records_and_the_last_checkpoint(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    poison("label", 2)  # step 9
    with pytest.raises(NonFiniteLossError) as caught:
        bench.train(tmp_path, train_steps=30, save_steps=5, log_steps=7)
    line = str(caught.value)
    assert line.startswith(
        "Step 9, a batch of label: the loss is nan, the gradient's norm nan. It holds "
        "2 examples padded to 8 inputs and 5 targets; records "
        "label-00000-of-00001: 2, 3 (nonfinite.jsonl has all)."
    )
    assert f"the last checkpoint, {tmp_path / 'model.ckpt-5'}, is from before" in line
    assert (tmp_path / "model.ckpt-5.index").exists()
    (noted,) = (tmp_path / FILE).read_text().splitlines()
    assert json.loads(noted)["records"] == {"label-00000-of-00001": [2, 3]}
    assert (json.loads(noted)["step"], json.loads(noted)["batch"]) == (9, 2)
    # The same command comes to the same place and says the same.
    with pytest.raises(NonFiniteLossError, match="Step 9, a batch of label"):
        bench.train(tmp_path, train_steps=30, save_steps=5, log_steps=7)


def test_a_skipped_step_is_as_one_that_has_not_been(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    # Constant rate: what differs is the update of step 4 and nothing else.
    fields: dict[str, Any] = {"schedule": "constant", "warmup_steps": 0}
    poison("first", 1)  # step 4
    bench.train(tmp_path / "a", train_steps=3, **fields)
    before = bench.saved(tmp_path / "a")
    bench.train(tmp_path / "a", train_steps=4, on_nonfinite="skip", **fields)
    after = bench.saved(tmp_path / "a")
    for name in before.keys() - {"state", "step"}:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    assert "Skipped, the 1. of this problem." in bench.output
    assert int(after["step"]) == 4


@pytest.mark.parametrize("policy", ["skip", "roll_back"])
@pytest.mark.parametrize("ends", [[7], [3, 11], [10, 11, 12]])
def test_a_run_with_such_steps_that_was_ended_ends_with_the_bits_of_an_unbroken_one(
    bench: Any, poison: Any, tmp_path: Path, policy: str, ends: list[int]
) -> None:
    poison("first", 3, 4)  # steps 10 and 13
    fields: dict[str, Any] = {
        "train_steps": 19,
        "save_steps": 4,
        "log_steps": 5,
        "on_nonfinite": policy,
        "ema_decay": 0.9,
    }
    bench.train(tmp_path / "whole", **fields)
    for end in ends:
        bench.train(tmp_path / "parts", (Kill(end),), **fields)
    bench.train(tmp_path / "parts", **fields)
    assert_equal(bench.saved(tmp_path / "whole"), bench.saved(tmp_path / "parts"))


def test_rolling_back_gives_up_all_since_the_checkpoint_and_the_batch(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"save_steps": 4, "log_steps": 50}
    poison("first", 2)  # step 7
    bench.train(tmp_path / "a", train_steps=4, **fields)
    at_four = bench.saved(tmp_path / "a")
    result = bench.train(
        tmp_path / "a", train_steps=7, on_nonfinite="roll_back", **fields
    )
    at_seven = bench.saved(tmp_path / "a")
    assert result.step == int(at_seven["step"]) == 7
    for name in at_four.keys() - {"state", "step"}:
        np.testing.assert_array_equal(at_four[name], at_seven[name], err_msg=name)
    state = json.loads(at_seven["state"])
    assert state["positions"] == {"first": 3, "second": 2, "label": 2}
    assert state["nonfinite"]["rolled_back"] == 1
    assert "The weights are those of step 4; going on behind step 7." in bench.output


def test_a_run_without_a_checkpoint_is_rolled_back_to_its_start(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    poison("label", 0)  # step 3
    bench.train(tmp_path, train_steps=3, on_nonfinite="roll_back")
    start = [weight.numpy() for weight in bench.parts[0]().trainable_variables]
    for old, weight in zip(start, bench.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


def test_skips_in_a_row_have_a_limit_that_others_between_them_do_not_hide(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    poison("second", *range(3, 99))
    fields: dict[str, Any] = {"nonfinite_limit": 2, "log_steps": 2, "save_steps": 4}
    with pytest.raises(
        NonFiniteLossError, match="3 batches of second in a row, and nonfinite_limit"
    ):
        bench.train(tmp_path, train_steps=99, on_nonfinite="skip", **fields)
    assert "Skipped, the 2." in bench.output
    assert "Skipped, the 3." not in bench.output


def test_roll_backs_have_a_limit_that_going_on_does_not_reset(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    poison("label", 1, 2, 3)
    fields: dict[str, Any] = {"nonfinite_limit": 2, "log_steps": 2, "save_steps": 50}
    with pytest.raises(NonFiniteLossError, match="was rolled back 2 times, which is"):
        bench.train(tmp_path, train_steps=99, on_nonfinite="roll_back", **fields)


def test_what_is_skipped_is_counted_apart_from_the_losses(
    bench: Any, poison: Any, tmp_path: Path
) -> None:
    poison("label", 0, 1)
    result = bench.train(tmp_path, train_steps=9, log_steps=9, on_nonfinite="skip")
    assert set(result.losses) == {"first", "second", "label"}
    assert all(np.isfinite(loss) for loss in result.losses.values())
    state = json.loads(bench.saved(tmp_path)["state"])
    assert state["nonfinite"]["skipped"] == {"label": 2}
    assert state["nonfinite"]["in_a_row"] == {}
