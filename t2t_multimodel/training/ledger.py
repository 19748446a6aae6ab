"""What happened since the last line of progress, problem by problem.

Steps hand over tensors; they are read only when an interval closes, so that an
accelerator is not made to wait after every step.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

from t2t_multimodel.training.step import StepResult


class NonFiniteLossError(ValueError):
    """The loss or the gradient of a step is infinite or not a number."""


@dataclasses.dataclass(frozen=True)
class ProblemInterval:
    """A problem's steps in an interval.

    Attributes:
        steps: How many there were.
        loss: Mean teacher-forced loss of a target (log-perplexity, smoothed).
        targets_per_second: Tokens or labels learnt in a second of its steps.
        balance: Mean of the experts' balancing losses.
        gradient_norm: Mean global norm before clipping.
    """

    steps: int
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
        problems: What each problem that had a step did.
    """

    step: int
    steps_per_second: float
    input_share: float
    learning_rate: float
    problems: Mapping[str, ProblemInterval]


class Ledger:
    """Collects steps and closes intervals.

    Args:
        step: Steps of the run taken before.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._start: float
        self._last: float
        self._open(0.0)

    def add(self, problem: str, result: StepResult, rate: float) -> None:
        """Enters the step that has just been taken."""
        now = time.perf_counter()
        self._step += 1
        self._entries.append((self._step, problem, result, now - self._last))
        self._last = now
        self._rate = rate

    def pause(self) -> None:
        """Leaves the time since the last step out: it was spent on other work."""
        now = time.perf_counter()
        self._start += now - self._last
        self._last = now

    def __len__(self) -> int:
        """Steps since the last interval closed."""
        return len(self._entries)

    def check(self) -> None:
        """Reads the steps' results.

        Raises:
            NonFiniteLossError: A step's loss or gradient was not finite; it names
                the problem and the step.
        """
        for place, (step, problem, result, spent) in enumerate(self._entries):
            read = StepResult(*(float(value) for value in result))
            _check_finite(step, problem, read)
            self._entries[place] = (step, problem, read, spent)

    def close(self, seconds_waited: float) -> Interval:
        """The steps since the last interval; a new one begins.

        Args:
            seconds_waited: Time spent waiting for input since the run started.

        Raises:
            NonFiniteLossError: As in `check`.
        """
        self.check()
        seconds = max(self._last - self._start, 1e-9)
        rows: dict[str, list[tuple[float, ...]]] = {}
        for _, problem, result, spent in self._entries:
            rows.setdefault(problem, []).append((*result, spent))
        interval = Interval(
            step=self._step,
            steps_per_second=len(self._entries) / seconds,
            input_share=min(1.0, (seconds_waited - self._waited) / seconds),
            learning_rate=self._rate,
            problems={name: _summed_up(own) for name, own in rows.items()},
        )
        self._open(seconds_waited)
        return interval

    def _open(self, seconds_waited: float) -> None:
        self._entries: list[tuple[int, str, StepResult, float]] = []
        self._start = self._last = time.perf_counter()
        self._waited = seconds_waited
        self._rate = 0.0


def _check_finite(step: int, problem: str, result: StepResult) -> None:
    if not all(math.isfinite(value) for value in result):
        raise NonFiniteLossError(
            f"Step {step}, a batch of {problem}: the loss is {result.loss} and the "
            f"gradient's norm {result.gradient_norm}; the last checkpoint is from "
            "before. A lower learning_rate or clip_norm may help."
        )


def _summed_up(rows: list[tuple[float, ...]]) -> ProblemInterval:
    columns: list[Any] = list(zip(*rows, strict=True))
    losses, weights, balances, norms, seconds = columns
    targets = math.fsum(weights)
    weighted = math.fsum(a * b for a, b in zip(losses, weights, strict=True))
    return ProblemInterval(
        steps=len(rows),
        loss=weighted / max(targets, 1e-9),
        targets_per_second=targets / max(math.fsum(seconds), 1e-9),
        balance=math.fsum(balances) / len(rows),
        gradient_norm=math.fsum(norms) / len(rows),
    )
