"""The problem that a `Definition` describes."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.problem import SPLITS, Problem, Skip
from t2t_multimodel.problems.own import folder, table
from t2t_multimodel.problems.own.definition import Definition, feature_of

_log = logging.getLogger(__name__)


class OwnProblem(Problem):
    """A table or a folder of the user's own.

    Args:
        inputs: The feature of the inputs, as in a `Definition`.
        targets: That of the targets.
        definition: Where the examples are; without it there are none to generate.
    """

    needs_source = False  # the definition says where it is
    is_ordered = True  # perhaps: a folder is, class by class
    licence = "your own"

    def __init__(
        self,
        inputs: Mapping[str, Any],
        targets: Mapping[str, Any],
        definition: Definition | None = None,
    ) -> None:
        self.inputs, self.targets = feature_of(inputs), feature_of(targets)
        self.options = {"inputs": dict(inputs), "targets": dict(targets)}
        self._given = definition
        if definition is not None:
            self.name = definition.name
            self.source = definition.files["train"]
            self.generator_version = f"1 {_digest(definition)}"

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits that have examples; a share of few examples may have none."""
        definition = self.definition
        counts = Counter(
            split
            for file_split in definition.files
            for split, row in self._rows(file_split)
            if not isinstance(row, Skip)
        )
        for split in definition.shares:
            if not counts[split]:
                _log.warning(
                    "%s: of %s nothing was drawn for %s; there will be no such split",
                    self.name,
                    definition.files["train"],
                    split,
                )
        # An empty train is told with what was skipped, when it is generated.
        return tuple(split for split in SPLITS if counts[split] or split == "train")

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any] | Skip]:
        files = self.definition.files
        for found, row in self._rows(split if split in files else "train"):
            if found == split:
                if isinstance(row, Skip):
                    yield row
                else:
                    yield {"inputs": row[0], "targets": row[1]}

    def _rows(self, file_split: str) -> Iterator[tuple[str, tuple[str, str] | Skip]]:
        """Inputs and targets in the file of a split, each with the split it is in.

        Media are given as paths, to be read where they are stored.
        """
        definition = self.definition
        path = Path(definition.files[file_split])
        is_media = definition.inputs["kind"] != "text"
        found: Iterator[tuple[str, str, str] | Skip]
        if definition.form == "folder":
            classes = definition.targets["classes"]
            found = folder.files(path, classes, definition.inputs["kind"])
        else:
            found = table.rows(path, definition.columns, definition.has_header)
        for row in found:
            if isinstance(row, Skip):
                yield file_split, row
                continue
            inputs, targets, told = row
            key = told if definition.form == "folder" else inputs
            if is_media and definition.form == "table":
                inputs = str(path.parent / Path(inputs).expanduser())
            shares = definition.shares if file_split == "train" else {}
            yield drawn_split(key, shares) or file_split, (inputs, targets)

    @property
    def definition(self) -> Definition:
        """Where the examples are.

        Raises:
            ValueError: The problem is known by its features alone.
        """
        if self._given is None:
            raise ValueError(
                f"problem {self.name} is known by its features alone; its file "
                f"{self.name}.problem.json says where its examples are"
            )
        return self._given


def register(definition: Definition) -> None:
    """Registers a problem; one of the user's own under the same name is replaced.

    Raises:
        ValueError: Another problem or a group has the name.
    """
    registry.define_problem(
        definition.name,
        lambda: OwnProblem(definition.inputs, definition.targets, definition),
        definition.files["train"],
    )


def load(path: Path) -> OwnProblem:
    """The problem that a file defines.

    Raises:
        ValueError: The file is damaged.
        OSError: It cannot be read.
    """
    definition = Definition.load(path)
    try:
        return OwnProblem(definition.inputs, definition.targets, definition)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} defines no problem: {error!r}") from error


def drawn_split(key: str, shares: Mapping[str, float]) -> str:
    """The split that inputs are drawn for, always the same; "" for none of them.

    Args:
        key: What identifies the inputs: equal inputs get the same split.
        shares: By split, the share of all keys that it gets.
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    for split, share in shares.items():
        if place < share:
            return split
        place -= share
    return ""


def _digest(definition: Definition) -> str:
    """Changes with the examples, and not with where their files lie."""
    told = [
        *(definition.form, sorted(definition.files), list(definition.columns)),
        *(definition.has_header, dict(definition.shares), definition.contents),
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
