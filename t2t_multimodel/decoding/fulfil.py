"""From a request to its answers: read, decode or score, write, tell of the skipped."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from t2t_multimodel.data.features import Tree
from t2t_multimodel.decoding import answers as writing
from t2t_multimodel.decoding import reading
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.interactive import (
    Conversation,
    converse_on_standard_streams,
)
from t2t_multimodel.decoding.jobs import jobs_of
from t2t_multimodel.decoding.pair_scores import PairScore, score_pairs
from t2t_multimodel.decoding.raw_inputs import Answer, RawDecoder
from t2t_multimodel.decoding.reading import Item
from t2t_multimodel.decoding.request import STDIN, Request

_SHOWN_FAULTS = 10

_log = logging.getLogger(__name__)


def fulfil(run: Any, request: Request) -> None:
    """Does what a request asks for; outputs go to its file or to standard output.

    Args:
        run: What `training.restore.load_run` gives.
        request: What is asked for.

    Raises:
        ValueError: The run was not trained on a problem, an input cannot be read (with
            `on_error` "stop"), or something has no effect for these problems.
        OSError: A file cannot be read or written.
    """
    _check_known(run, request.problem_names)
    if request.decode_interactive:
        _converse(run, request)
        return
    items = read_items(run, request)
    if not items:
        raise ValueError("there are no inputs")
    results: Sequence[Answer] | Sequence[PairScore]
    with progress_bar("scoring" if request.score_file else "decoding") as start:
        jobs = jobs_of(run, items, request.problem_names)
        if request.score_file:
            results = score_pairs(
                run,
                items,
                request.problem_names,
                on_error=request.on_error,
                batch_cost=request.batch_cost,
                advance=start(len(jobs)),
            )
            lines = _score_lines(request, results)
        else:
            _check_effects(request, [job.problem for job in jobs if not job.item.fault])
            results = _decoder(run, request).decode(
                jobs, request.on_error, start(len(jobs))
            )
            lines = _lines(request, results)
    with writing.whole_file(request.decode_to_file) as stream:
        stream.writelines(f"{line}\n" for line in lines)
    _tell_skipped(results)


def read_items(run: Any, request: Request) -> list[Item]:
    """The inputs that a request names, from wherever they come.

    Raises:
        ValueError: A file is empty or has no such column, or a folder no such files.
        OSError: A file cannot be read.
    """
    names = request.problem_names or run.problem_names
    if request.split:
        folder = Path(request.data_dir) if request.data_dir else run.data_dir
        return [
            item
            for name in names
            for item in reading.read_split(
                run.problem(name), folder, request.split, request.max_examples
            )
        ]
    return _read_own(request, [run.problem(n) for n in names])[: request.max_examples]


def _read_own(request: Request, problems: Sequence[Any]) -> list[Item]:
    if request.inputs:
        return reading.read_arguments(request.inputs, problems)
    path = request.score_file or request.decode_from_file
    assert path is not None  # a request has one source
    default = "tsv" if request.score_file else "lines"
    if path == STDIN:
        chosen = request.input_format or default
        return reading.read_stream(sys.stdin.buffer, chosen, column=request.column)
    if Path(path).is_dir():
        return reading.read_folder(path, problems)
    is_json = Path(path).suffix.lower() == ".jsonl"
    of_pairs = default if request.score_file and not is_json else None
    return reading.read_file(path, request.input_format or of_pairs, request.column)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int], Callable[[int], None]]]:
    """A bar on standard error, if that is a terminal.

    Yields:
        A function of the total that starts it and gives the one that moves it on.
    """
    console = Console(stderr=True)
    with Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:

        def start(total: int) -> Callable[[int], None]:
            bar = progress.add_task(title, total=total)
            return lambda count: progress.advance(bar, count)

        yield start


def _decoder(run: Any, request: Request) -> RawDecoder:
    return RawDecoder(
        run,
        request.config,
        depth=request.top_k or (5 if request.output_format == "jsonl" else 1),
        batch_cost=request.batch_cost,
        data_dir=Path(request.data_dir) if request.data_dir else None,
    )


def _converse(run: Any, request: Request) -> None:
    if len(request.problem_names) > 1:
        raise ValueError(
            "--decode_interactive begins with one problem; `:problem NAME` goes to "
            f"another, so name one of {', '.join(request.problem_names)}"
        )
    converse_on_standard_streams(
        Conversation(
            _decoder(run, request),
            request.problem_names[0] if request.problem_names else None,
            top_k=request.top_k,
            brackets=request.brackets,
            output_format=request.output_format,
        )
    )


def _check_known(run: Any, names: Sequence[str]) -> None:
    for name in names:
        if name not in run.problem_names:
            raise ValueError(
                f"the run was not trained on {name}; it was on: "
                f"{', '.join(run.problem_names)}"
            )


def _check_effects(request: Request, problems: Sequence[Any]) -> None:
    if not problems:
        return
    kinds = {problem.targets.modality for problem in problems}
    names = ", ".join(dict.fromkeys(problem.name for problem in problems))
    if request.top_k and "label" not in kinds:
        raise ValueError(f"--top_k lists classes, and {names} has none")
    if request.config != DecodeConfig() and kinds == {"label"}:
        raise ValueError(
            f"--decode_hparams says how text is searched for, and {names} writes none"
        )
    if request.brackets and not any(isinstance(p.targets, Tree) for p in problems):
        raise ValueError(f"--brackets writes trees, and {names} writes none")


def _several(results: Iterable[Any]) -> bool:
    jobs = [result.job for result in results]
    return len({job.problem.name for job in jobs if not job.item.fault}) > 1


def _lines(request: Request, answers: Sequence[Answer]) -> Iterator[str]:
    num_outputs = request.config.num_outputs
    if request.output_format == "jsonl":
        return writing.json_lines(
            answers, num_outputs=num_outputs, brackets=request.brackets
        )
    return writing.text_lines(
        answers,
        num_outputs=num_outputs,
        top_k=request.top_k,
        brackets=request.brackets,
        with_problem=_several(answers),
    )


def _score_lines(request: Request, scores: Sequence[PairScore]) -> Iterator[str]:
    if request.output_format == "jsonl":
        return writing.score_json_lines(scores)
    return writing.score_lines(scores, with_problem=_several(scores))


def _tell_skipped(results: Sequence[Answer] | Sequence[PairScore]) -> None:
    faults = [result.fault for result in results if result.fault]
    for fault in faults[:_SHOWN_FAULTS]:
        _log.warning("skipped: %s", " ".join(fault.split()))
    if len(faults) > _SHOWN_FAULTS:
        _log.warning("and %d more", len(faults) - _SHOWN_FAULTS)
    if faults:
        _log.warning("%d of %d inputs were skipped", len(faults), len(results))
