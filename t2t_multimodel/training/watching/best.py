"""The best evaluation so far: its checkpoint is kept, and a run that has it ends.

Both listeners judge by a figure on dev data, taken every `eval_steps`. What they know
is saved with the run, so a run that goes on judges on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.listener import Control, Listener, Stop
from t2t_multimodel.training.run_copy import copy_run_files
from t2t_multimodel.training.watching.best_file import FOLDER, Best
from t2t_multimodel.training.watching.evaluator import LOSS, Figure


class EarlyStopping(Listener):
    """Ends the run when a figure no longer gets better.

    Args:
        figure: Which one.
        patience: How many evaluations in a row may bring nothing better.
    """

    name = "stop_on"

    def __init__(self, figure: Figure, patience: int) -> None:
        self._figure, self._patience = figure, patience
        self._step, self._waited = 0, 0
        self._value: float | None = None

    def on_start(self, step: int, control: Control) -> None:
        self._control = control
        self._judge()

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        value = scores[self._figure.name]
        if self._figure.is_better(value, self._value):
            self._step, self._value, self._waited = step, value, 0
        else:
            self._waited += 1
        self._judge()

    def state(self) -> Mapping[str, Any]:
        return {
            "figure": self._figure.name,
            "step": self._step,
            "value": self._value,
            "waited": self._waited,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        if state["figure"] == self._figure.name:
            self._step, self._value = state["step"], state["value"]
            self._waited = state["waited"]

    def _judge(self) -> None:
        if self._waited >= self._patience:
            best = "never a number" if self._value is None else f"{self._value:.4g}"
            self._control.stop(
                Stop(
                    self.name,
                    f"{self._figure.name} got no better in {self._waited} evaluations "
                    f"(best: {best}, at step {self._step}); a larger stop_patience "
                    "goes on",
                )
            )


class BestKept(Listener):
    """Keeps the checkpoint with the best figure, as a run of its own.

    The folder holds one checkpoint, complete and checksummed; the one before goes when
    the new one is whole. `best.json` in it names step and figure. Training waits until
    it is written.

    Args:
        figure: Which one.
        num_examples: How many dev examples it is taken on; None: `eval_batches`.
        make_checkpoints: The run's checkpoints, but in another folder.
        output_dir: The run's folder.
        say: Shows a line.
    """

    name = "best_by"

    def __init__(
        self,
        figure: Figure,
        num_examples: int | None,
        make_checkpoints: Callable[[Path], Checkpoints],
        output_dir: Path,
        say: Callable[[str], None],
    ) -> None:
        self._figure = figure
        self._num_examples = None if figure.metric == LOSS else num_examples
        self._output_dir, self._folder = output_dir, output_dir / FOLDER
        self._make_checkpoints = make_checkpoints
        self._say = say
        self._value: float | None = None

    def on_start(self, step: int, control: Control) -> None:
        self._control = control
        self._checkpoints = self._make_checkpoints(self._folder)

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        value = scores[self._figure.name]
        if self._figure.is_better(value, self._value):
            self._value = value
            self._keep(step, value)

    def state(self) -> Mapping[str, Any]:
        return {"figure": self._figure.name, "value": self._value}

    def set_state(self, state: Mapping[str, Any]) -> None:
        if state["figure"] == self._figure.name:
            self._value = state["value"]

    def _keep(self, step: int, value: float) -> None:
        copy_run_files(self._output_dir, self._folder)
        self._checkpoints.save(step, self._control.state())
        self._checkpoints.wait()
        best = Best(
            **dataclasses.asdict(self._figure),
            split="dev",
            num_examples=self._num_examples,
            step=step,
            value=value,
        )
        best.write(self._folder)
        self._say(f"step {step}: the best {self._figure.name} so far, {value:.4g}.")
