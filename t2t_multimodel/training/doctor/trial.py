"""A run on trial: built as training builds it, and steps taken that grow.

Every problem's buckets are tried on a quarter and a half of a batch, the one that then
seems the worst on three quarters too: what they hold tells what whole batches will.
Only if those fit, with a checkpoint's copy beside them, the worst whole batch of every
problem is run, and then a few batches as training would have them. The rate is zero,
and nothing is written.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from t2t_multimodel.data.plan import Bucket as Plan
from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.dev_loss import DevLoss
from t2t_multimodel.training.doctor import fit
from t2t_multimodel.training.doctor.apart import Request, Say
from t2t_multimodel.training.doctor.gauge import (
    computing_device,
    device_limit,
    gauge_of,
)
from t2t_multimodel.training.doctor.sizes import available_memory, own_memory
from t2t_multimodel.training.feeds import Feeds
from t2t_multimodel.training.freezing import trains
from t2t_multimodel.training.run import Prepared, prepare
from t2t_multimodel.training.warm_start import WarmStartFrom, warm_start_text

# Batches as training has them: the first ones were made while nobody waited.
_USUAL_STEPS, _COUNTED = 4, 2
_PARTS_OF_A_BATCH, _LARGEST_PART = (1 / 4, 1 / 2), 3 / 4
# Of the memory that there is, trying parts of batches takes so much at most.
_TRIED = 0.7


@dataclasses.dataclass(frozen=True)
class Built:
    """What is known once the model exists.

    Attributes:
        train_parts: In full, as a warm start left them.
        warm_start: What was taken over, as text; "" without one.
    """

    train_parts: str
    warm_start: str


@dataclasses.dataclass(frozen=True)
class ProblemTrial:
    """What a problem's steps hold and take.

    Attributes:
        name: The problem.
        buckets: Its buckets, as far as they were tried; none if nothing is trained.
        first_seconds: Of its first step, in which its graph is made.
        held: Bytes that a step on its worst whole batch held; None: it was not run.
        worst_seconds: How long that step took.
        loss: Its loss.
        usual_seconds: Of a step on batches as they come, waiting for them included.
        waited: The part of it that was spent waiting, 0 to 1.
    """

    name: str
    buckets: tuple[fit.Bucket, ...] = ()
    first_seconds: float = 0.0
    held: float | None = None
    worst_seconds: float | None = None
    loss: float | None = None
    usual_seconds: float | None = None
    waited: float | None = None

    @property
    def worst(self) -> fit.Bucket:
        """The bucket whose whole batches hold the most."""
        return self.buckets[fit.worst(self.buckets)]


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a trial found, in bytes.

    Attributes:
        problems: In the order of the run.
        device: What computes: "CPU:0" or "GPU:0".
        device_limit: What TensorFlow may take on it; None for the host.
        base: The process without tensors: program, graphs, input; and what tensors the
            host's allocator does not count, such as very small ones.
        resident: Tensors that stay: weights, moments, average.
        copy: Of a checkpoint on the host, while it is being written.
        process_peak: The most that the process held; None: whole batches were not run.
        device_peak: The same of an accelerator.
    """

    problems: tuple[ProblemTrial, ...]
    device: str
    device_limit: int | None
    base: float
    resident: float
    copy: float
    process_peak: float | None = None
    device_peak: float | None = None

    @property
    def on_host(self) -> bool:
        """Whether the host computes, so that all is in its memory."""
        return self.device == "CPU:0"

    @property
    def step(self) -> float:
        """What the worst step of all will hold."""
        tried = [p.worst.predicted for p in self.problems if p.buckets]
        return max(tried, default=0.0)

    @property
    def predicted_process(self) -> float:
        """The peak of a run's process, at its worst step while it saves."""
        tensors = self.resident + self.step if self.on_host else 0.0
        return self.base + tensors + self.copy

    @property
    def predicted_device(self) -> float | None:
        """The peak on an accelerator."""
        return None if self.on_host else self.resident + self.step

    def fits(self, limit: float) -> bool:
        """Whether the run fits into the host's `limit` bytes and into its device."""
        device = self.predicted_device
        fits_device = device is None or device <= (self.device_limit or 0)
        return fits_device and self.predicted_process <= limit

    def room(self, limit: float) -> float:
        """What the worst step may hold so that the run fits."""
        if self.on_host:
            return limit - self.base - self.resident - self.copy
        return (self.device_limit or 0) - self.resident


