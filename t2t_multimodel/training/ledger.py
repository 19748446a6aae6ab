"""What happened since the last line of progress, problem by problem.

A step takes one batch or more, each of one problem. Their results are tensors; they are
read only when an interval closes, so that an accelerator is not made to wait after
every step.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from t2t_multimodel.training.step import StepResult


class Entry(NamedTuple):
    """One batch of a step.

    Attributes:
        step: Steps of the run, this one included.
        problem: Whose batch it is.
        result: Tensors, or floats once they were read.
        seconds: From the batch before to this one.
    """

    step: int
    problem: str
    result: StepResult
    seconds: float

    @property
    def is_finite(self) -> bool:
        """Whether the step changed the weights; known once the result was read."""
        read = self.result
        figures = (read.loss, read.balance, read.gradient_norm)
        return all(map(math.isfinite, figures))


@dataclasses.dataclass(frozen=True)
class ProblemInterval:
    """A problem's batches in an interval.

    Attributes:
        batches: How many there were.
        loss: Mean teacher-forced loss of a target (log-perplexity, smoothed).
        targets_per_second: Tokens or labels learnt in a second of its batches.
        balance: Mean of the experts' balancing losses.
        gradient_norm: Mean global norm, before clipping, of the updates they went into.
    """

    batches: int
    loss: float
    targets_per_second: float
    balance: float
    gradient_norm: float


@dataclasses.dataclass(frozen=True)
class Interval:
    """The steps between two lines of progress.

    Attributes:
        step: Steps of the run when it closed.
        steps_per_second: Over all problems.
        input_share: Part of the time that was spent waiting for input, 0 to 1.
        learning_rate: Of the last step.
        problems: What each problem did that had a step with finite results.
        dropped_share: Part of all choices that experts had no room for; None where
            they always have.
    """

    step: int
    steps_per_second: float
    input_share: float
    learning_rate: float
    problems: Mapping[str, ProblemInterval]
    dropped_share: float | None = None


class Ledger:
    """Collects steps and closes intervals.

    Args:
        step: Steps of the run taken before.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._laps: list[float] = []
        self._start: float
        self._last: float
        self._num_read: int
        self._open(0.0)

    def lap(self) -> None:
        """A batch of the step that is being taken is done."""
        now = time.perf_counter()
        self._laps.append(now - self._last)
        self._last = now

    def add(
        self, problems: Sequence[str], results: Sequence[StepResult], rate: float
    ) -> list[Entry]:
        """Enters the step that has just been taken.

        Args:
            problems: Of its batches, for each of which `lap` was called.
            results: Of the same.
            rate: The learning rate.
        """
        self.lap()
        *laps, update = self._laps
        laps[-1] += update
        self._laps = []
        self._step += 1
        self._rate = rate
        rows = zip(problems, results, laps, strict=True)
        entries = [Entry(self._step, *row) for row in rows]
        self._entries += entries
        return entries

    def pause(self) -> None:
        """Leaves the time since the last step out: it was spent on other work."""
        now = time.perf_counter()
        self._start += now - self._last
        self._last = now

    def __len__(self) -> int:
        """Batches since the last interval closed."""
        return len(self._entries)

    def read(self) -> list[Entry]:
        """Reads the results of the batches since the last reading; those batches."""
        fresh = [
            entry._replace(result=StepResult(*map(_read, entry.result)))
            for entry in self._entries[self._num_read :]
        ]
        self._entries[self._num_read :] = fresh
        self._num_read = len(self._entries)
        return fresh

    def close(self, seconds_waited: float) -> Interval:
        """The steps since the last interval; a new one begins.

        Args:
            seconds_waited: Time spent waiting for input since the run started.
        """
        self.read()
        seconds = max(self._last - self._start, 1e-9)
        rows: dict[str, list[tuple[float, ...]]] = {}
        finite = [entry for entry in self._entries if entry.is_finite]
        for entry in finite:
            read = entry.result
            row = (read.loss, read.weight, read.balance, read.gradient_norm)
            rows.setdefault(entry.problem, []).append((*row, entry.seconds))
        interval = Interval(
            step=self._step,
            steps_per_second=(self._step - self._first) / seconds,
            input_share=min(1.0, (seconds_waited - self._waited) / seconds),
            learning_rate=self._rate,
            problems={name: _summed_up(own) for name, own in rows.items()},
            dropped_share=_dropped_share([entry.result for entry in finite]),
        )
        self._open(seconds_waited)
        return interval

    def _open(self, seconds_waited: float) -> None:
        self._entries: list[Entry] = []
        self._first = self._step
        self._num_read = 0
        self._start = self._last = time.perf_counter()
        self._waited = seconds_waited
        self._rate = 0.0


def _read(value: Any) -> Any:
    """A float, or an array where there are several."""
    array = np.asarray(value)
    return array if array.ndim else float(array)


def _dropped_share(results: Sequence[StepResult]) -> float | None:
    """Of the choices of all layers; None where no layer may drop any."""
    limited = [result for result in results if np.ndim(result.dropped)]
    if not limited:
        return None
    dropped = sum(float(np.sum(result.dropped)) for result in limited)
    return dropped / max(sum(float(np.sum(each.loads)) for each in limited), 1.0)


def _summed_up(rows: list[tuple[float, ...]]) -> ProblemInterval:
    columns: list[Any] = list(zip(*rows, strict=True))
    losses, weights, balances, norms, seconds = columns
    targets = math.fsum(weights)
    weighted = math.fsum(a * b for a, b in zip(losses, weights, strict=True))
    return ProblemInterval(
        batches=len(rows),
        loss=weighted / max(targets, 1e-9),
        targets_per_second=targets / max(math.fsum(seconds), 1e-9),
        balance=math.fsum(balances) / len(rows),
        gradient_norm=math.fsum(norms) / len(rows),
    )
