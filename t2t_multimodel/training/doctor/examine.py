"""Whether a run fits, and if it does not, what would: first predicted, then tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import Corpora, open_corpora
from t2t_multimodel.training.doctor import fit
from t2t_multimodel.training.doctor.apart import Request, Say, TooLarge, run_apart
from t2t_multimodel.training.doctor.sizes import available_memory, own_memory
from t2t_multimodel.training.doctor.sketch import (
    Persistent,
    fewer_experts,
    persistent,
    sketch,
)
from t2t_multimodel.training.doctor.trial import Built, Trial, run_trial
from t2t_multimodel.training.freezing import freeze
from t2t_multimodel.training.warm_start import WarmStartFrom

# What is proposed takes so much of the memory; so does at most a model that stands for
# one which is too large, with so many times the experts that are chosen.
_PROPOSED, _STAND_IN, _STAND_IN_EXPERTS = 0.95, 0.5, 2


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a dry run found, in bytes and seconds.

    Attributes:
        hparams: Of the run, with `train_parts` in full.
        model: Of it, without values.
        corpora: Its problems and their data.
        amounts: What it holds all the time.
        limit: What it may take of the host's memory.
        trial: What was tried; None: nothing could be.
        tried: The set that was tried; another one than the run's if that is too large.
        predicted: The run's peak on the host, with a checkpoint being written.
        fits: Whether that, and the device's peak, are within the limits.
        too_large: What the trial was doing when it took more than predicted; else "".
        proposal: What would fit, as --hparams; "" if it fits or nothing would.
        batches: Of each problem in the whole run.
    """

    hparams: HParams
    model: Any
    corpora: Corpora
    amounts: Persistent
    limit: int
    trial: Trial | None
    tried: HParams
    predicted: float
    fits: bool
    too_large: str
    proposal: str
    batches: dict[str, int]

    @property
    def seconds(self) -> float | None:
        """Of the whole run's steps; None if their time is not known."""
        if self.trial is None or self.trial.process_peak is None:
            return None
        return sum(
            self.batches[problem.name] * (problem.usual_seconds or 0.0)
            for problem in self.trial.problems
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "hparams_set": self.hparams.name,
            "memory": dataclasses.asdict(self.amounts),
            "checkpoint": self.amounts.checkpoint,
            "memory_limit": self.limit,
            "predicted_peak": self.predicted,
            "predicted_device_peak": self.trial and self.trial.predicted_device,
            "measured_peak": self.trial and self.trial.process_peak,
            "measured_device_peak": self.trial and self.trial.device_peak,
            "fits": self.fits,
            "too_large": self.too_large,
            "proposal": self.proposal,
            "tried": {"num_experts": self.tried.model.num_experts},
            "batches": self.batches,
            "seconds": self.seconds,
            "trial": dataclasses.asdict(self.trial) if self.trial else None,
        }


def examine(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: Path,
    strategy: str,
    start: WarmStartFrom | None,
    limit: int | None,
    say: Say,
    built: Callable[[Built], None],
    apart: bool,
) -> Findings:
    """Predicts, tries what can be tried, and proposes what would fit.

    Args:
        hparams: Of the run.
        problem_names: Its problems.
        data_dir: Where their data lies.
        strategy: See `make_strategy`.
        start: From which run it takes weights, or None.
        limit: What it may take of the host's memory; None: what is available.
        say: Told what is being done.
        built: Told once the model of the run exists.
        apart: Whether the trial has a process of its own.

    Raises:
        ValueError: As `training.run.train`.
    """
    available = available_memory()
    limit = limit or available
    say("reading the data's index")
    corpora = open_corpora(problem_names, data_dir, hparams.training)
    batches = corpora.batches(hparams.training)
    with tf.device("CPU:0"):
        model = sketch(hparams, corpora)
    predicted: float = own_memory() + _on_host(persistent(model, hparams))
    tried: HParams | None = hparams
    trial, too_large = None, ""
    if predicted > min(limit, available):
        say("looking for a smaller model that can be tried")
        tried = _stand_in(hparams, corpora, available)

    def when_built(told: Built) -> None:
        nonlocal hparams
        if tried is hparams:
            freeze(model, told.train_parts)
            hparams = hparams.replace(train_parts=told.train_parts)
            built(told)

    if tried:
        is_whole = tried is hparams
        request = Request(
            tried,
            tuple(problem_names),
            data_dir,
            strategy,
            (str(start.source), start.parts) if start and is_whole else None,
            limit,
            only_predict=not is_whole,
        )
        try:
            trial = (run_apart if apart else run_trial)(request, say, when_built)
        except TooLarge as error:
            too_large = str(error)
    amounts = persistent(model, hparams)
    fits, proposal = False, ""
    if tried and trial:
        stands_for = None if is_whole else hparams
        more = _difference(tried, stands_for, corpora)
        predicted = trial.predicted_process + more
        fits = (is_whole or trial.on_host) and trial.fits(limit - more)
        if not fits:
            proposal = propose(tried, stands_for, corpora, trial, limit)
    return Findings(
        hparams=hparams,
        model=model,
        corpora=corpora,
        amounts=amounts,
        limit=limit,
        trial=trial,
        tried=tried or hparams,
        predicted=predicted,
        fits=fits,
        too_large=too_large,
        proposal=proposal,
        batches=batches,
    )


