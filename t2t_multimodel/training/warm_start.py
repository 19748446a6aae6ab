"""Starting from another run's weights, part by part, by name.

What both models have is taken over, what only the new one has stays at random, and
what only the source has is left over. The table of commands is matched row by row, by
the commands' names. Tokens mean the same only with the same vocabulary, and the outputs
of a classifier only with the same classes: anything else is refused, never guessed.

The weights are those that the source is evaluated with: its moving average, if it keeps
one. Adam's moments start anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.parts import (
    COMMANDS,
    TEXT_PARTS,
    commands_of,
    part_names,
    select,
)
from t2t_multimodel.training.record import CONFIG, RunRecord
from t2t_multimodel.training.restore import Run, load_run_at

_log = logging.getLogger(__name__)

_FLAG = "--warm_start_parts"


@dataclasses.dataclass(frozen=True)
class WarmStartFrom:
    """What is asked for.

    Attributes:
        source: A run's folder, or a checkpoint in one.
        parts: Patterns over the names of parts; "": all that both models have.
    """

    source: str | Path
    parts: str = ""


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What was taken from where, as config.json keeps it.

    Attributes:
        source: The run's folder.
        checkpoint: The checkpoint's name.
        step: The steps that its weights had seen.
        vocabulary: The fingerprint of the source's vocabulary.
        fingerprint: Of the weights taken.
        taken: The parts taken over (see `parts.part_names`).
        random: The new model's parts that stayed at random.
        left: The source's parts that were left over.
    """

    source: str
    checkpoint: str
    step: int
    vocabulary: str
    fingerprint: str
    taken: tuple[str, ...]
    random: tuple[str, ...]
    left: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WarmStart:
        """The inverse of `to_dict`."""
        lists = {name: tuple(values[name]) for name in ("taken", "random", "left")}
        return cls(**{**values, **lists})


def asked_for(source: str | Path | None, parts: str = "") -> WarmStartFrom | None:
    """A request, if there is one.

    Raises:
        ValueError: Parts are named, but nothing to take them from.
    """
    if not source:
        if parts:
            raise ValueError(f"{_FLAG}={parts} needs --warm_start_from=RUN as well.")
        return None
    return WarmStartFrom(source, parts)


def start_of(
    output_dir: Path, asked: WarmStartFrom | None
) -> WarmStartFrom | WarmStart | None:
    """What a run begins with, or, if it goes on, began with.

    Raises:
        ValueError: A run that has no checkpoint yet was to begin with a warm start.
    """
    if not (output_dir / CONFIG).exists():
        return asked
    known = RunRecord.read(output_dir).warm_start
    if list_checkpoints(output_dir):
        if asked:
            _log.info(
                "%s goes on from its own checkpoint; nothing is taken from %s.",
                output_dir,
                asked.source,
            )
        return WarmStart.from_dict(known) if known else None
    if known and not asked:
        raise ValueError(
            f"{output_dir} was to begin with the weights of {known['source']} and has "
            f"no checkpoint yet: give --warm_start_from={known['source']} again, or "
            "another --output_dir."
        )
    return asked


def warm_start(
    model: Any,
    request: WarmStartFrom,
    vocabulary: str,
    problem_options: Mapping[str, Mapping[str, Any]],
) -> WarmStart:
    """Puts another run's weights into a model.

    Args:
        model: A `MultiModel` whose weights exist; nothing of it changes on an error.
        request: From where, and which parts.
        vocabulary: The fingerprint of the new run's vocabulary, "" if it has none.
        problem_options: What the new run's problems were made with.

    Raises:
        ValueError: The source is no run or has no such checkpoint, a pattern names no
            part that both have, shapes or classes differ, or text would be taken over
            with another vocabulary.
    """
    with tf.device("CPU:0"):  # in the main memory, whatever the model is on
        source = load_run_at(request.source)
    fingerprint = source.vocabulary.fingerprint if source.vocabulary else ""
    own, other = part_names(model), part_names(source.model)
    both = [name for name in own if name in other]
    if not both:
        raise ValueError(
            f"{source.output_dir} has no part in common with the new model; it has: "
            f"{', '.join(other)}."
        )
    taken = select(request.parts, both, _FLAG) if request.parts else tuple(both)
    faults = {
        part: fault
        for part in dict.fromkeys(_part(name) for name in both)
        if (fault := _fault(part, model, source, vocabulary, problem_options))
    }
    for part in dict.fromkeys(_part(name) for name in taken):
        if part in faults:
            fit = [name for name in taken if _part(name) not in faults]
            remedy = f", or leave it out: {_FLAG}={_short(fit, both)}" if fit else ""
            raise ValueError(f"{source.output_dir}: {faults[part]}{remedy}.")
    digest = hashlib.sha256()
    for weight, value, places in _new_values(model, source.model, set(taken)):
        digest.update(value[places].tobytes())
        weight.assign(value)
    return WarmStart(
        source=str(source.output_dir.absolute()),
        checkpoint=Path(source.checkpoint).name,
        step=source.step,
        vocabulary=fingerprint,
        fingerprint=digest.hexdigest()[:16],
        taken=taken,
        random=tuple(name for name in own if name not in taken),
        left=tuple(name for name in other if name not in taken),
    )


