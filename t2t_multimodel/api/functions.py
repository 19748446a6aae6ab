"""What makes something: data, a run, a model, batches, a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_multimodel import quiet, registry
from t2t_multimodel.api.asked import (
    PathLike,
    Problems,
    decode_config,
    listed,
    names_of,
)
from t2t_multimodel.api.trained_run import TrainedRun

if TYPE_CHECKING:
    from t2t_multimodel.data.manifest import Manifest
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.training.config import HParams

DEFAULT_SET = "multimodel_tiny"


def generate(
    problems: Problems,
    data_dir: PathLike,
    source_dir: PathLike | None = None,
    *,
    progress: Callable[[str, int, int | None], None] | None = None,
    **options: Any,
) -> dict[str, Manifest]:
    """Makes the data of problems, as t2t-datagen; what is there already is kept.

    Args:
        problems: Which ones.
        data_dir: Where the data go.
        source_dir: The folder of the raw corpus, for problems that need one.
        progress: Called with a stage, how much of it is done, and of how much.
        options: Fields of `data.options.Options`: max_examples, vocab_size, ...

    Returns:
        A manifest for each problem, by name.
    """
    from t2t_multimodel.data import generation

    names_or_problems = listed(problems, data_dir)
    return generation.generate(
        [registry.problem(p) if isinstance(p, str) else p for p in names_or_problems],
        Path(data_dir),
        Path(source_dir) if source_dir else None,
        generation.Options(**options),
        progress,
    )


def train(
    problems: Problems,
    data_dir: PathLike,
    output_dir: PathLike,
    hparams: HParams | str = DEFAULT_SET,
    *,
    strategy: str = "auto",
    tpu: str = "",
    warm_start_from: TrainedRun | PathLike | None = None,
    warm_start_parts: str = "",
    callbacks: Sequence[Any] = (),
    command_line: Sequence[str] = (),
    **fields: Any,
) -> TrainedRun:
    """Trains one model on several problems, as t2t-trainer; or goes on with a run.

    Args:
        problems: Which ones; each must have data.
        data_dir: Where `generate` put it.
        output_dir: The run's folder; if it holds a run, that run goes on.
        hparams: A set, or the name of one.
        strategy: Where to compute, see `training.strategy.make_strategy`.
        tpu: The TPU's name, where one is to be used.
        warm_start_from: A run, its folder or a checkpoint in it, to begin with.
        warm_start_parts: Which parts to take; see docs/growing.md.
        callbacks: Keras's; see `training/keras_callbacks.py`.
        command_line: Kept in config.json, for a reader.
        fields: Hyper-parameters by name: train_steps=500, mixture="parse_mini=2", ...

    Returns:
        The run; its `losses` and `result` tell how training ended.
    """
    quiet.import_tensorflow()
    from t2t_multimodel.evaluation.while_training import WhileTraining
    from t2t_multimodel.training import run as training

    if isinstance(warm_start_from, TrainedRun):
        warm_start_from = warm_start_from.run.checkpoint
    result = training.train(
        make_hparams(hparams, **fields),
        names_of(problems, data_dir),
        data_dir,
        output_dir,
        strategy=strategy,
        tpu=tpu,
        callbacks=callbacks,
        command_line=command_line,
        warm_start_from=warm_start_from,
        warm_start_parts=warm_start_parts,
        make_evaluator=WhileTraining,
    )
    return TrainedRun(output_dir, result=result)


def load(output_dir: PathLike, checkpoint: str | int | None = None) -> TrainedRun:
    """A run that was trained before.

    Args:
        output_dir: Its folder.
        checkpoint: A step, a name or a path; the newest by default.

    Raises:
        ValueError: The folder is no run's, or has no such checkpoint.
    """
    found = TrainedRun(output_dir, None if checkpoint is None else str(checkpoint))
    _ = found.run  # tells now what is wrong
    return found


def new_model(
    problems: Problems, data_dir: PathLike, hparams: HParams | str = DEFAULT_SET
) -> MultiModel:
    """A model of some problems with its weights at random; `view` gives its parts."""
    quiet.import_tensorflow()
    from t2t_multimodel.training import fitting

    names = names_of(problems, data_dir)
    return fitting.new_model(make_hparams(hparams), names, data_dir)


def fit_batches(
    problem: str,
    data_dir: PathLike,
    hparams: HParams | str = DEFAULT_SET,
    *,
    split: str = "train",
    pad_to: int | None = None,
) -> Any:
    """A problem's batches as a view's `fit` takes them, see `training.fitting`."""
    quiet.import_tensorflow()
    from t2t_multimodel.training import fitting

    (name,) = names_of(problem, data_dir)
    return fitting.fit_batches(make_hparams(hparams), name, data_dir, split, pad_to)


def report(
    run: TrainedRun | PathLike,
    output: PathLike | None = None,
    *,
    is_to_evaluate: bool = True,
    max_examples: int | None = 200,
    decode_hparams: DecodeConfig | str = "",
    checkpoint: str | int | None = None,
    data_dir: PathLike | None = None,
    seed: int = 0,
) -> tuple[Path, Path]:
    """A run on one HTML page, and a model card beside it, as t2t-report.

    Args:
        run: The run or its folder.
        output: The page's file; report.html in the run's folder by default.
        is_to_evaluate: False: show the scores that the run remembers.
        max_examples: Score so many examples of each problem; None: all.
        decode_hparams: How text is searched for: "beam_size=4,alpha=0.6".
        checkpoint: A step or a name; the newest by default.
        data_dir: Where the data lies, if not where the run read it.
        seed: Of the examples drawn at random.

    Returns:
        The paths of the page and of the card.
    """
    quiet.import_tensorflow()
    from t2t_multimodel.reporting.facts import Asked
    from t2t_multimodel.reporting.write import write_report

    asked = Asked(
        data_dir=Path(data_dir) if data_dir else None,
        checkpoint=None if checkpoint is None else str(checkpoint),
        is_to_evaluate=is_to_evaluate,
        max_examples=max_examples,
        decoding=decode_config(decode_hparams),
        seed=seed,
    )
    folder = run.output_dir if isinstance(run, TrainedRun) else Path(run)
    return write_report(folder, output, asked)


def make_hparams(hparams: HParams | str = DEFAULT_SET, **fields: Any) -> HParams:
    """A set of hyper-parameters, some of them changed.

    Raises:
        ValueError: There is no such set or field (near names are given).
    """
    if isinstance(hparams, str):
        if "=" in hparams:
            raise ValueError(
                f"hparams={hparams!r} is no set; give changes by name: depth=192"
            )
        hparams = dataclasses.replace(registry.hparams(hparams), name=hparams)
    return hparams.replace(**fields)
