"""The realised mixture: what is counted, where it goes, and that it goes on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.ledger_file import read_ledger
from t2t_multimodel.training.mixing import MixtureChange
from t2t_multimodel.training.realised import Realised
from t2t_multimodel.training.step import StepResult
from t2t_multimodel.training.summaries import Summaries

CONTROL: Any = None


class Asked:
    """A mixture of two problems, three to one."""

    def __init__(self, change: MixtureChange | None = None) -> None:
        self.change = change

    def shares_at(self, step: int) -> Mapping[str, float]:
        return {"a": 0.75, "b": 0.25}


def entry(step: int, problem: str, loss: float = 1.0, weight: float = 10.0) -> Entry:
    result = StepResult(loss, weight, 0.0, 1.0, examples=4.0, padded=16.0)
    return Entry(step, problem, result, 0.5)


def realised(folder: Path, asked: Asked | None = None) -> tuple[Realised, list[Table]]:
    shown: list[Table] = []
    epochs = {"a": 2, "b": 4}
    made = Realised(folder, asked or Asked(), epochs, Summaries(folder), shown.append)
    return made, shown


def closed(step: int) -> Interval:
    return Interval(step, 1.0, 0.0, 0.1, {})


def test_an_interval_adds_up_each_problems_batches(tmp_path: Path) -> None:
    account, _ = realised(tmp_path)
    account.on_start(0, CONTROL)
    account.on_results([entry(1, "a", 1.0, 30.0)])
    account.on_results([entry(2, "b"), entry(3, "a", 5.0, 10.0)])
    account.on_results([entry(4, "a", float("nan"), 2.0)])
    account.on_saving(4)
    account.on_saving(4)  # nothing is new
    a = {"batches": 3, "examples": 12, "targets": 42, "padded_targets": 48}
    b = {"batches": 1, "examples": 4, "targets": 10, "padded_targets": 16}
    assert read_ledger(tmp_path) == [
        {
            "step": 4,
            "since": 0,
            "problems": {
                "a": {**a, "seconds": 1.5, "loss": 2.0, "epochs": 1.5},
                "b": {**b, "seconds": 0.5, "loss": 1.0, "epochs": 0.25},
            },
        }
    ]


def test_steps_that_a_roll_back_takes_again_count_once(tmp_path: Path) -> None:
    account, _ = realised(tmp_path)
    account.on_start(0, CONTROL)
    account.on_results([entry(step, "a") for step in (1, 2, 3, 4)])
    # Step 2 was not finite: the run goes on behind it, with what it read ahead.
    account.on_results([entry(3, "b"), entry(4, "b")])
    account.on_saving(4)
    account.on_results([entry(5, "a"), entry(6, "a")])
    account.on_saving(5)  # rolled back, and ended before step 6 came again
    lines = read_ledger(tmp_path)
    assert [(line["since"], line["step"]) for line in lines] == [(0, 4), (4, 5)]
    assert [total.batches for total in account.totals.values()] == [3, 2]


def test_totals_go_on_from_the_checkpoint(tmp_path: Path) -> None:
    account, _ = realised(tmp_path)
    account.on_start(0, CONTROL)
    for step, problem in enumerate("abaab", start=1):
        account.on_results([entry(step, problem, loss=step)])
        account.on_saving(step)
    again, shown = realised(tmp_path)
    again.on_start(3, CONTROL)  # the checkpoint of step 5 is lost
    again.on_results([entry(4, "b", loss=9.0)])
    again.on_saving(4)
    assert [line["step"] for line in read_ledger(tmp_path)] == [1, 2, 3, 4]
    assert [(total.batches, total.loss) for total in again.totals.values()] == [
        *((2, 3.0), (2, 9.0))
    ]
    again.on_end(4)
    console = Console(file=io.StringIO(), width=120)
    console.print(shown[0])
    assert isinstance(console.file, io.StringIO)
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert rows[0] == ["what", "each", "problem", "has", "had", "in", "4", "steps"]
    assert rows[2] == ["a", "2", "50.0%", "8", "1.00", "20", "38%", "1", "3.000"]
    assert rows[3] == ["b", "2", "50.0%", "8", "0.50", "20", "38%", "1", "9.000"]
    assert rows[4] == ["all", "4", "100.0%", "16", "40", "38%", "2"]


def test_a_change_of_the_mixture_is_a_line(tmp_path: Path) -> None:
    account, _ = realised(tmp_path, Asked(MixtureChange(7, "uniform", "a=3")))
    account.on_start(7, CONTROL)
    told = {"old": "uniform", "new": "a=3"}
    assert read_ledger(tmp_path) == [{"step": 7, "mixture": told}]


def test_a_ledger_that_ends_before_the_checkpoint_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account, _ = realised(tmp_path)
    account.on_start(0, CONTROL)
    account.on_results([entry(1, "a")])
    account.on_saving(1)
    account.on_start(9, CONTROL)
    assert caplog.messages == [
        "ledger.jsonl ends at step 1, but the checkpoint is of step 9: what lies "
        "between is not counted."
    ]


def test_tensorboard_gets_shares_and_totals_of_every_problem(tmp_path: Path) -> None:
    account, _ = realised(tmp_path)
    account.on_start(0, CONTROL)
    for step in (2, 4):
        account.on_results([entry(step - 1, "a"), entry(step, "ab"[step == 4])])
        account.on_interval(closed(step))
    (file,) = (tmp_path / "train").glob("events.*")
    found = {
        (value.tag, event.step): float(tf.make_ndarray(value.tensor))
        for record in tf.data.TFRecordDataset(str(file))
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
        for value in event.summary.value
    }
    expected = {
        ("a/share", 2): 1.0,
        ("b/share", 2): 0.0,
        ("a/share", 4): 0.5,
        ("a/share_asked", 4): 0.75,
        ("a/epochs", 4): 1.5,
        ("b/epochs", 4): 0.25,
        ("a/examples", 4): 12.0,
        ("a/targets", 4): 30.0,
        ("a/seconds", 4): 1.5,
    }
    assert {key: found[key] for key in expected} == expected
