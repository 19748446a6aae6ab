"""A run's mixture, which may change when the run goes on.

A checkpoint says by which mixture its run was going, and since which step: its origin.
A run that goes on with the same one goes on in the same order; with another one, that
begins where the run stands. Either way each problem's data goes on where it stood.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.summaries import Summaries

_log = logging.getLogger(__name__)


class Batches(Protocol):
    """What is needed of `data.mixture.Mixture`: functions of seed and number."""

    def problem_at(self, number: int) -> str:
        """The problem that batch `number` of the run is of."""

    def counts_before(self, number: int) -> dict[str, int]:
        """How many batches of each problem lie from the origin to before `number`."""

    def shares_at(self, step: int) -> dict[str, float]:
        """Each problem's share of the batches at a step."""


@dataclasses.dataclass(frozen=True)
class MixtureChange:
    """A run goes on with another mixture.

    Attributes:
        step: Steps that were taken by the old one.
        old, new: What each is, in words of `--mixture`.
    """

    step: int
    old: str
    new: str


class RunMixture(Listener):
    """Which problems' batches each step of a run takes.

    Args:
        make: The mixture from an origin on.
        rates: What it was made from; blanks do not count.
        batches_per_step: How many batches a step takes.
        summaries: The run's; a change is told there as a text.

    Attributes:
        change: What changed when the run went on, or None.
    """

    name = "mixture"

    def __init__(
        self,
        make: Callable[[int], Batches],
        rates: str,
        batches_per_step: int,
        summaries: Summaries,
    ) -> None:
        self._make = make
        self._now = {
            "rates": "".join(rates.split()),
            "batches_per_step": batches_per_step,
        }
        self._batches_per_step = batches_per_step
        self._summaries = summaries
        self._saved: Mapping[str, Any] = {**self._now, "origin": 0}
        self._origin = 0
        self._mixture = make(0)
        self.change: MixtureChange | None = None

    def problems_at(self, step: int) -> Sequence[str]:
        """The problems whose batches step `step` (from 0) takes, in their order."""
        first = step * self._batches_per_step
        numbers = range(first, first + self._batches_per_step)
        return [self._mixture.problem_at(number) for number in numbers]

    def counts_before(self, step: int) -> Mapping[str, int]:
        """How many batches of each problem the steps from the origin to `step` take."""
        return self._mixture.counts_before(step * self._batches_per_step)

    def shares_at(self, step: int) -> Mapping[str, float]:
        """The share of the batches that each problem is to have at a step."""
        return self._mixture.shares_at(step)

    def state(self) -> Mapping[str, Any]:
        return {**self._now, "origin": self._origin}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._saved = state

    def on_start(self, step: int, control: Control) -> None:
        """Goes on by the saved mixture, or from `step` on by another."""
        self.change = None
        self._origin = self._saved["origin"]
        if any(self._saved[key] != value for key, value in self._now.items()):
            self._origin = step
            self.change = MixtureChange(step, _words(self._saved), _words(self._now))
            line = f"{self.change.old} -> {self.change.new}"
            _log.info("mixture from step %d on: %s", step, line)
            self._summaries.text("train", step, "mixture", line)
        self._mixture = self._make(self._origin)


def _words(stamp: Mapping[str, Any]) -> str:
    several = stamp["batches_per_step"]
    return stamp["rates"] + (f", {several} batches a step" if several > 1 else "")
