"""Who is told what happens between the steps of a run, in the order of being told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.dev_loss import DevEvaluation, DevLoss, Measure
from t2t_multimodel.training.keras_callbacks import KerasCallbacks
from t2t_multimodel.training.listener import Listener
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.best import BestKept, EarlyStopping
from t2t_multimodel.training.watching.cosines import GradientCosines
from t2t_multimodel.training.watching.evaluator import (
    LOSS,
    Evaluator,
    Figure,
    figure_of,
)
from t2t_multimodel.training.watching.expert_loads import ExpertLoads
from t2t_multimodel.training.watching.non_finite import NonFinite
from t2t_multimodel.training.watching.samples import Samples

if TYPE_CHECKING:
    from t2t_multimodel.training.run import Prepared


def watchers(
    run: Prepared,
    output_dir: Path,
    say: Callable[[str], None],
    summaries: Summaries,
    callbacks: Sequence[keras.callbacks.Callback],
    evaluator: Evaluator | None,
    weights: Callable[[], AbstractContextManager[None]],
    make_checkpoints: Callable[[Path], Checkpoints],
) -> list[Listener]:
    """The listeners that a run's hyper-parameters ask for, and Keras callbacks.

    Args:
        run: The run.
        output_dir: Its folder.
        say: Shows a line.
        summaries: The run's.
        callbacks: Keras's.
        evaluator: Decodes dev examples, if anything does.
        weights: A context in which the model has the weights that evaluation uses.
        make_checkpoints: The run's checkpoints, but in another folder.

    Raises:
        ValueError: A figure that is asked for does not exist.
    """
    training, streams = run.hparams.training, run.corpora.streams
    listeners: list[Listener] = [
        NonFinite(
            training.on_nonfinite,
            training.nonfinite_limit,
            lambda problem, batch: streams[problem].records_of(batch),
            output_dir,
            say,
            summaries,
        )
    ]
    if run.model.expert_layers:
        listeners.append(
            ExpertLoads(
                run.model.expert_layers,
                run.hparams.model.num_experts,
                tuple(streams),
                training.dead_expert_share,
                output_dir,
                say,
                summaries,
            )
        )
    dev_batches = run.corpora.dev_batches(training)
    judge = functools.partial(
        figure_of,
        problems=tuple(streams),
        with_dev=tuple(dev_batches),
        evaluator=evaluator,
    )
    stop_on, best_by = training.stop_on, training.best_by or training.stop_on
    figures = [
        judge(field, name)
        for field, name in (("stop_on", stop_on), ("best_by", best_by))
        if name
    ]
    measures: list[Measure] = [DevLoss(run.model, dev_batches)]
    if evaluator:
        examples = training.metric_examples
        measures += [
            functools.partial(_score, evaluator, problem, metrics, examples)
            for problem, metrics in _decoded(figures).items()
        ]
    listeners.append(DevEvaluation(training.eval_steps, measures, weights))
    if stop_on:
        listeners.append(EarlyStopping(figures[0], training.stop_patience))
    if best_by:
        listeners.append(
            BestKept(
                figures[-1],
                training.metric_examples,
                make_checkpoints,
                output_dir,
                say,
            )
        )
    if training.cosine_steps:
        listeners.append(
            GradientCosines(
                training.cosine_steps, run.model, streams, run.strategy, summaries
            )
        )
    if training.sample_steps:
        if evaluator is None:
            raise ValueError("sample_steps needs t2t_multimodel.train, which decodes")
        every, count = training.sample_steps, training.sample_count
        listeners.append(
            Samples(every, count, tuple(streams), evaluator, weights, say, summaries)
        )
    if callbacks:
        listeners.append(KerasCallbacks(callbacks, run.model, training.eval_steps))
    return listeners


def _decoded(figures: Sequence[Figure]) -> dict[str, list[str]]:
    """The metrics that take decoding, by problem, each once."""
    metrics: dict[str, list[str]] = {}
    for figure in dict.fromkeys(figures):
        if figure.metric != LOSS:
            metrics.setdefault(figure.problem, []).append(figure.metric)
    return metrics


def _score(
    evaluator: Evaluator, problem: str, metrics: Sequence[str], examples: int
) -> Mapping[str, float]:
    """Figures by PROBLEM/METRIC."""
    scores = evaluator.score(problem, metrics, examples)
    return {f"{problem}/{metric}": value for metric, value in scores.items()}
