"""Keras callbacks in a run: which of their methods are called, and with what.

    on_train_begin, on_train_end       no logs
    on_train_batch_begin               logs: problem
    on_train_batch_end                 logs: problem, loss, gradient_norm
    on_test_begin, on_test_end         around each evaluation on dev data;
                                       the latter's logs: PROBLEM/METRIC
    on_epoch_begin, on_epoch_end       an epoch is what lies between two evaluations
                                       (`eval_steps`); its end's logs: PROBLEM/loss, the
                                       last interval's mean, and val_PROBLEM/METRIC

`batch` is the number of the step, from 0; where a step takes several batches, each of
them is told of under this number. `self.model` is the `MultiModel`, whose
`stop_training` ends the run after the step. It is not compiled: it has no Keras
optimizer, so callbacks that change a rate have nothing to change.

A callback with an `on_train_batch_end` of its own makes every step wait for its
result; others cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.listener import Control, Listener, Stop

_BASE = keras.callbacks.Callback
_BATCH_END = ("on_batch_end", "on_train_batch_end")


class KerasCallbacks(Listener):
    """Hands what happens on to Keras callbacks.

    Args:
        callbacks: They.
        model: What they get as `self.model`.
        eval_steps: Steps of an epoch; 0: there are none.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        eval_steps: int = 0,
    ) -> None:
        self._model = model
        self._eval_steps = eval_steps
        self._callbacks = keras.callbacks.CallbackList(list(callbacks), model=model)
        self._reads_results = any(map(_has_batch_end, callbacks))
        self._losses: dict[str, float] = {}
        self._epoch: int | None = None

    def on_start(self, step: int, control: Control) -> None:
        self._control = control
        self._model.stop_training = False
        self._callbacks.on_train_begin()
        if self._eval_steps:
            self._begin_epoch(step)
        self._heed()

    def on_batch(self, step: int, problem: str) -> None:
        self._callbacks.on_train_batch_begin(step, {"problem": problem})

    def on_step(self, entry: Entry) -> None:
        if self._reads_results:
            logs = {
                "problem": entry.problem,
                "loss": float(entry.result.loss),
                "gradient_norm": float(entry.result.gradient_norm),
            }
            self._callbacks.on_train_batch_end(entry.step - 1, logs)
        self._heed()

    def on_interval(self, interval: Interval) -> None:
        for name, problem in interval.problems.items():
            self._losses[f"{name}/loss"] = problem.loss

    def on_dev_begin(self, step: int) -> None:
        self._callbacks.on_test_begin()

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        self._callbacks.on_test_end(dict(scores))
        if self._epoch is not None:
            seen = {f"val_{name}": value for name, value in scores.items()}
            self._callbacks.on_epoch_end(self._epoch, {**self._losses, **seen})
            self._begin_epoch(step)
        self._heed()

    def on_end(self, step: int) -> None:
        self._callbacks.on_train_end()

    def _begin_epoch(self, step: int) -> None:
        self._epoch = step // self._eval_steps
        self._callbacks.on_epoch_begin(self._epoch)

    def _heed(self) -> None:
        if self._model.stop_training:
            self._control.stop(Stop("callback"))


def _has_batch_end(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback does something after every step."""
    methods = ((name, getattr(callback, name)) for name in _BATCH_END)
    return any(
        getattr(method, "__func__", method) is not getattr(_BASE, name)
        for name, method in methods
    )