def run_trial(request: Request, say: Say, built: Callable[[Built], None]) -> Trial:
    """Tries a run.

    Args:
        request: Which.
        say: Told what is being done.
        built: Told once, when the model exists.

    Raises:
        ValueError: As `training.run.train`.
    """
    say("building the model")
    run = prepare(
        request.hparams,
        request.problem_names,
        request.data_dir,
        request.strategy,
        WarmStartFrom(*request.start) if request.start else None,
    )
    told = warm_start_text(run.start, run.model) if run.start else ""
    built(Built(run.hparams.training.train_parts, told))
    return _Trying(run, request.limit, say).all(request.only_predict)


class _Trying:
    """The parts of a trial, in their order."""

    def __init__(self, run: Prepared, limit: int, say: Say) -> None:
        self._run, self._limit, self._say = run, limit, say
        training = run.hparams.training
        self._average = None
        if training.ema_decay:
            with run.strategy.scope():
                weights = run.model.trainable_variables
                self._average = WeightAverage(weights, training.ema_decay, run.strategy)
        self._device = computing_device()
        self._device_limit = device_limit(self._device)
        self._gauge = gauge_of(self._device)
        self._feeds = Feeds(run.corpora.streams, {})
        self._steps = run.make_step(self._feeds.specs)
        self._most = 0
        self._known: dict[Any, float] = {}

    def all(self, only_predict: bool) -> Trial:
        names = tuple(self._run.corpora.sizes)
        found = {
            name: self._grow(name)
            if trains(self._run.model, name)
            else ProblemTrial(name)
            for name in names
        }
        self._evaluate()
        trial = self._trial(found)
        if only_predict or not trial.fits(min(self._limit, available_memory())):
            return trial
        copies = self._copies()  # As while a checkpoint is being written.
        for name in names:
            if found[name].buckets:
                found[name] = self._run_worst(found[name])
        peak = own_memory("VmHWM")
        del copies
        for name in names:
            if found[name].buckets:
                found[name] = self._run_usual(found[name])
        return dataclasses.replace(
            trial,
            problems=tuple(found.values()),
            process_peak=peak,
            device_peak=None if trial.on_host else self._most,
        )

    def _grow(self, name: str) -> ProblemTrial:
        """Steps on parts of a batch of every bucket."""
        stream = self._run.corpora.streams[name]
        buckets: list[fit.Bucket] = []
        first = 0.0
        for number, plan in enumerate(stream.plan.buckets):
            batch = stream.bucket_batch(number)
            if not number:
                self._say(f"{name}: its first step")
                first = self._step(name, _first(batch, 1))[0]
            bucket = fit.Bucket(self._shape(name, plan, batch), {})
            for part in _PARTS_OF_A_BATCH:
                bucket = self._grown(name, bucket, batch, part)
            buckets.append(bucket)
        number = fit.worst(buckets)
        batch = stream.bucket_batch(number)
        buckets[number] = self._grown(name, buckets[number], batch, _LARGEST_PART)
        return ProblemTrial(name, tuple(buckets), first)

    def _grown(
        self, name: str, bucket: fit.Bucket, batch: Mapping[str, Any], part: float
    ) -> fit.Bucket:
        """The bucket with a part of its batch tried, if there is room for that."""
        shape = bucket.shape
        size = max(1, int(part * shape.batch_size))
        if bucket.held and bucket.line.at(size) > self._room():
            return bucket
        # Problems of equal signature share a graph, and so what it holds.
        key = self._run.model.view(name).signature, shape.inputs, shape.targets, size
        if key not in self._known:
            self._say(f"{name}: {size} of {shape.inputs} -> {shape.targets}")
            self._known[key] = self._step(name, _first(batch, size))[1]
        return fit.Bucket(shape, {**bucket.held, size: self._known[key]})

    def _room(self) -> float:
        """What a step may hold."""
        now = self._gauge.current()
        if self._device_limit is not None:
            return self._device_limit - now
        # Of what the process has, the allocator can use what it held before.
        return _TRIED * available_memory() - own_memory() + (self._most - now)

    def _shape(self, name: str, plan: Plan, batch: Mapping[str, Any]) -> fit.Shape:
        (problem,) = [p for p in self._run.corpora.problems if p.name == name]
        cost = max(
            problem.inputs.cost(plan.inputs_length),
            problem.targets.cost(plan.targets_length),
        )
        inputs, targets = (
            "x".join(map(str, batch[side].shape)) for side in ("inputs", "targets")
        )
        return fit.Shape(plan.batch_size, inputs, targets, int(cost), plan.num_batches)

    def _run_worst(self, trial: ProblemTrial) -> ProblemTrial:
        stream, shape = self._run.corpora.streams[trial.name], trial.worst.shape
        self._say(f"{trial.name}: its worst batch, {shape.inputs} -> {shape.targets}")
        batch = stream.bucket_batch(fit.worst(trial.buckets))
        seconds, held, loss = self._step(trial.name, batch)
        return dataclasses.replace(trial, held=held, worst_seconds=seconds, loss=loss)

    def _run_usual(self, trial: ProblemTrial) -> ProblemTrial:
        """Steps as training takes them: on the next batch of the stream."""
        for number in range(_USUAL_STEPS):
            self._say(f"{trial.name}: batches as they come")
            if number == _USUAL_STEPS - _COUNTED:
                start, waited = time.perf_counter(), self._feeds.seconds_waited
            batch = self._feeds.next_batch(trial.name)
            self._take_step(trial.name, batch)
        seconds = time.perf_counter() - start
        waited = self._feeds.seconds_waited - waited
        return dataclasses.replace(
            trial, usual_seconds=seconds / _COUNTED, waited=waited / seconds
        )

    def _step(self, name: str, batch: Mapping[str, Any]) -> tuple[float, float, float]:
        """One step: its seconds, the bytes it held at most, its loss."""
        self._gauge.reset()
        before = self._gauge.current()
        start = time.perf_counter()
        loss = self._take_step(name, batch)
        seconds = time.perf_counter() - start
        peak = self._gauge.peak()
        self._most = max(self._most, peak)
        return seconds, peak - before, loss

    def _take_step(self, name: str, batch: Mapping[str, Any]) -> float:
        """A step on one batch, with its update; the loss."""
        (result,) = self._steps.update(0, 0.0, [(name, batch)])
        return float(result.loss)

    def _evaluate(self) -> None:
        """Makes the graphs of the dev losses, which a run keeps, if it has them."""
        training = self._run.hparams.training
        if not training.eval_steps:
            return
        self._say("the dev losses' graphs")
        batches = {
            name: lambda make=make: [next(iter(make()))]
            for name, make in self._run.corpora.dev_batches(training).items()
        }
        self._gauge.reset()
        DevLoss(self._run.model, batches)()
        self._most = max(self._most, self._gauge.peak())

    def _trial(self, found: Mapping[str, ProblemTrial]) -> Trial:
        resident = self._gauge.current()
        host = self._device == "CPU:0"
        # Allocators keep what they once had; the rest of the process is no tensors.
        base = own_memory("VmHWM") - (self._most if host else 0)
        return Trial(
            problems=tuple(found.values()),
            device=self._device,
            device_limit=self._device_limit,
            base=base,
            resident=resident,
            copy=sum(_bytes(variable) for variable in self._saved()),
        )

    def _saved(self) -> Iterator[Any]:
        """The variables that a checkpoint copies."""
        optimizer = self._run.optimizer
        for weight in self._run.model.weights:
            yield weight.value
        yield from (*optimizer.mean, *optimizer.square)
        if self._average is not None:
            yield from self._average.average

    def _copies(self) -> list[Any]:
        with tf.device("CPU:0"):
            return [
                tf.raw_ops.DeepCopy(x=tf.convert_to_tensor(variable))
                for variable in self._saved()
            ]


def _first(batch: Mapping[str, Any], size: int) -> dict[str, Any]:
    return {key: value[:size] for key, value in batch.items()}


def _bytes(variable: Any) -> int:
    count: int = variable.shape.num_elements()
    size: int = variable.dtype.size
    return count * size
