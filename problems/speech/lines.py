"""Text files of corpora, line by line; a line that is not UTF-8 is no line's end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.sound_files import open_regular

NOT_UTF8 = "a line that is not valid UTF-8"
_LONGEST = 1 << 20


def lines(path: Path) -> Iterator[tuple[str, str | Skip]]:
    """The lines of a file that are not blank, each after its place, "file, line 3".

    Lines end with a line feed and nothing else; a byte order mark and a carriage
    return at the end are no text.

    Raises:
        ValueError: It is a pipe or a device.
        OSError: The file cannot be read.
    """
    with open_regular(path) as opened:
        yield from lines_of(opened, str(path))


def lines_of(opened: BinaryIO, name: str) -> Iterator[tuple[str, str | Skip]]:
    """`lines` of a file that is open."""
    number = 0
    while line := opened.readline(_LONGEST):
        number += 1
        where = f"{name}, line {number}"
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            yield where, Skip(NOT_UTF8, where)
            continue
        if "\0" in text:
            yield where, Skip("a line with a NUL byte", where)
        elif text.strip():
            yield where, text


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders below a folder, their folders and files, sorted; links are followed.

    A folder that is reached twice, as links may have it, is visited once. What is
    hidden is left out: archives of some systems hold a `._a.wv1` for every `a.wv1`.
    """
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        place = os.stat(root)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(root), folders, sorted(n for n in files if not n.startswith("."))
