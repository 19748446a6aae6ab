"""The parts of a model by name, as a user names them: to take, to leave, to train.

A part is one of the model's own layers (encoder, text_top, parse_mini_top, ...). The
table of commands counts by row, `commands/english`, since a model with one more
problem has one more row; `commands` alone means all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.config import near
from t2t_multimodel.training.fields import split_list

COMMANDS = "commands"
# What has a row or a column for each piece of the vocabulary.
TEXT_PARTS = ("text_bottom", "text_top")


def part_names(model: Any) -> tuple[str, ...]:
    """The names of a model's parts, in the model's order."""
    names: list[str] = []
    for part in weights_by_part(model):
        rows = [f"{COMMANDS}/{command}" for command in commands_of(model, part)]
        names += rows or [part]
    return tuple(names)


def commands_of(model: Any, part: str) -> tuple[str, ...]:
    """The commands, in the order of their rows, if the part is their table."""
    return tuple(model.commands) if part == COMMANDS else ()


def select(patterns: str, names: Sequence[str], what: str) -> tuple[str, ...]:
    """The names that a list of patterns means, in the order of the names.

    Args:
        patterns: Such as "text_*,commands"; see `fnmatch`.
        names: As `part_names` gives.
        what: What is told the patterns, which an error begins with.

    Raises:
        ValueError: A pattern means none of the names; near ones are given.
    """
    wanted = split_list(patterns)
    for pattern in wanted:
        if not any(_means(pattern, name) for name in names):
            raise ValueError(
                f"{what} names {pattern!r}, which is no part; {near(pattern, names)}"
            )
    return tuple(n for n in names if any(_means(pattern, n) for pattern in wanted))


def _means(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[0], pattern)
