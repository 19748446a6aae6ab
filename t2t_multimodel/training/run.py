"""A training run from names and folders: what `t2t-trainer` and a notebook call."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from rich.console import Console

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.data.mixture import Mixture
from t2t_multimodel.data.rates import Rates
from t2t_multimodel.data.tree_symbols import keep_symbols
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of
from t2t_multimodel.training.accumulation import AccumulatedStep
from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.cluster import Cluster, read_cluster
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import Corpora, open_corpora
from t2t_multimodel.training.environment import environment
from t2t_multimodel.training.facts import facts_of
from t2t_multimodel.training.freezing import check_steps, freeze, in_full
from t2t_multimodel.training.loop import Loop, TrainResult
from t2t_multimodel.training.mixing import RunMixture
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.precision import resolved
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.realised import Realised
from t2t_multimodel.training.record import CONFIG, RunRecord
from t2t_multimodel.training.restore import Run
from t2t_multimodel.training.roll_call import roll_call
from t2t_multimodel.training.run_copy import copy_whole
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import is_tpu, make_strategy
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.warm_start import (
    WarmStart,
    WarmStartFrom,
    asked_for,
    start_of,
    warm_start,
    warm_start_text,
)
from t2t_multimodel.training.watching.evaluator import MakeEvaluator
from t2t_multimodel.training.watching.watchers import watchers
from t2t_multimodel.training.workers import Workers, lost_workers_named

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run before its first step.

    Attributes:
        hparams: What took effect.
        corpora: The problems and their data.
        strategy: In whose scope the model was made.
        model: With all its weights, at random.
        optimizer: Over all of them that are trained.
        start: What was taken from another run, or None.
    """

    hparams: HParams
    corpora: Corpora
    strategy: tf.distribute.Strategy
    model: MultiModel
    optimizer: Adam
    start: WarmStart | None = None

    def make_step(self, specs: Any) -> TrainStep:
        """The training step for batches of these specs."""
        training = self.hparams.training
        parts = (self.model, self.optimizer, self.strategy, specs, training.seed)
        if training.batches_per_step > 1:
            return AccumulatedStep(*parts, training.batches_per_step)
        return TrainStep(*parts)

    def make_mixture(self, origin: int = 0) -> Mixture:
        """Which problem each batch is of, from step `origin` on."""
        return self.corpora.mixture(self.hparams.training, origin)


def prepare(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: str | Path,
    strategy: str = "auto",
    start: WarmStartFrom | WarmStart | None = None,
    cluster: Cluster | None = None,
    tpu: str = "",
) -> Prepared:
    """Opens the data and builds the model and its optimizer.

    Seeds Python's, NumPy's and Keras's generators with the run's seed.

    Args:
        hparams: Of the model and its training.
        problem_names: Names of registered problems.
        data_dir: Where their data lies.
        strategy: See `make_strategy`.
        start: From which run to take weights; or, of a run that goes on, what was taken
            when it began.
        cluster: The processes that train together; this one alone by default.
        tpu: See `make_strategy`.

    Raises:
        ValueError: The mixture names a problem that is not here; else as
            `open_corpora`, `make_strategy`, `roll_call`, `warm_start` and `freeze`.
    """
    training = hparams.training
    cluster = cluster or Cluster()
    # Several workers first see whether they agree, then they connect.
    scope = make_strategy(strategy, cluster, tpu) if cluster.size == 1 else None
    with roll_call(cluster) as facts:
        Rates.parse(training.mixture).check_names(problem_names)
        corpora = open_corpora(
            problem_names,
            Path(data_dir),
            training,
            part=(cluster.index, cluster.size),
            multiple_of=_batch_multiple(scope),
        )
        facts |= facts_of(hparams, corpora, start)
    scope = scope or make_strategy(strategy, cluster, tpu)
    keras.utils.set_random_seed(training.seed)
    with scope.scope():
        model = MultiModel(
            hparams.model,
            [task_of(problem) for problem in corpora.problems],
            corpora.vocabulary.size if corpora.vocabulary else 3,
        )
        model.build_views()
    # Outside the scope: of the source's weights one copy is enough.
    if isinstance(start, WarmStartFrom):
        fingerprint = corpora.vocabulary.fingerprint if corpora.vocabulary else ""
        start = warm_start(model, start, fingerprint, corpora.problem_options)
    parts = in_full(training.train_parts, start.random if start else None)
    freeze(model, parts)
    with scope.scope():
        optimizer = Adam(model.trainable_variables, training)
    hparams = hparams.replace(train_parts=parts)
    return Prepared(hparams, corpora, scope, model, optimizer, start)


