"""What a trained run is asked: scores, a comparison, outputs, how likely pairs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_multimodel.api.asked import (
    PathLike,
    Problems,
    decode_config,
    names_of,
    run_of,
)
from t2t_multimodel.api.trained_run import TrainedRun

if TYPE_CHECKING:
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.pair_scores import PairScore
    from t2t_multimodel.decoding.raw_inputs import Answer
    from t2t_multimodel.evaluation.comparison import ProblemComparison
    from t2t_multimodel.evaluation.score import ProblemScores
    from t2t_multimodel.training.restore import Run


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
    loaded = run_of(run)
    from t2t_multimodel.evaluation import report
    from t2t_multimodel.evaluation.evaluate import evaluate as evaluate_run
    from t2t_multimodel.evaluation.saved import save_scores

    config = decode_config(decode_hparams)
    names = names_of(problems) if problems else None
    results = evaluate_run(loaded, names, decode_config=config, **options)
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
    new = run_of(after)
    from t2t_multimodel.evaluation.comparison import compare_runs
    from t2t_multimodel.training.restore import load_run_at

    old = before.run if isinstance(before, TrainedRun) else load_run_at(before)
    return compare_runs(
        old,
        new,
        names_of(problems) if problems else None,
        results=list(results.values()) if results else None,
        data_dir=data_dir,
        decode_config=decode_config(decode_hparams),
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
    loaded = run_of(run)
    from t2t_multimodel.decoding import reading
    from t2t_multimodel.decoding.jobs import jobs_of
    from t2t_multimodel.decoding.raw_inputs import RawDecoder

    names = names_of(problems) if problems else loaded.problem_names
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
    decoder = RawDecoder(loaded, decode_config(decode_hparams), top_k, data_dir=folder)
    return decoder.decode(jobs_of(loaded, items, names_of(problems or ())), on_error)


def score(
    run: TrainedRun | Run | PathLike,
    pairs: Sequence[tuple[Any, Any]] | None = None,
    problems: Problems | None = None,
    *,
    file: PathLike | None = None,
    on_error: str = "stop",
) -> list[PairScore]:
    """How likely given targets are, teacher-forced, as t2t-decoder --score_file.

    Args:
        run: The run or its folder.
        pairs: Inputs and targets.
        problems: Which problems each pair is for; may be left out of a run of one.
        file: In place of `pairs`: a .jsonl, or else tab-separated.
        on_error: "stop" at a pair that cannot be read, or "skip" it.

    Returns:
        For each pair and problem, in order, its `log_probability` and more.
    """
    if (pairs is None) == (file is None):
        raise ValueError("give pairs or a file of them")
    loaded = run_of(run)
    from t2t_multimodel.decoding import reading
    from t2t_multimodel.decoding.pair_scores import score_pairs

    if file is not None:
        is_json = Path(file).suffix.lower() == ".jsonl"
        items = reading.read_file(file, "jsonl" if is_json else "tsv")
    else:
        items = [
            reading.Item(inputs, f"pair {number}", targets=targets)
            for number, (inputs, targets) in enumerate(pairs or (), start=1)
        ]
    return score_pairs(loaded, items, names_of(problems or ()), on_error=on_error)