def propose(
    tried: HParams,
    stands_for: HParams | None,
    corpora: Corpora,
    trial: Trial,
    limit: float,
) -> str:
    """What would fit, as --hparams; "" if nothing is known that would.

    Batches as large as fit if the model does; else fewer experts, as many as fit.

    Args:
        tried: The set that was tried.
        stands_for: The run's, if that was too large to be tried.
        corpora: The run's.
        trial: What was found of `tried`.
        limit: Bytes of the host's memory.
    """
    costs = _batch_costs(tried, corpora, trial, trial.room(_PROPOSED * limit))
    if all(costs.values()) and not stands_for:
        return _assignments(costs)
    # Without what the number of experts decides. A step on a model with more of them
    # holds larger gradients; on one with fewer it may hold no less, where its peak lies
    # before the gradients.
    own, wanted = _amounts(tried, corpora), stands_for or tried
    rest = trial.predicted_process - (own.least if stands_for else own.saved)
    found = fewer_experts(
        wanted, corpora, _PROPOSED * limit - rest, has_gradients=bool(stands_for)
    )
    if found and trial.on_host:
        return _assignments({"num_experts": found.model.num_experts})
    if all(costs.values()):
        return _assignments({"num_experts": tried.model.num_experts, **costs})
    return ""


def _stand_in(hparams: HParams, corpora: Corpora, available: float) -> HParams | None:
    """A set with so few experts that its activations can be measured here."""
    room = _STAND_IN * available - own_memory()
    most = _STAND_IN_EXPERTS * hparams.model.top_k
    return fewer_experts(hparams, corpora, room, most)


def _difference(tried: HParams, stands_for: HParams | None, corpora: Corpora) -> int:
    """How much more the set needs that another one stands for."""
    if stands_for is None:
        return 0
    whole, own = _amounts(stands_for, corpora), _amounts(tried, corpora)
    return _on_host(whole) - _on_host(own)


def _amounts(hparams: HParams, corpora: Corpora) -> Persistent:
    with tf.device("CPU:0"):
        return persistent(sketch(hparams, corpora), hparams)


def _batch_costs(
    hparams: HParams, corpora: Corpora, trial: Trial, room: float
) -> dict[str, int]:
    """The fields that decide the batches, those that must change, at their largest."""
    kind = {problem.name: problem.inputs.modality for problem in corpora.problems}
    buckets: dict[str, list[fit.Bucket]] = {}
    for problem in trial.problems:
        buckets.setdefault(kind[problem.name], []).extend(problem.buckets)
    found = {}
    for modality, own in buckets.items():
        field = f"batch_cost_{modality}"
        now = hparams.fields()[field]
        largest = fit.largest_batch_cost(own, room, now)
        if largest != now:
            found[field] = largest
    return found


def _assignments(fields: dict[str, int]) -> str:
    return ",".join(f"{name}={value}" for name, value in fields.items())


def _on_host(amounts: Persistent) -> int:
    """What a run holds of the host's memory at least, beside its activations."""
    if tf.config.list_physical_devices("GPU"):
        return amounts.checkpoint  # its copy
    return amounts.least
