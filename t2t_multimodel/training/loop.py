"""The training loop: which problem, which batch, one step, and what lies between.

What a step depends on is a function of the step's number (the mixture's problem, the
learning rate, the noise) or of a position that checkpoints hold (the problem's batch).
So a run that was stopped and goes on ends with the weights of one that never stopped.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import keras

from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.feeds import Feeds, Stream
from t2t_multimodel.training.ledger import Interval, Ledger
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.schedule import learning_rate
from t2t_multimodel.training.step import StepResult
from t2t_multimodel.training.stopping import StopRequest

Step = Callable[[str, int, float, Mapping[str, Any]], StepResult]


class Mixture(Protocol):
    """What the loop needs of `data.mixture.Mixture`: functions of seed and step."""

    def problem_at(self, step: int) -> str:
        """The problem whose batch step `step` takes."""

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
        mixture: Which problem each step takes.
        streams: The problems' batches.
        make_step: Builds the training step from the specs of the batches.
        checkpoints: Of this run.
        average: The weights' moving average, or None.
        dev_losses: Computes the dev losses by problem.
        progress: Where the run shows itself.
        callbacks: Keras's; `on_train_batch_end` gets `problem` and `loss`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        mixture: Mixture,
        streams: Mapping[str, Stream],
        make_step: Callable[[Mapping[str, Any]], Step],
        checkpoints: Checkpoints,
        average: WeightAverage | None,
        dev_losses: Callable[[], Mapping[str, float]],
        progress: Progress,
        callbacks: keras.callbacks.CallbackList,
    ) -> None:
        self._config = config
        self._mixture = mixture
        self._streams = streams
        self._make_step = make_step
        self._checkpoints = checkpoints
        self._average = average
        self._dev_losses = dev_losses
        self._progress = progress
        self._callbacks = callbacks
        self._losses: dict[str, float] = {}

    def run(self, output_dir: Path) -> TrainResult:
        """Trains to `config.train_steps`, or until a signal comes.

        Raises:
            NonFiniteLossError: The loss of a step was not finite.
        """
        started = time.perf_counter()
        step, state = self._checkpoints.restore()
        stopped_by = None
        if step >= self._config.train_steps:
            self._progress.say(f"Already at step {step}; nothing is left to train.")
        else:
            if step:
                self._progress.say(f"Going on from step {step}.")
            with StopRequest() as stop, self._progress:
                step, stopped_by = self._train(step, state, stop)
            if stopped_by:
                self._progress.say(
                    f"Stopped by {stopped_by} and saved at step {step}; "
                    "the same command goes on from there."
                )
        seconds = time.perf_counter() - started
        return TrainResult(output_dir, step, self._losses, seconds, stopped_by)

    def _train(
        self, step: int, state: Mapping[str, Any], stop: StopRequest
    ) -> tuple[int, str | None]:
        """Takes steps from `step` on; the last one's number and what ended it."""
        config = self._config
        # A checkpoint without positions was made when only the mixture knew them.
        positions = state.get("positions") or self._mixture.counts_before(step)
        feeds = Feeds(self._streams, positions)
        take_step = self._make_step(feeds.specs)
        ledger = Ledger(step)
        stopped_by, saved = None, step
        self._callbacks.on_train_begin()
        while step < config.train_steps and not stopped_by:
            problem = self._mixture.problem_at(step)
            rate = learning_rate(step, config)
            result = take_step(problem, step, rate, feeds.next_batch(problem))
            step += 1
            if self._average is not None:
                self._average.update(step)
            ledger.add(problem, result, rate)
            stopped_by = self._call_back(step, problem, result) or stop.signal_name
            if step % config.log_steps == 0:
                self._show(ledger.close(feeds.seconds_waited))
            if step % config.save_steps == 0:
                saved = self._save(step, feeds, ledger)
            if config.eval_steps and step % config.eval_steps == 0:
                self._progress.show_dev(step, self._dev_losses())
                ledger.pause()
        if len(ledger):
            self._show(ledger.close(feeds.seconds_waited))
        if saved != step:
            self._save(step, feeds, ledger)
        self._callbacks.on_train_end()
        return step, stopped_by

    def _save(self, step: int, feeds: Feeds, ledger: Ledger) -> int:
        ledger.check()
        self._checkpoints.save(step, {"positions": feeds.positions})
        ledger.pause()
        return step

    def _show(self, interval: Interval) -> None:
        for name, problem in interval.problems.items():
            self._losses[name] = problem.loss
        self._progress.show(interval)

    def _call_back(self, step: int, problem: str, result: StepResult) -> str | None:
        """Tells the callbacks of a step; "callback" if one of them wants to stop."""
        if not self._callbacks.callbacks:
            return None
        logs = {"problem": problem, "loss": float(result.loss)}
        model = self._callbacks.callbacks[0].model
        model.stop_training = False
        self._callbacks.on_train_batch_end(step - 1, logs)
        return "callback" if model.stop_training else None