def train(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: str | Path,
    output_dir: str | Path,
    train_steps: int | None = None,
    strategy: str = "auto",
    mixture: str | None = None,
    seed: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    command_line: Sequence[str] = (),
    warm_start_from: str | Path | None = None,
    warm_start_parts: str = "",
    make_evaluator: MakeEvaluator | None = None,
    tpu: str = "",
) -> TrainResult:
    """Trains one model on several problems, or goes on with a run.

    Where TF_CONFIG lists several workers, each of them calls this with the same
    arguments; see docs/scaling.md.

    Args:
        hparams: Of the model and its training.
        problem_names: Names of registered problems; each must have data.
        data_dir: Where t2t-datagen put the data.
        output_dir: The run's folder; if it holds a run, that run goes on.
        train_steps: Replaces the field of this name; so do `mixture` and `seed`.
        strategy: See `make_strategy`; so with `tpu`.
        callbacks: Keras's; `keras_callbacks.py` says what they are told.
        command_line: Kept in config.json, for a reader.
        warm_start_from: A run's folder or a checkpoint in one, whose weights a new run
            begins with; a run that goes on has its own.
        warm_start_parts: Which parts to take; see `WarmStartFrom`.
        make_evaluator: Makes what decodes dev examples while the run trains; without it
            there are only losses to go by.

    Raises:
        ValueError: The data is missing or does not fit, `output_dir` holds a run that
            differs, a warm start does not fit, or the loss of a step was not finite.
            One clear line.
        WorkerLostError: Another worker is gone.
    """
    cluster = read_cluster()
    given = {"train_steps": train_steps, "mixture": mixture, "seed": seed}
    hparams = hparams.replace(**{k: v for k, v in given.items() if v is not None})
    output_dir = Path(output_dir)
    hparams = resolved(hparams, output_dir, strategy)
    start = start_of(output_dir, asked_for(warm_start_from, warm_start_parts))
    with lost_workers_named(cluster), tempfile.TemporaryDirectory() as scratch:
        run = prepare(hparams, problem_names, data_dir, strategy, start, cluster, tpu)
        record = _record(run, command_line)
        # The workers but for the chief write what nobody reads, and read what it wrote.
        folder = output_dir if cluster.is_chief else Path(scratch)
        loop = _loop(
            run, record, output_dir, folder, cluster, callbacks, make_evaluator
        )
        return loop.run(output_dir)


def _loop(
    run: Prepared,
    record: RunRecord,
    output_dir: Path,
    own_folder: Path,
    cluster: Cluster,
    callbacks: Sequence[keras.callbacks.Callback],
    make_evaluator: MakeEvaluator | None,
) -> Loop:
    """A run about to train; its folder has what says what it is."""
    hparams = run.hparams
    training = hparams.training
    summaries = Summaries(own_folder)
    run_mixture = RunMixture(
        run.make_mixture, training.mixture, training.batches_per_step, summaries
    )
    if training.train_parts:
        check_steps(run.model, run_mixture.counts_before(training.train_steps))
    if (output_dir / CONFIG).exists():
        RunRecord.read(output_dir).check_goes_on(record, output_dir)
    data_dir = run.corpora.data_dir
    record.write(own_folder, data_dir / VOCABULARY_FILE)
    keep_symbols(run.corpora.problems, data_dir, own_folder)
    _copy_definitions(record.problem_names, data_dir, own_folder)
    average = None
    if training.ema_decay:
        with run.strategy.scope():
            weights = run.model.trainable_variables
            average = WeightAverage(weights, training.ema_decay, run.strategy)
    _log.info(
        "%s: %s weights, %d problems, into %s",
        hparams.name,
        f"{run.model.count_params():,}",
        len(run.corpora.problems),
        output_dir,
    )
    saved = (run.model, run.optimizer, average)
    keep = (training.keep_checkpoints, training.keep_checkpoint_every)
    checkpoints = Checkpoints(output_dir, *saved, *keep, cluster.is_chief)
    if run.start and not list_checkpoints(output_dir):
        _log.info("%s", warm_start_text(run.start, run.model))
        checkpoints.save(0, {})  # From here on the run needs its source no more.
    progress = Progress(
        summaries,
        training.train_steps,
        None if cluster.is_chief else Console(quiet=True),
    )
    realised = Realised(
        own_folder, run_mixture, run.corpora.epochs, summaries, progress.show
    )
    return Loop(
        config=training,
        mixture=run_mixture,
        streams=run.corpora.streams,
        make_step=run.make_step,
        checkpoints=checkpoints,
        average=average,
        progress=progress,
        listeners=[
            run_mixture,
            realised,  # It also counts what a watcher then rolls back.
            *watchers(
                run,
                own_folder,
                progress.say,
                summaries,
                callbacks,
                evaluator=make_evaluator(_as_run(run, own_folder))
                if make_evaluator
                else None,
                weights=average.in_model if average else contextlib.nullcontext,
                make_checkpoints=lambda folder: Checkpoints(folder, *saved, keep=1),
            ),
        ],
        workers=Workers(cluster, run.strategy),
    )


def _batch_multiple(strategy: tf.distribute.Strategy | None) -> int:
    """What batch sizes are multiples of: on a TPU all shares have one shape."""
    return strategy.num_replicas_in_sync if strategy and is_tpu(strategy) else 1


def _as_run(run: Prepared, output_dir: Path) -> Run:
    """The run as evaluation and decoding take it, with the weights of any moment."""
    return Run(
        model=run.model,
        hparams=run.hparams,
        problem_names=tuple(run.corpora.streams),
        vocabulary=run.corpora.vocabulary,
        data_dir=run.corpora.data_dir,
        seed=run.hparams.training.seed,
        step=0,
        output_dir=output_dir,
        checkpoint="",
        problem_options=run.corpora.problem_options,
    )


def _copy_definitions(names: Sequence[str], data_dir: Path, output_dir: Path) -> None:
    """Lets the run know problems that a file beside their data defines."""
    for name in names:
        path = data_dir / f"{name}{registry.DEFINITION_SUFFIX}"
        if path.exists():
            copy_whole(path, output_dir / path.name)


def _record(run: Prepared, command_line: Sequence[str]) -> RunRecord:
    vocabulary = run.corpora.vocabulary
    return RunRecord(
        hparams=run.hparams,
        tasks=tuple(run.model.tasks.values()),
        problem_options=run.corpora.problem_options,
        vocabulary_fingerprint=vocabulary.fingerprint if vocabulary else "",
        vocabulary_size=vocabulary.size if vocabulary else 0,
        data_dir=str(run.corpora.data_dir.absolute()),
        command_line=tuple(command_line),
        warm_start=run.start.to_dict() if run.start else None,
        environment=environment(),
    )
