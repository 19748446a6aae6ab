"""What a run shows: one line an interval, or a table that stays in place."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from t2t_multimodel.training.ledger import Interval, Ledger, ProblemInterval
from t2t_multimodel.training.listener import Control
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.step import StepResult
from t2t_multimodel.training.summaries import Summaries


def shown(tmp_path: Path, is_terminal: bool, dropped: float | None = None) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
    problem = ProblemInterval(4, 1.25, 1500.0, 0.0, 1.0)
    interval = Interval(20, 2.0, 0.25, 0.001, {"parse": problem}, dropped)
    with Progress(Summaries(tmp_path), 100, console) as progress:
        progress.on_interval(interval)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_elsewhere_an_interval_is_one_line(tmp_path: Path) -> None:
    assert shown(tmp_path, is_terminal=False) == [
        "step 20/100 | 2.00 steps/s | waiting for input 25% | left 0:40 | "
        "loss: parse 1.250"
    ]


def test_the_line_tells_what_experts_with_a_capacity_dropped(tmp_path: Path) -> None:
    (line,) = shown(tmp_path, is_terminal=False, dropped=0.031)
    assert "waiting for input 25% | experts dropped 3.1% | left 0:40" in line


def test_a_terminal_gets_a_bar_a_headline_and_a_row_for_each_problem(
    tmp_path: Path,
) -> None:
    lines = shown(tmp_path, is_terminal=True)
    assert any(line.startswith("step 20/100 | 2.00 steps/s") for line in lines)
    assert any(line.split()[:3] == ["parse", "1.250", "1,500"] for line in lines)


def test_the_curves_of_a_run_that_goes_on_go_on_where_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    summaries, control = Summaries(tmp_path), cast(Control, None)
    monkeypatch.setattr(summaries, "go_on", forgotten.append)
    for step in (0, 20):
        Progress(summaries, 100, Console(file=io.StringIO())).on_start(step, control)
    assert forgotten == [20]


def test_a_table_in_a_file_is_as_wide_as_it_has_to_be(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=30)
    table = Table("problem", "long", "longer", box=None)
    table.add_row("translate_ende_mini", "1,000,000", "2,000,000")
    Progress(Summaries(tmp_path), 100, console).show(table)
    assert isinstance(console.file, io.StringIO)
    row = console.file.getvalue().splitlines()[1].split()
    assert row == ["translate_ende_mini", "1,000,000", "2,000,000"]


def test_an_interval_weighs_losses_by_their_targets() -> None:
    ledger = Ledger(step=7)
    for loss, weight in ((1.0, 30.0), (5.0, 10.0)):
        ledger.lap()
        ledger.add(["a"], [StepResult(loss, weight, 0.5, 2.0)], 0.1)
    interval = ledger.close(seconds_waited=0.0)
    assert (interval.step, interval.learning_rate) == (9, 0.1)
    assert (interval.problems["a"].loss, interval.problems["a"].batches) == (2.0, 2)
    assert len(ledger) == 0


def test_the_dropped_share_is_that_of_finite_batches_of_all_layers() -> None:
    ledger = Ledger(0)
    for loss, dropped in ((1.0, [3.0, 1.0]), (1.0, [0.0, 0.0]), (float("nan"), [9, 9])):
        loads = np.full((2, 4), 10.0)
        result = StepResult(loss, 1.0, 0.0, 1.0, loads=loads, dropped=np.array(dropped))
        ledger.lap()
        ledger.add(["a"], [result], 0.1)
    # 4 of the 2 * 80 choices.
    assert ledger.close(0.0).dropped_share == pytest.approx(4 / 160)
    ledger.lap()
    ledger.add(["a"], [StepResult(1.0, 1.0, 0.0, 1.0)], 0.1)
    assert ledger.close(0.0).dropped_share is None
