"""What each program does, as a function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_multimodel import quiet, registry
from t2t_multimodel.api.trained_run import TrainedRun

if TYPE_CHECKING:
    from t2t_multimodel.data.manifest import Manifest
    from t2t_multimodel.data.problem import Problem
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.raw_inputs import Answer
    from t2t_multimodel.evaluation.comparison import ProblemComparison
    from t2t_multimodel.evaluation.score import ProblemScores
    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.training.config import HParams
    from t2t_multimodel.training.restore import Run

Problems = str | Sequence["str | Problem"]
PathLike = str | Path

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

    names_or_problems = _listed(problems, data_dir)
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
        warm_start_from: A run, its folder or a checkpoint in it, to begin with.
        warm_start_parts: Which parts to take; see docs/growing.md.
        callbacks: Keras's; see `training/keras_callbacks.py`.
        command_line: Kept in config.json, for a reader.
        fields: Hyper-parameters by name: train_steps=500, mixture="parse_mini=2", ...

    Returns:
        The run; its `losses` and `result` tell how training ended.
    """
    quiet.import_tensorflow()
    from t2t_multimodel.training import run as training

    if isinstance(warm_start_from, TrainedRun):
        warm_start_from = warm_start_from.run.checkpoint
    result = training.train(
        make_hparams(hparams, **fields),
        _names(problems, data_dir),
        data_dir,
        output_dir,
        strategy=strategy,
        callbacks=callbacks,
        command_line=command_line,
        warm_start_from=warm_start_from,
        warm_start_parts=warm_start_parts,
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


def evaluate(
    run: TrainedRun | Run | PathLike,
    problems: Problems | None = None,
    *,
    decode_hparams: DecodeConfig | str = "",
    report_dir: PathLike | None = None,
    **options: Any,
) -> dict[str, ProblemScores]:
    """Scores a run on what it writes by itself, as t2t-eval.

    The scores also go to the run's `eval/`, where TensorBoard and `report` find them.

    Args:
        run: The run or its folder.
        problems: Problems of the run; all by default.
        decode_hparams: How text is searched for: "beam_size=4,alpha=0.6".
        report_dir: Where to leave JSON, a table, a page and all outputs.
        options: split, max_examples, data_dir, batch_cost, show_progress; see
            `evaluation.evaluate.evaluate`.

    Returns:
        Each problem's scores by its name, examples and outputs included.
    """
    loaded = _run_of(run)
    from t2t_multimodel.evaluation import report
    from t2t_multimodel.evaluation.evaluate import evaluate as score
    from t2t_multimodel.evaluation.saved import save_scores

    config = _decode_config(decode_hparams)
    names = _names(problems) if problems else None
    results = score(loaded, names, decode_config=config, **options)
    report.write_summaries(loaded.output_dir, loaded.step, results)
    save_scores(loaded.output_dir, loaded.step, results, config)
    if report_dir:
        report.save_report(report_dir, loaded, results, config)
    return {result.problem: result for result in results}


def compare(
    before: TrainedRun | PathLike,
    after: TrainedRun | Run | PathLike,
    problems: Problems | None = None,
    *,
    results: Mapping[str, ProblemScores] | None = None,
    data_dir: PathLike | None = None,
    decode_hparams: DecodeConfig | str = "",
    **options: Any,
) -> tuple[ProblemComparison, ...]:
    """Two runs' scores on the same examples, as t2t-eval --compare_to.

    Args:
        before: A run, its folder, or a checkpoint in one.
        after: The other.
        problems: Problems of `after`; all by default.
        results: What `evaluate` gave of `after`, if it was done already.
        data_dir: Where the data of both lies, if not where `after` read it.
        decode_hparams, options: As of `evaluate`.

    Raises:
        ValueError: `before` knows none of the problems, or the two were not scored on
            the same examples.
    """
    new = _run_of(after)
    from t2t_multimodel.evaluation.comparison import compare_runs
    from t2t_multimodel.training.restore import load_run_at

    old = before.run if isinstance(before, TrainedRun) else load_run_at(before)
    return compare_runs(
        old,
        new,
        _names(problems) if problems else None,
        results=list(results.values()) if results else None,
        data_dir=data_dir,
        decode_config=_decode_config(decode_hparams),
        **options,
    )


def decode(
    run: TrainedRun | Run | PathLike,
    inputs: Sequence[Any] | None = None,
    problems: Problems | None = None,
    *,
    file: PathLike | None = None,
    split: str | None = None,
    max_examples: int | None = None,
    decode_hparams: DecodeConfig | str = "",
    top_k: int = 5,
    on_error: str = "stop",
    data_dir: PathLike | None = None,
) -> list[Answer]:
    """What a run makes of inputs, as t2t-decoder.

    Args:
        run: The run or its folder.
        inputs: Sentences; paths, bytes or arrays of images or sound; folders of those.
        problems: Which problems each input is for; may be left out of a run of one.
        file: In place of `inputs`: lines, .tsv or .jsonl.
        split: In place of `inputs`: "train", "dev" or "test" of the generated data.
        max_examples: The first so many; of a split, of each problem.
        decode_hparams: How text is searched for: "beam_size=4,alpha=0.6".
        top_k: How many classes a ranking holds at most.
        on_error: "stop" at an input that cannot be read, or "skip" it.
        data_dir: Where the data lies, if not where the run read it.

    Returns:
        An answer for each input and problem, in order: `text` is what to read.
    """
    if sum(source is not None for source in (inputs, file, split)) != 1:
        raise ValueError("give one of inputs, file and split")
    if isinstance(inputs, str | bytes):
        raise ValueError(f"inputs is a list, [{inputs!r:.40}] for example")
    loaded = _run_of(run)
    from t2t_multimodel.decoding import reading
    from t2t_multimodel.decoding.jobs import jobs_of
    from t2t_multimodel.decoding.raw_inputs import RawDecoder

    names = _names(problems) if problems else loaded.problem_names
    folder = Path(data_dir) if data_dir else None
    if split is not None:
        items = [
            item
            for name in names
            for item in reading.read_split(
                loaded.problem(name), folder or loaded.data_dir, split, max_examples
            )
        ]
    elif file is not None:
        items = reading.read_file(file)[:max_examples]
    else:
        known = [loaded.problem(name) for name in names]
        items = reading.read_arguments(inputs or (), known)[:max_examples]
    decoder = RawDecoder(loaded, _decode_config(decode_hparams), top_k, data_dir=folder)
    return decoder.decode(jobs_of(loaded, items, _names(problems or ())), on_error)


def new_model(
    problems: Problems, data_dir: PathLike, hparams: HParams | str = DEFAULT_SET
) -> MultiModel:
    """A model of some problems with its weights at random; `view` gives its parts."""
    quiet.import_tensorflow()
    from t2t_multimodel.training import fitting

    names = _names(problems, data_dir)
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

    (name,) = _names(problem, data_dir)
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
        decoding=_decode_config(decode_hparams),
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


def _run_of(run: TrainedRun | Run | PathLike) -> Run:
    if isinstance(run, str | Path):
        run = TrainedRun(run)
    return run.run if isinstance(run, TrainedRun) else run


def _listed(
    problems: Problems, data_dir: PathLike | None = None
) -> Sequence[str | Problem]:
    """Names and problems, the names checked and expanded."""
    if data_dir is not None:
        registry.use_definitions(data_dir)
    found: list[str | Problem] = []
    for problem in [problems] if isinstance(problems, str) else problems:
        if isinstance(problem, str):
            found += registry.parse_problems([problem])
        else:
            found.append(problem)
    return found


def _names(problems: Problems, data_dir: PathLike | None = None) -> tuple[str, ...]:
    listed = _listed(problems, data_dir)
    names = (p if isinstance(p, str) else p.name for p in listed)
    return tuple(dict.fromkeys(names))


def _decode_config(text: DecodeConfig | str) -> DecodeConfig:
    from t2t_multimodel.decoding.config import DecodeConfig

    return DecodeConfig.from_text(text) if isinstance(text, str) else text
