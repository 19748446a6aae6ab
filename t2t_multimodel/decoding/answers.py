"""How outputs are written: lines of text or JSON, whole files only.

An answer is one line, or with n-best output one line a hypothesis; a skipped input is
`null`, so that lines stay beside their inputs.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from t2t_multimodel.data.features import ClassLabel
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.decoding.decode import DecodedText, RankedClasses
from t2t_multimodel.decoding.jobs import Job, raw_value
from t2t_multimodel.decoding.pair_scores import PairScore
from t2t_multimodel.decoding.raw_inputs import Answer
from t2t_multimodel.decoding.rendering import render_nbest, render_output

NULL = "null"


def text_lines(
    answers: Sequence[Answer],
    *,
    num_outputs: int = 1,
    top_k: int = 0,
    brackets: bool = False,
    with_problem: bool = False,
) -> Iterator[str]:
    """Answers as lines of text.

    Args:
        answers: What `raw_inputs.RawDecoder` gives.
        num_outputs: How many outputs were asked for; where it is more than one, a line
            is `number ||| output ||| score` with the input's number from 0.
        top_k, brackets: See `rendering.render_output`.
        with_problem: Begin each line with the problem's name and a tab.
    """
    for answer in answers:
        start = f"{_problem_name(answer.job) or NULL}\t" if with_problem else ""
        for line in _text(answer, num_outputs, top_k, brackets):
            yield start + line


def _text(answer: Answer, num_outputs: int, top_k: int, brackets: bool) -> list[str]:
    job, output = answer.job, answer.output
    if output is None:
        return [NULL]
    value = _shown(job)
    if num_outputs > 1 and isinstance(output, DecodedText):
        return render_nbest(job.problem, value, output, job.number, brackets)
    return [render_output(job.problem, value, output, top_k, brackets)]


def json_lines(
    answers: Sequence[Answer], *, num_outputs: int = 1, brackets: bool = False
) -> Iterator[str]:
    """Answers as JSON, an object a line.

    Each has `problem`, `name` (of the input), `inputs` where they are text or a path,
    `targets` where the source has them, `output`, `seconds`, and `log_probability` and
    `score` of text, `classes` (name and probability each) of labels; `nbest` where
    several outputs were asked for; further fields of the input's own record. Of a
    skipped input `output` is null and `error` says why. It can be read as input again.
    """
    for answer in answers:
        record = _about(answer.job)
        output, problem = answer.output, answer.job.problem
        if output is None:
            record |= {"output": None, "error": answer.fault}
        elif isinstance(output, RankedClasses):
            names = _class_names(problem)
            record["output"] = names[output.classes[0]]
            record["classes"] = [
                {"name": names[number], "probability": probability}
                for number, probability in zip(
                    output.classes, output.probabilities, strict=True
                )
            ]
        else:
            hypotheses = [
                {
                    "output": render_output(
                        problem, _shown(answer.job), one, brackets=True
                    )
                    if brackets
                    else one.text,
                    "log_probability": one.log_probability,
                    "score": one.score,
                }
                for one in output.hypotheses
            ]
            record |= hypotheses[0]
            if num_outputs > 1:
                record["nbest"] = hypotheses
        if output is not None:
            record["seconds"] = round(answer.seconds, 6)
        yield _json(record)


def score_lines(
    scores: Sequence[PairScore], with_problem: bool = False
) -> Iterator[str]:
    """Scored pairs as text: log-probability, the same per token, tokens; a header."""
    start = "problem\t" if with_problem else ""
    columns = "log_probability\tlog_probability_per_token\ttokens"
    yield start + "\t".join(f"teacher_forced/{name}" for name in columns.split("\t"))
    for score in scores:
        start = f"{_problem_name(score.job) or NULL}\t" if with_problem else ""
        if score.fault:
            yield start + NULL
        else:
            yield (
                f"{start}{score.log_probability:.6f}\t{score.per_token:.6f}"
                f"\t{score.num_tokens}"
            )


def score_json_lines(scores: Sequence[PairScore]) -> Iterator[str]:
    """Scored pairs as JSON, an object a line, figures under `teacher_forced/...`."""
    for score in scores:
        record = _about(score.job)
        if score.fault:
            record |= {"teacher_forced/log_probability": None, "error": score.fault}
        else:
            record |= {
                "teacher_forced/log_probability": score.log_probability,
                "teacher_forced/log_probability_per_token": score.per_token,
                "teacher_forced/tokens": score.num_tokens,
                "teacher_forced/token_log_probabilities": list(
                    score.token_log_probabilities
                ),
                "seconds": round(score.seconds, 6),
            }
        yield _json(record)


@contextlib.contextmanager
def whole_file(path: str | Path | None) -> Iterator[TextIO]:
    """A stream to write to: standard output, or a file that appears when it is whole.

    A file is written under a temporary name beside it and renamed at the end; after a
    fault nothing is left, and a file that had the name stays.
    """
    if path is None:
        yield sys.stdout
        return
    path = Path(path)
    partial = path.with_name(f".{path.name}.unfinished")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _about(job: Job) -> dict[str, Any]:
    item = job.item
    name = _problem_name(job)
    record: dict[str, Any] = {"problem": name} if name else {}
    record["name"] = item.name
    shown = _shown(job)
    if shown is not None:
        record["inputs"] = shown
    if item.targets is not None:
        targets = raw_value(item.targets)
        if isinstance(targets, int) and isinstance(job.problem.targets, ClassLabel):
            targets = _class_names(job.problem)[targets]
        record["targets"] = targets
    return record | {k: v for k, v in item.extra.items() if k not in record}


def _problem_name(job: Job) -> str:
    """The problem's name; "" where a line could not be read that might name one."""
    return job.item.problem or ("" if job.item.fault else job.problem.name)


def _shown(job: Job) -> str | None:
    """The inputs where they are text or a path."""
    value = job.item.value
    if job.problem.inputs.modality == "text":
        value = raw_value(value)
    return str(value) if isinstance(value, str | Path) else None


def _class_names(problem: Problem) -> tuple[str, ...]:
    assert isinstance(problem.targets, ClassLabel)
    return problem.targets.names


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
