"""A table of the user's own: UTF-8, a row a line, columns between tabs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.text_files import TextFile

_CHUNK = 1 << 20


def rows(
    path: Path, columns: tuple[int, int], has_header: bool
) -> Iterator[tuple[str, str, str] | Skip]:
    """The two cells of each row, and where they stand.

    Args:
        path: The table, plain or compressed.
        columns: Of inputs and targets, from 1.
        has_header: Whether the first line is no row.

    Yields:
        Inputs, targets and "FILE, line N"; a `Skip` where a cell is missing or empty
        or the line is no text.

    Raises:
        ValueError, OSError: The file is damaged or cannot be read.
    """
    for number, line in enumerate(TextFile(path).lines(), 1):
        if number == 1 and has_header:
            continue
        if isinstance(line, Skip):
            yield line
            continue
        cells, where = line.split("\t"), f"{path}, line {number}"
        if len(cells) < max(columns):
            yield Skip("too few columns", f"{where}: {len(cells)}")
            continue
        inputs, targets = (cells[column - 1].strip() for column in columns)
        if inputs and targets:
            yield inputs, targets, where
        else:
            empty = "targets" if inputs else "inputs"
            yield Skip(f"empty {empty}", where, is_fault=False)


def first_line(path: Path) -> list[str]:
    """The cells of the first line.

    Raises:
        ValueError: There is none, or it is no text.
        OSError: The file cannot be read.
    """
    line = next(iter(TextFile(path).lines()), None)
    if line is None:
        raise ValueError(f"{path} is empty")
    if isinstance(line, Skip):
        raise ValueError(f"{line.where}: {line.reason}")
    return line.split("\t")


def contents(path: Path) -> str:
    """A digest of the file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
