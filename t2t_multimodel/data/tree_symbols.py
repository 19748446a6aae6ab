"""The labels and tags that trees are written with: what a corpus has of them.

Decoding writes no others. A run keeps those of its training data in its own folder, as
it keeps its vocabulary, so that it can decode where the data is not at hand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from t2t_multimodel.data.features import Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import StoredSplit

_SUFFIX = ".symbols.json"


@dataclass(frozen=True)
class TreeSymbols:
    """What trees in linear form are made of.

    Attributes:
        labels: The phrases' labels, sorted.
        tags: The words' tags, sorted. What is a label in one tree and a tag in another
            counts as a label: in the linear form it would be read as one.
    """

    labels: tuple[str, ...]
    tags: tuple[str, ...]

    @classmethod
    def of(cls, linear_trees: Iterable[str]) -> TreeSymbols:
        """The symbols of trees in linear form."""
        symbols: set[str] = set()
        for tree in linear_trees:
            symbols.update(tree.split())
        closing = {s for s in symbols if len(s) > 1 and s.startswith("/")}
        labels = {symbol[1:] for symbol in closing}
        return cls(tuple(sorted(labels)), tuple(sorted(symbols - closing - labels)))


def symbols_path(folder: str | Path, problem_name: str) -> Path:
    """Where a run's folder keeps the symbols of a problem."""
    return Path(folder) / f"{problem_name}{_SUFFIX}"


def keep_symbols(
    problems: Iterable[Problem], data_dir: str | Path, folder: str | Path
) -> None:
    """Writes the symbols of all problems that parse into `folder`, where they lack.

    Raises:
        FileNotFoundError: A problem's training data is missing.
        ValueError: It is damaged.
    """
    for problem in problems:
        path = symbols_path(folder, problem.name)
        if isinstance(problem.targets, Tree) and not path.exists():
            symbols = read_training_symbols(problem, data_dir)
            text = json.dumps({"labels": symbols.labels, "tags": symbols.tags})
            temporary = path.with_name(path.name + ".tmp")
            temporary.write_text(text + "\n", "utf-8")
            os.replace(temporary, path)


def load_symbols(
    problem: Problem, folder: str | Path, data_dir: str | Path
) -> TreeSymbols:
    """The symbols that a run keeps, or those of its training data.

    Raises:
        FileNotFoundError: The run keeps none, and its training data is missing.
        ValueError: The file or the data is damaged.
    """
    path = symbols_path(folder, problem.name)
    if not path.exists():
        return read_training_symbols(problem, data_dir)
    try:
        values = json.loads(path.read_text("utf-8"))
        return TreeSymbols(tuple(values["labels"]), tuple(values["tags"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error!r}); remove it") from error


def read_training_symbols(problem: Problem, data_dir: str | Path) -> TreeSymbols:
    """The symbols of a problem's train split.

    Raises:
        FileNotFoundError: It is missing.
        ValueError: It is damaged.
    """
    split = StoredSplit(problem, data_dir, "train")
    return TreeSymbols.of(split.raw(place)["targets"] for place in range(len(split)))
