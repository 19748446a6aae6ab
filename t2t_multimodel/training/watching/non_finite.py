"""Steps whose loss or gradient is infinite or not a number.

The graph of the step leaves the weights as they are (`optimizer.Adam.apply`); here is
decided what becomes of the run, when the results are read: before an interval closes,
before anything is saved and before anything is evaluated.

    stop        the run ends there; the last checkpoint is from before that step
    skip        it goes on, as if that step had not been
    roll_back   it returns to the last checkpoint made at a multiple of `save_steps` and
                goes on behind the step: what lies between is passed over, weights that
                may have begun to drift are given up (as in PaLM, arXiv 2204.02311, 5.1)

Each time a line says which step, problem, bucket and records; `nonfinite.jsonl` in the
run's folder has all of it. All three are functions of the steps, so a run that was
ended and goes on does the same again.
"""

from __future__ import annotations

import collections
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from t2t_multimodel.data.batch_records import BatchRecords
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.listener import Control, Listener, RollBack
from t2t_multimodel.training.summaries import Summaries

FILE = "nonfinite.jsonl"
_SHOWN = 8


class NonFiniteLossError(ValueError):
    """The loss or the gradient of a step is infinite or not a number."""


class _Batch(NamedTuple):
    """A batch that a step took, by its number in the problem's stream."""

    problem: str
    number: int


class NonFinite(Listener):
    """Does with such steps what was asked for; stands before all that use results.

    Args:
        policy: "stop", "skip" or "roll_back".
        limit: Of skips of a problem in a row, or of roll-backs of the run.
        records_of: The records of a problem's batch.
        output_dir: The run's folder.
        say: Shows a line.
        summaries: The run's.
    """

    name = "nonfinite"

    def __init__(
        self,
        policy: str,
        limit: int,
        records_of: Callable[[str, int], BatchRecords],
        output_dir: Path,
        say: Callable[[str], None],
        summaries: Summaries,
    ) -> None:
        self._policy, self._limit = policy, limit
        self._records_of = records_of
        self._output_dir = output_dir
        self._say = say
        self._summaries = summaries
        self._unread: list[_Batch] = []
        self._skipped: collections.Counter[str] = collections.Counter()
        self._in_a_row: collections.Counter[str] = collections.Counter()
        self._rolled_back = 0
        self._saved = ""

    def on_start(self, step: int, control: Control) -> None:
        self._control = control

    def on_batch(self, step: int, problem: str) -> None:
        number = self._control.positions[problem]
        self._unread.append(_Batch(problem, number))

    def on_results(self, entries: Sequence[Entry]) -> None:
        """Looks at them.

        Raises:
            NonFiniteLossError: One is not finite and the run cannot go on.
            RollBack: It goes on elsewhere.
        """
        batches, self._unread = self._unread, []
        rows = list(zip(entries, batches, strict=True))
        # Where batches share an update, those with a finite loss are not to blame for
        # one without.
        blamed = {e.step for e in entries if not math.isfinite(e.result.loss)}
        for place, (entry, batch) in enumerate(rows):
            if entry.is_finite:
                self._in_a_row[entry.problem] = 0
            elif entry.step not in blamed or not math.isfinite(entry.result.loss):
                later = [b for e, b in rows[place:] if e.step > entry.step]
                self._meet(entry, batch, later)

    def on_interval(self, interval: Interval) -> None:
        if self._skipped:
            counts = {f"{name}/skipped": n for name, n in self._skipped.items()}
            self._summaries.scalars("train", interval.step, counts)

    def on_save(self, step: int, path: str) -> None:
        # It may still be being written; the run waits for it when it ends.
        self._saved = path

    def state(self) -> Mapping[str, Any]:
        return {
            "skipped": dict(self._skipped),
            "in_a_row": {name: n for name, n in self._in_a_row.items() if n},
            "rolled_back": self._rolled_back,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._skipped = collections.Counter(state["skipped"])
        self._in_a_row = collections.Counter(state["in_a_row"])
        # What was rolled back since that checkpoint counts none the less.
        self._rolled_back = max(self._rolled_back, state["rolled_back"])

    def _meet(self, entry: Entry, batch: _Batch, later: Sequence[_Batch]) -> None:
        told = self._note(entry, batch)
        if self._policy == "stop":
            raise NonFiniteLossError(
                f"{told} No weight was changed by it; {self._last_checkpoint()}. Look "
                "at these records, lower learning_rate or clip_norm, or give "
                "on_nonfinite=skip or roll_back."
            )
        if self._policy == "skip":
            self._skip(entry.problem, told)
        else:
            self._roll_back(entry.step, later, told)

    def _skip(self, problem: str, told: str) -> None:
        self._skipped[problem] += 1
        self._in_a_row[problem] += 1
        if self._in_a_row[problem] > self._limit:
            raise NonFiniteLossError(
                f"{told} That is {self._in_a_row[problem]} batches of {problem} in a "
                f"row, and nonfinite_limit is {self._limit}; "
                f"{self._last_checkpoint()}."
            )
        self._say(f"{told} Skipped, the {self._skipped[problem]}. of this problem.")

    def _roll_back(self, step: int, later: Sequence[_Batch], told: str) -> None:
        self._rolled_back += 1
        if self._rolled_back > self._limit:
            raise NonFiniteLossError(
                f"{told} The run was rolled back {self._limit} times, which is its "
                f"nonfinite_limit; {self._last_checkpoint()}."
            )
        self._say(f"{told} Rolled back, for the {self._rolled_back}. time.")
        positions = dict(self._control.positions)
        for batch in later:
            positions[batch.problem] -= 1
        raise RollBack(step, positions)

    def _note(self, entry: Entry, batch: _Batch) -> str:
        """Writes down what happened; a line that tells it."""
        records = self._records_of(*batch)
        loss, norm = entry.result.loss, entry.result.gradient_norm
        values = {
            "step": entry.step,
            "problem": entry.problem,
            "batch": batch.number,
            "loss": str(loss),
            "gradient_norm": str(norm),
            "bucket": records.bucket,
            "records": {file: list(numbers) for file, numbers in records.files.items()},
        }
        with (self._output_dir / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        return (
            f"Step {entry.step}, a batch of {entry.problem}: the loss is {loss}, the "
            f"gradient's norm {norm}. It holds {records.bucket}; records "
            f"{records.listed(_SHOWN)} ({FILE} has all)."
        )

    def _last_checkpoint(self) -> str:
        newest = self._saved or "".join(list_checkpoints(self._output_dir)[-1:])
        if not newest:
            return "there is no checkpoint yet"
        return f"the last checkpoint, {newest}, is from before"
