"""The mixture as it came out: what each problem has had of a run, and what it cost.

It stands in `ledger.jsonl` (see `ledger_file.py`), in TensorBoard, and in a table when
the run ends. All of it counts the whole run, however often it was stopped or killed.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich.table import Table

from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.ledger_file import NAME, LedgerFile
from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.mixing import MixtureChange
from t2t_multimodel.training.summaries import Summaries

_log = logging.getLogger(__name__)


class AskedMixture(Protocol):
    """What is needed of `mixing.RunMixture`."""

    change: MixtureChange | None

    def shares_at(self, step: int) -> Mapping[str, float]:
        """The share of the batches that each problem is to have at a step."""


@dataclasses.dataclass
class Amounts:
    """What a problem had.

    Attributes:
        batches: How many.
        examples: How many; a second time in a second epoch.
        targets: Tokens or labels that were learnt.
        padded_targets: The same with the padding that was computed beside them.
        seconds: From the end of the batch before to the end of each of its batches.
        loss: Mean of a target, of the last interval that had a finite one.
    """

    batches: int = 0
    examples: int = 0
    targets: int = 0
    padded_targets: int = 0
    seconds: float = 0.0
    loss: float | None = None

    def add(self, other: Amounts) -> None:
        """Adds a later interval's."""
        for field in ("batches", "examples", "targets", "padded_targets", "seconds"):
            setattr(self, field, getattr(self, field) + getattr(other, field))
        self.loss = self.loss if other.loss is None else other.loss


class Realised(Listener):
    """Keeps the account of a run.

    Args:
        output_dir: The run's folder.
        mixture: The one asked for, which is told of everything before this is.
        batches_per_epoch: Of each problem.
        summaries: The run's.
        show: Shows the table at the end.
    """

    def __init__(
        self,
        output_dir: Path,
        mixture: AskedMixture,
        batches_per_epoch: Mapping[str, int],
        summaries: Summaries,
        show: Callable[[Table], None],
    ) -> None:
        self._file = LedgerFile(output_dir)
        self._mixture = mixture
        self._batches_per_epoch = batches_per_epoch
        self._summaries = summaries
        self._show = show
        self.totals = {name: Amounts() for name in batches_per_epoch}

    def on_start(self, step: int, control: Control) -> None:
        """Takes the account up where the checkpoint stands.

        Raises:
            ValueError: A line of the ledger is damaged.
        """
        self.totals = {name: Amounts() for name in self._batches_per_epoch}
        self._since = step
        lines = self._file.go_back(step)
        for line in lines:
            for name, amounts in line.get("problems", {}).items():
                known = {k: v for k, v in amounts.items() if k != "epochs"}
                self.totals[name].add(Amounts(**known))
        if lines and lines[-1]["step"] < step:
            _log.warning(
                "%s ends at step %d, but the checkpoint is of step %d: what lies "
                "between is not counted.",
                NAME,
                lines[-1]["step"],
                step,
            )
        self._shown = self._batches()
        self._fresh: list[Entry] = []
        change = self._mixture.change
        if change is not None:
            told = {"old": change.old, "new": change.new}
            self._file.append({"step": change.step, "mixture": told})

    def on_results(self, entries: Sequence[Entry]) -> None:
        if entries:
            # A run that was rolled back takes some of the steps just read again.
            first = entries[0].step
            self._fresh = [entry for entry in self._fresh if entry.step < first]
            self._fresh += entries

    def on_interval(self, interval: Interval) -> None:
        """Writes a line, and how far each problem is for TensorBoard."""
        self._write(interval.step)
        batches, asked = self._batches(), self._mixture.shares_at(interval.step - 1)
        had = {name: batches[name] - self._shown[name] for name in batches}
        self._shown = batches
        scalars = {}
        for name, total in self.totals.items():
            scalars[f"{name}/share"] = had[name] / max(1, sum(had.values()))
            scalars[f"{name}/share_asked"] = asked[name]
            scalars[f"{name}/epochs"] = self._epochs(name)
            scalars[f"{name}/examples"] = total.examples
            scalars[f"{name}/targets"] = total.targets
            scalars[f"{name}/seconds"] = total.seconds
        self._summaries.scalars("train", interval.step, scalars)

    def on_saving(self, step: int) -> None:
        """Writes a line: what the checkpoint has seen must be in the file."""
        self._write(step)

    def on_end(self, step: int) -> None:
        """Shows the whole run's table."""
        self._show(self.table(step))

    def table(self, step: int) -> Table:
        """What each problem has had, a row each."""
        table = Table(title=f"what each problem has had in {step:,} steps", box=None)
        table.add_column("problem", overflow="fold")
        for column in (
            *("batches", "share", "examples", "epochs", "targets", "padding"),
            *("seconds", "loss"),
        ):
            table.add_column(column, justify="right")
        whole = Amounts()
        for total in self.totals.values():
            whole.add(total)
        for name, total in self.totals.items():
            loss = "" if total.loss is None else f"{total.loss:.3f}"
            table.add_row(
                name, *_cells(total, whole.batches, f"{self._epochs(name):.2f}"), loss
            )
        table.add_row("all", *_cells(whole, whole.batches, ""), "")
        return table

    def _write(self, step: int) -> None:
        """A line of the steps since the last one, if there were any."""
        by_problem: dict[str, list[Entry]] = {}
        for entry in self._fresh:
            if entry.step <= step:
                by_problem.setdefault(entry.problem, []).append(entry)
        problems = {}
        for name, entries in by_problem.items():
            amounts = _amounts(entries)
            self.totals[name].add(amounts)
            epochs = round(self._epochs(name), 6)
            problems[name] = {**dataclasses.asdict(amounts), "epochs": epochs}
        if problems:
            line = {"step": step, "since": self._since, "problems": problems}
            self._file.append(line)
        self._since, self._fresh = step, []

    def _batches(self) -> dict[str, int]:
        return {name: total.batches for name, total in self.totals.items()}

    def _epochs(self, name: str) -> float:
        return self.totals[name].batches / self._batches_per_epoch[name]


def _amounts(entries: Sequence[Entry]) -> Amounts:
    results = [entry.result for entry in entries]
    learnt = [(r.loss, r.weight) for r in results if math.isfinite(r.loss)]
    weight = math.fsum(weight for _, weight in learnt)
    loss = math.fsum(loss * weight for loss, weight in learnt)
    return Amounts(
        batches=len(entries),
        examples=round(math.fsum(r.examples for r in results)),
        targets=round(math.fsum(r.weight for r in results)),
        padded_targets=round(math.fsum(r.padded for r in results)),
        seconds=round(math.fsum(entry.seconds for entry in entries), 6),
        loss=loss / weight if weight else None,
    )


def _cells(amounts: Amounts, all_batches: int, epochs: str) -> tuple[str, ...]:
    padding = 1 - amounts.targets / max(1, amounts.padded_targets)
    return (
        f"{amounts.batches:,}",
        f"{amounts.batches / max(1, all_batches):.1%}",
        f"{amounts.examples:,}",
        epochs,
        f"{amounts.targets:,}",
        f"{padding:.0%}",
        f"{amounts.seconds:,.0f}",
    )
