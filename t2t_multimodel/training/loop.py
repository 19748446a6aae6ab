"""The training loop: which problem, which batch, one step; listeners do the rest.

What a step depends on is a function of the step's number (the mixture's problem, the
learning rate, the noise) or of a position that checkpoints hold (the problem's batch).
So a run that was stopped and goes on ends with the weights of one that never stopped.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.feeds import Feeds, Stream
from t2t_multimodel.training.ledger import Ledger
from t2t_multimodel.training.listener import Listener, Listeners, RollBack, Stop
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.schedule import learning_rate
from t2t_multimodel.training.step import StepResult
from t2t_multimodel.training.stopping import StopRequest
from t2t_multimodel.training.workers import Workers


class Step(Protocol):
    """What the loop needs of `step.TrainStep`."""

    def update(
        self,
        step: int,
        learning_rate: float,
        batches: Iterable[tuple[str, Mapping[str, Any]]],
    ) -> Sequence[StepResult]:
        """Step number `step`, on batches that are given with their problems' names."""


class Mixture(Protocol):
    """What the loop needs of `mixing.RunMixture`."""

    def problems_at(self, step: int) -> Sequence[str]:
        """The problems whose batches step `step` takes."""

    def counts_before(self, step: int) -> Mapping[str, int]:
        """How many batches of each problem the steps before `step` take."""


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        output_dir: The run's folder.
        step: Steps taken in all.
        losses: Each problem's mean loss in the last interval in which it had a step.
        seconds: Time since this call began to train.
        stopped_by: "SIGINT" or "SIGTERM" if that ended it, "callback" if a callback
            did, None if it is done.
    """

    output_dir: Path
    step: int
    losses: Mapping[str, float]
    seconds: float
    stopped_by: str | None


class Loop:
    """Trains from the newest checkpoint to the last step.

    Args:
        config: What is told to training.
        mixture: Which problems each step takes.
        streams: The problems' batches.
        make_step: Builds the training step from the specs of the batches.
        checkpoints: Of this run.
        average: The weights' moving average, or None.
        progress: Where the run shows itself; the first of the listeners.
        listeners: Are told what happens, in this order; see `listener.py`.
        workers: The processes that train together; this one alone by default.
    """

    def __init__(
        self,
        config: TrainingConfig,
        mixture: Mixture,
        streams: Mapping[str, Stream],
        make_step: Callable[[Mapping[str, Any]], Step],
        checkpoints: Checkpoints,
        average: WeightAverage | None,
        progress: Progress,
        listeners: Sequence[Listener] = (),
        workers: Workers | None = None,
    ) -> None:
        self._config = config
        self._mixture = mixture
        self._streams = streams
        self._make_step = make_step
        self._checkpoints = checkpoints
        self._average = average
        self._progress = progress
        self._tell = Listeners((progress, *listeners))
        self._losses: dict[str, float] = {}
        self._workers = workers or Workers()
        self._wanted_stop: Stop | None = None
        self._stop: Stop | None = None
        self._saved = 0

    def run(self, output_dir: Path) -> TrainResult:
        """Trains to `config.train_steps`, or until something ends it.

        Raises:
            ValueError: A listener cannot let the run go on.
        """
        started = time.perf_counter()
        with self._workers.chief_first():  # It puts damaged checkpoints aside.
            step, state = self._checkpoints.restore()
        self._workers.agree("the step of the checkpoint to go on from", step)
        self._saved = step
        if step >= self._config.train_steps:
            self._progress.say(f"Already at step {step}; nothing is left to train.")
        else:
            if step:
                self._progress.say(f"Going on from step {step}.")
            with StopRequest() as signals, self._progress, self._checkpoints:
                step = self._train(step, state, signals)
            if self._stop:
                origin = f" at {self._stop.origin}" if self._stop.origin else ""
                self._progress.say(
                    f"Stopped by {self._stop.by}{origin} and saved at step {step}; "
                    f"{self._stop.advice}."
                )
        seconds = time.perf_counter() - started
        by = self._stop.by if self._stop else None
        return TrainResult(output_dir, step, self._losses, seconds, by)

    def stop(self, reason: Stop) -> None:
        """Ends the run after this step; it is saved. The first reason stands.

        Several workers end it a few steps later, all after the same one.
        """
        self._wanted_stop = self._wanted_stop or reason

    def dev_begins(self, step: int) -> None:
        """Tells all listeners `on_dev_begin`."""
        self._tell.on_dev_begin(step)

    def dev_ends(self, step: int, scores: Mapping[str, float]) -> None:
        """Tells all listeners `on_dev`."""
        self._tell.on_dev(step, scores)

    @property
    def positions(self) -> Mapping[str, int]:
        """How many batches of each problem were taken so far."""
        return self._feeds.positions

    def state(self) -> Mapping[str, Any]:
        """What a checkpoint made now would hold beside tensors."""
        return {"positions": dict(self._feeds.positions), **self._tell.state()}

    def _train(self, step: int, state: Mapping[str, Any], signals: StopRequest) -> int:
        """Takes steps from `step` on; the number of the last."""
        self._open_feeds(step, state)
        self._tell.set_state(state)
        take_step = self._make_step(self._feeds.specs)
        self._tell.on_start(step, self)
        # What listeners want by then follows from the state, which all workers share.
        self._stop = self._wanted_stop
        if step == 0 and self._config.on_nonfinite == "roll_back":
            self._save(0, Ledger(0))  # There must be a way back.
        while True:
            try:
                step = self._take_steps(step, take_step, signals)
            except RollBack as back:
                self._roll_back(back)
                step = back.step
            else:
                self._checkpoints.wait()
                self._workers.wait_for_all()
                self._tell.on_end(step)
                return step

    def _open_feeds(self, step: int, state: Mapping[str, Any]) -> None:
        # A checkpoint without positions was made when only the mixture knew them.
        positions = state.get("positions") or self._mixture.counts_before(step)
        self._feeds = Feeds(self._streams, positions)

    def _roll_back(self, back: RollBack) -> None:
        """Makes the state that of a checkpoint, but for step and positions."""
        with self._workers.chief_first():  # It may still be writing it.
            step, state = self._checkpoints.restore(self._config.save_steps)
        self._tell.set_state(state)
        self._open_feeds(back.step, {"positions": back.positions})
        self._progress.say(
            f"The weights are those of step {step}; going on behind step {back.step}."
        )

    def _take_steps(self, step: int, take_step: Step, signals: StopRequest) -> int:
        """Takes steps until there is no more to do; the number of the last."""
        config, feeds = self._config, self._feeds
        ledger = Ledger(step)
        while step < config.train_steps and not self._stop:
            problems = self._mixture.problems_at(step)
            rate = learning_rate(step, config)
            batches = self._batches(step, problems, feeds, ledger)
            results = take_step.update(step, rate, batches)
            self._checkpoints.check()
            step += 1
            if self._average is not None:
                self._average.update(step)
            for entry in ledger.add(problems, results, rate):
                self._tell.on_step(entry)
            if step % config.log_steps == 0:
                self._close(ledger, feeds)
            self._take_turns(step, ledger)
            if step % config.save_steps == 0:
                self._save(step, ledger)
            if signals.signal_name:
                self.stop(Stop(signals.signal_name))
            self._stop = self._workers.agreed_stop(step, self._wanted_stop)
        if len(ledger):
            self._close(ledger, feeds)
        if self._saved != step:
            self._save(step, ledger)
        return step

    def _batches(
        self, step: int, problems: Sequence[str], feeds: Feeds, ledger: Ledger
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """A step's batches, each read when the one before is done with."""
        for problem in problems:
            self._tell.on_batch(step, problem)
            yield problem, feeds.next_batch(problem)
            ledger.lap()

    def _read(self, ledger: Ledger) -> None:
        """Waits for the steps taken so far, and tells of them."""
        self._tell.on_results(ledger.read())

    def _close(self, ledger: Ledger, feeds: Feeds) -> None:
        self._read(ledger)
        interval = ledger.close(feeds.seconds_waited)
        for name, problem in interval.problems.items():
            self._losses[name] = problem.loss
        self._tell.on_interval(interval)

    def _take_turns(self, step: int, ledger: Ledger) -> None:
        if self._tell.is_due(step):
            self._read(ledger)
            self._tell.on_turn(step)
            ledger.pause()

    def _save(self, step: int, ledger: Ledger) -> None:
        self._read(ledger)
        what = f"the bits of the weights after step {step}"
        self._workers.agree_on_values(what, self._checkpoints.variables)
        self._tell.on_saving(step)
        path = self._checkpoints.save(step, self.state())
        self._tell.on_save(step, path)
        self._saved = step
        ledger.pause()
