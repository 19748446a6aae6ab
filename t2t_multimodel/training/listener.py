"""What happens between the steps of a run is done by listeners.

The loop takes steps and tells its listeners, in their order, what came of them. It
never waits for a step's result: results stay tensors until they are read, all at once,
when an interval closes, before a checkpoint and before a turn. So what a listener does
in `on_batch` and `on_step` must not read them; the other calls find them read.

For each step the order is: `on_batch` for each of its batches, the step, `on_step` for
each of them; then, as they fall due, `on_results`, `on_interval`, `on_turn` (which may
cause `on_dev`), `on_saving` and `on_save`. What a
listener's `state` gives is saved after its turn, so a run that goes on from there
repeats no turn and leaves none out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from t2t_multimodel.training.ledger import Entry, Interval


@dataclasses.dataclass(frozen=True)
class Stop:
    """Why a run ends before its last step.

    Attributes:
        by: What ended it, one word: "SIGTERM", "callback".
        advice: How to go on, the end of a sentence.
        origin: Where it came from, the name of a worker of several; else "".
    """

    by: str
    advice: str = "the same command goes on from there"
    origin: str = ""


class RollBack(Exception):
    """Raised by `on_results`: the run returns to a checkpoint and goes on elsewhere.

    Args:
        step: It goes on as if so many steps were taken.
        positions: And as if so many batches of each problem were.
    """

    def __init__(self, step: int, positions: Mapping[str, int]) -> None:
        super().__init__(step)
        self.step, self.positions = step, positions


class Control(Protocol):
    """What a listener may ask of the loop.

    Attributes:
        positions: How many batches of each problem were taken so far.
    """

    @property
    def positions(self) -> Mapping[str, int]: ...

    def state(self) -> Mapping[str, Any]:
        """What a checkpoint made now would hold beside tensors."""

    def stop(self, reason: Stop) -> None:
        """Ends the run after this step; it is saved. The first reason stands."""

    def dev_begins(self, step: int) -> None:
        """Tells all listeners `on_dev_begin`."""

    def dev_ends(self, step: int, scores: Mapping[str, float]) -> None:
        """Tells all listeners `on_dev`."""


class Listener:
    """Hears what happens in a run; override what is of interest.

    Attributes:
        name: Under which its state is saved; "" if it has none.
        every: Steps from one of its turns to the next; 0: it has none.
    """

    name: str = ""
    every: int = 0

    def on_start(self, step: int, control: Control) -> None:
        """The run is about to train on, `step` steps having been taken before."""

    def on_batch(self, step: int, problem: str) -> None:
        """Step `step`, from 0, is about to be taken, on a batch of `problem`."""

    def on_step(self, entry: Entry) -> None:
        """A step was taken on this batch; its results are not read yet."""

    def on_results(self, entries: Sequence[Entry]) -> None:
        """The results of these batches, in their order, were read."""

    def on_interval(self, interval: Interval) -> None:
        """An interval of `log_steps` steps closed."""

    def on_turn(self, step: int) -> None:
        """It is this listener's turn; what it takes is not counted as training."""

    def on_dev_begin(self, step: int) -> None:
        """The model is about to be evaluated on dev data."""

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        """The model was evaluated on dev data: figures by `PROBLEM/METRIC`."""

    def on_saving(self, step: int) -> None:
        """A checkpoint is about to be made; all results were read."""

    def on_save(self, step: int, path: str) -> None:
        """The state after `step` steps was copied and is being written to `path`."""

    def on_end(self, step: int) -> None:
        """The run ends after `step` steps, whatever the reason; all is saved."""

    def state(self) -> Mapping[str, Any]:
        """What a run that goes on must know, plain values for JSON."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` gave when the checkpoint was saved; before `on_start`."""


class Listeners:
    """Several listeners, told one after the other.

    Args:
        listeners: In their order.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)

    def is_due(self, step: int) -> bool:
        """Whether it is anybody's turn after `step` steps."""
        return any(_is_due(listener, step) for listener in self._listeners)

    def on_turn(self, step: int) -> None:
        for listener in self._listeners:
            if _is_due(listener, step):
                listener.on_turn(step)

    def on_start(self, step: int, control: Control) -> None:
        for listener in self._listeners:
            listener.on_start(step, control)

    def on_batch(self, step: int, problem: str) -> None:
        for listener in self._listeners:
            listener.on_batch(step, problem)

    def on_step(self, entry: Entry) -> None:
        for listener in self._listeners:
            listener.on_step(entry)

    def on_results(self, entries: Sequence[Entry]) -> None:
        for listener in self._listeners:
            listener.on_results(entries)

    def on_interval(self, interval: Interval) -> None:
        for listener in self._listeners:
            listener.on_interval(interval)

    def on_dev_begin(self, step: int) -> None:
        for listener in self._listeners:
            listener.on_dev_begin(step)

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        for listener in self._listeners:
            listener.on_dev(step, scores)

    def on_saving(self, step: int) -> None:
        for listener in self._listeners:
            listener.on_saving(step)

    def on_save(self, step: int, path: str) -> None:
        for listener in self._listeners:
            listener.on_save(step, path)

    def on_end(self, step: int) -> None:
        for listener in self._listeners:
            listener.on_end(step)

    def state(self) -> dict[str, Mapping[str, Any]]:
        """What each has to keep, by its name."""
        named = {listener.name: listener for listener in self._listeners}
        named.pop("", None)
        return {name: dict(listener.state()) for name, listener in named.items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Gives each what it kept; one that is new to the run keeps its start."""
        for listener in self._listeners:
            if listener.name and listener.name in state:
                listener.set_state(state[listener.name])


def _is_due(listener: Listener, step: int) -> bool:
    return listener.every > 0 and step % listener.every == 0
