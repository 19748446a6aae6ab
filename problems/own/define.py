"""From a table or a folder to the definition of a problem, by looking at it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.own import folder, table
from t2t_multimodel.problems.own.definition import KINDS, Definition
from t2t_multimodel.problems.own.media import kind_of_file

SHARES = {"dev": 0.05, "test": 0.05}
_MAX_CLASSES = 10_000


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is not to be seen from the files themselves.

    Attributes:
        dev: A table or folder of its own for dev; so for `test`. Where neither is
            given, `shares` are drawn from train.
        test: See `dev`.
        shares: By split, the share of the inputs to draw from train.
        columns: Of a table: inputs' and targets' column, numbers from 1 or names that
            stand in the first line.
        inputs: "text", "image" or "audio"; "" to go by the first row.
        targets: "text" or "label".
        languages: Names of the output spaces of texts, such as "english"; "" for none.
        image_size: Height and width that pictures are seen with.
        sample_rate: Samples a second that sound is heard with.
    """

    dev: Path | None = None
    test: Path | None = None
    shares: Mapping[str, float] | None = None
    columns: Sequence[str] = ("1", "2")
    inputs: str = ""
    targets: str = "text"
    languages: tuple[str, str] = ("", "")
    image_size: int = 64
    sample_rate: int = 16_000

    def __post_init__(self) -> None:
        for side, kinds in KINDS.items():
            kind = getattr(self, side)
            if kind not in kinds and not (side == "inputs" and not kind):
                raise ValueError(f"{side} are {kind!r}, not one of {', '.join(kinds)}")
        if self.image_size < 1 or self.sample_rate < 1:
            raise ValueError("image_size and sample_rate are positive")
        shares = self.shares or {}
        are_shares = all(0 <= share < 1 for share in shares.values())
        if not are_shares or sum(shares.values()) >= 1:
            raise ValueError(f"shares {dict(shares)} leave nothing to train on")
        for split in shares:
            if split not in SHARES or getattr(self, split) is not None:
                raise ValueError(
                    f"a share for {split}: shares are for dev and test, and not for "
                    f"what has a file of its own"
                )


def define_table(name: str, path: Path, wishes: Wishes) -> Definition:
    """The definition of a table of pairs; relative paths of media start from it.

    Args:
        name: What the problem is to be called.
        path: The table of train.
        wishes: What else is known.

    Raises:
        ValueError: The table has no such column, or its labels make no classes.
        OSError: A file is not there or cannot be read.
    """
    files = {"train": path, "dev": wishes.dev, "test": wishes.test}
    paths = {split: file.absolute() for split, file in files.items() if file}
    for file in paths.values():
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not a file")
    columns, has_header = _columns(path, wishes.columns)
    kind = wishes.inputs or _kind_of_first(path, columns, has_header)
    targets: dict[str, Any] = {"kind": wishes.targets}
    if wishes.targets == "label":
        targets["classes"] = _labels(path, columns, has_header)
    elif wishes.languages[1]:
        targets["language"] = wishes.languages[1]
    return Definition(
        name=name,
        inputs=_inputs(kind, wishes),
        targets=targets,
        form="table",
        files={split: str(file) for split, file in paths.items()},
        columns=columns,
        has_header=has_header,
        shares=_shares(wishes, paths),
        contents=_digest([table.contents(file) for file in paths.values()]),
    )


def define_folder(name: str, path: Path, wishes: Wishes) -> Definition:
    """The definition of a folder with a sub-folder of pictures, or sounds, a class.

    Its sub-folders may also be train, dev (or val, valid) and test, each with a
    sub-folder a class.

    Args:
        name: What the problem is to be called.
        path: The folder.
        wishes: What else is known.

    Raises:
        ValueError: The sub-folders make no classes.
        OSError: A folder is not there or cannot be read.
    """
    for given in filter(None, (path, wishes.dev, wishes.test)):
        if not given.is_dir():
            raise NotADirectoryError(f"{given} is not a folder")
    paths = folder.split_folders(path)
    given_apart = {"dev": wishes.dev, "test": wishes.test}
    paths |= {split: found for split, found in given_apart.items() if found}
    paths = {split: found.absolute() for split, found in paths.items()}
    kind = wishes.inputs or folder.kind_of_files(paths["train"])
    return Definition(
        name=name,
        inputs=_inputs(kind, wishes),
        targets={"kind": "label", "classes": folder.classes(paths["train"])},
        form="folder",
        files={split: str(found) for split, found in paths.items()},
        shares=_shares(wishes, paths),
        contents=_digest([folder.contents(found) for found in paths.values()]),
    )


def _inputs(kind: str, wishes: Wishes) -> dict[str, Any]:
    if kind == "image":
        return {"kind": kind, "size": wishes.image_size}
    if kind == "audio":
        return {"kind": kind, "sample_rate": wishes.sample_rate}
    language = wishes.languages[0]
    return {"kind": kind, **({"language": language} if language else {})}


def _shares(wishes: Wishes, files: Mapping[str, Path]) -> dict[str, float]:
    if wishes.shares is None:
        return dict(SHARES) if len(files) == 1 else {}
    return {split: share for split, share in wishes.shares.items() if share}


def _columns(path: Path, given: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """The numbers of two columns, and whether they were names."""
    cells = table.first_line(path)
    if len(given) != 2 or len(set(given)) < 2:
        raise ValueError(f"columns are {', '.join(given)}; two are needed")
    if all(column.isdecimal() for column in given):
        first, second = (int(column) for column in given)
        if not 1 <= min(first, second) < max(first, second) <= len(cells):
            raise ValueError(
                f"{path} has {len(cells)} columns in its first line; asked for are "
                f"columns {first} and {second} (they are counted from 1)"
            )
        return (first, second), False
    heads = [cell.strip() for cell in cells]
    for column in given:
        if heads.count(column) != 1:
            raise ValueError(
                f"{path} has {heads.count(column)} columns called {column!r}; in its "
                f"first line are: {', '.join(heads)}"
            )
    return (heads.index(given[0]) + 1, heads.index(given[1]) + 1), True


def _kind_of_first(path: Path, columns: tuple[int, int], has_header: bool) -> str:
    for row in table.rows(path, columns, has_header):
        if not isinstance(row, Skip):
            return kind_of_file(row[0]) or "text"
    raise ValueError(f"{path} has no row with two cells that are not empty")


def _labels(path: Path, columns: tuple[int, int], has_header: bool) -> list[str]:
    found: set[str] = set()
    for row in table.rows(path, columns, has_header):
        if not isinstance(row, Skip):
            found.add(row[1])
            if len(found) > _MAX_CLASSES:
                raise ValueError(
                    f"{path} has more than {_MAX_CLASSES} different labels in column "
                    f"{columns[1]}; is it text?"
                )
    names = sorted(found)
    folder.check_classes(names, f"the labels of {path}")
    return names


def _digest(contents: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()