def _fault(
    part: str,
    model: Any,
    source: Run,
    vocabulary: str,
    problem_options: Mapping[str, Mapping[str, Any]],
) -> str:
    """Why a part cannot be taken over, with the remedy; "" if it can."""
    if part in TEXT_PARTS and source.vocabulary:
        theirs = source.vocabulary.fingerprint
        if theirs != vocabulary:
            return (
                f"{part} belongs to vocabulary {theirs}, but the data was made with "
                f"{vocabulary}; make the data with the run's: copy vocab.model from "
                "the run's folder into an empty --data_dir before t2t-datagen"
            )
    for name, options in problem_options.items():
        is_top = part == f"{name}_top" and name in source.problem_names
        if is_top and source.problem_options.get(name) != options:
            return (
                f"{part} ranks the classes of {name} as it was made for that run, and "
                "the data was made with other options or classes; use the same data"
            )
    ours = weights_by_part(model)[part]
    theirs_all = weights_by_part(source.model)[part]
    if len(ours) != len(theirs_all):
        return (
            f"{part} has {len(theirs_all)} weights, and {len(ours)} in the new model; "
            f"{_same(source)}"
        )
    # Of the table of commands a row has to fit, however many there are.
    skipped = 1 if part == COMMANDS else 0
    for weight, other in zip(ours, theirs_all, strict=True):
        if weight.shape[skipped:] != other.shape[skipped:]:
            return (
                f"{part}'s weight {other.path} is of shape {_shape(other)}, and of "
                f"{_shape(weight)} in the new model; {_same(source)}"
            )
    return ""


def _same(source: Run) -> str:
    return f"build it alike: --gin_file={source.output_dir / 'hparams.gin'}"


def _new_values(
    model: Any, source: Any, taken: set[str]
) -> Iterator[tuple[Any, np.ndarray, Any]]:
    """The weights that change, their new values, and where those were taken over."""
    theirs = weights_by_part(source)
    for part, weights in weights_by_part(model).items():
        if part in taken:
            for weight, other in zip(weights, theirs[part], strict=True):
                yield weight, _values(other), ...
        commands = commands_of(model, part)
        rows = [name for name in commands if f"{COMMANDS}/{name}" in taken]
        if rows:
            (table,), (other,) = weights, theirs[part]
            value, places = _values(table).copy(), [commands.index(r) for r in rows]
            value[places] = _values(other)[[source.commands.index(r) for r in rows]]
            yield table, value, places


def _values(weight: Any) -> np.ndarray:
    value: np.ndarray = weight.value.numpy()
    return value


def warm_start_table(start: WarmStart, model: Any) -> Table:
    """What was taken, what is at random and what was left over, a row a part."""
    size = _sizes(model)
    title = f"warm start from {start.source}, step {start.step:,}"
    table = Table(title=title, box=None)
    table.add_column("part")
    table.add_column("weights", justify="right")
    table.add_column("")
    left = [name for name in start.left if name not in size]
    for name, count in size.items():
        told = "taken" if name in start.taken else "at random"
        if name in start.left:
            told += ", the source's was left over"
        table.add_row(name, f"{count:,}", told)
    for name in left:
        table.add_row(name, "", "left over: the new model has none")
    return table


def warm_start_text(start: WarmStart, model: Any) -> str:
    """The table as lines of text."""
    console = Console(file=io.StringIO(), width=120)
    console.print(warm_start_table(start, model))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()


def _sizes(model: Any) -> dict[str, int]:
    """How many numbers each part of `part_names` holds."""
    found = {}
    for part, weights in weights_by_part(model).items():
        size = sum(math.prod(weight.shape) for weight in weights)
        rows = commands_of(model, part)
        for name in rows:
            found[f"{COMMANDS}/{name}"] = size // len(rows)
        if not rows:
            found[part] = size
    return found


def _part(name: str) -> str:
    return name.partition("/")[0]


def _short(names: Sequence[str], everything: Sequence[str]) -> str:
    """Names as patterns, the rows of the commands as one where all are there."""
    rows = [name for name in everything if _part(name) == COMMANDS]
    if set(rows) <= set(names):
        names = list(dict.fromkeys(COMMANDS if n in rows else n for n in names))
    return ",".join(names)


def _shape(weight: Any) -> str:
    return "x".join(str(size) for size in weight.shape) or "()"
