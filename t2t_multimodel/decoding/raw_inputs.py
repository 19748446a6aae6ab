"""Decoding of what a user has at hand: sentences, image files, audio files.

Inputs are checked all before the first is decoded, decoded in batches of similar
length, and answered in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.problem import Problem
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import Decoded, Decoder
from t2t_multimodel.decoding.grammars import grammar_of

BATCH_COST = 2048


def decode_inputs(
    run: Any,
    problem: Problem,
    inputs: Sequence[Any],
    *,
    where: Sequence[str] | None = None,
    batch_cost: int = BATCH_COST,
    depth: int = 5,
    advance: Callable[[int], None] | None = None,
    config: DecodeConfig | None = None,
) -> list[Decoded]:
    """What a run makes of raw inputs.

    Args:
        run: What `training.restore.load_run` gives.
        problem: A problem of the run.
        inputs: Values that the problem's input feature takes: sentences, or paths,
            bytes or arrays of images or sound.
        where: What to call each input in an error, such as its file and line.
        batch_cost: Padded positions in a batch; no output depends on it.
        depth: How many classes a ranking holds at most.
        advance: Called with the number of inputs of each batch done.
        config: How text is searched for; greedily by default.

    Returns:
        An output for each input, in the same order.

    Raises:
        ValueError: An input cannot be read; the message says which and why. Or the
            problem's grammar cannot be had, see `grammars.grammar_of`.
    """
    view = run.model.view(problem.name)
    feature = problem.inputs
    stored = [_load(feature, value, _name(where, i)) for i, value in enumerate(inputs)]
    costs = [feature.cost(feature.length(value, run.vocabulary)) for value in stored]
    config = config or DecodeConfig()
    grammar = grammar_of(run, problem, config)
    max_length = run.hparams.training.max_length
    decoder = Decoder(run.vocabulary, max_length, depth, config)
    outputs: dict[int, Decoded] = {}
    for places in _batches(costs, batch_cost):
        batch = feature.batch([stored[place] for place in places], run.vocabulary)
        batch["index"] = np.array(places)
        outputs.update(zip(places, decoder.decode(view, batch, grammar), strict=True))
        if advance is not None:
            advance(len(places))
    return [outputs[place] for place in range(len(stored))]


def read_lines(path: str | Path, is_media: bool) -> tuple[list[str], list[str]]:
    """The inputs in a file, one a line, and what to call each in an error.

    Lines end with a line feed and with nothing else, so that no character of a text is
    taken for the end of a line.

    Args:
        path: A text file in UTF-8.
        is_media: Lines are paths; a relative one that is not found from the working
            directory is looked for beside the file.

    Raises:
        ValueError: The file is empty, or a line is not valid UTF-8; it is named.
        OSError: The file cannot be read.
    """
    path = Path(path)
    raw = path.read_bytes().removesuffix(b"\n").split(b"\n")
    if raw == [b""]:
        raise ValueError(f"{path} is empty: it needs one input a line.")
    lines: list[str] = []
    for number, line in enumerate(raw, start=1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}, line {number} is not valid UTF-8: {error}."
            ) from error
    if is_media:
        lines = [_media_path(line, path.parent) for line in lines]
    return lines, [f"{path}, line {number}" for number in range(1, len(lines) + 1)]


def _media_path(line: str, folder: Path) -> str:
    return line if Path(line).exists() else str(folder / line)


def _name(where: Sequence[str] | None, number: int) -> str:
    return where[number] if where is not None else f"input {number + 1}"


def _load(feature: Any, value: Any, name: str) -> Any:
    try:
        return feature.load(value)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _batches(costs: Sequence[int], batch_cost: int) -> list[list[int]]:
    """Places in batches of similar cost; a batch costs its longest times its size."""
    batches: list[list[int]] = []
    # From the dearest, so that the first of a batch is the one all are padded to.
    for place in sorted(range(len(costs)), key=lambda i: -costs[i]):
        last = batches[-1] if batches else []
        if last and (len(last) + 1) * costs[last[0]] <= batch_cost:
            last.append(place)
        else:
            batches.append([place])
    return batches
