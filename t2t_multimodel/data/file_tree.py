"""A corpus of many files, in a folder or in one archive: listed and read the same way.

Paths are relative and written with `/`. What is hidden (a name that begins with a dot)
is left out, and so is what some programs put beside the files of an archive.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from t2t_multimodel.data.archives import (
    READ_LIMIT,
    Member,
    has_random_access,
    members,
    stream,
)
from t2t_multimodel.data.unpacking import path_fault

_DEBRIS = "__MACOSX"


class File(Protocol):
    """A file wherever it lies; small, can be sent to another process, told by `str`."""

    def read(self, limit: int = READ_LIMIT) -> bytes:
        """All its bytes; `ValueError` where it has more than `limit` or is damaged."""


@dataclasses.dataclass(frozen=True, slots=True)
class DiskFile:
    """A file in a folder."""

    path: str

    def __str__(self) -> str:
        return self.path if self.path.isprintable() else repr(self.path)

    def read(self, limit: int = READ_LIMIT) -> bytes:
        with open(self.path, "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"{self} has more than {limit} bytes")
        return data


@dataclasses.dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that has been read already, as a compressed tar went by."""

    member: Member
    data: bytes

    def __str__(self) -> str:
        return str(self.member)

    def read(self, limit: int = READ_LIMIT) -> bytes:
        if self.member.fault:
            raise ValueError(f"{self}: {self.member.fault}")
        return self.data


class FileTree(Protocol):
    """The files of a corpus."""

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """The names of the folders in a folder, sorted; none where it is not there."""

    def walk(self, folder: str = "") -> Iterator[tuple[str, File]]:
        """All files at any depth below a folder, always in the same order.

        Yields:
            Their paths below the folder, and the files.
        """

    def find(self, path: str) -> File | None:
        """The file at a path, if there is one and the path stays inside the tree."""


def open_tree(path: Path) -> FileTree:
    """The files in a folder or in an archive.

    An archive that holds one folder and nothing else stands for that folder.

    Raises:
        ValueError: The archive is damaged, or is none.
        OSError: There is nothing there, or it cannot be read.
    """
    return FolderTree(path) if path.is_dir() else ArchiveTree(path)


class FolderTree:
    """The files in a folder of the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def folders(self, folder: str = "") -> tuple[str, ...]:
        try:
            return tuple(e.name for e in _visible(self._path / folder) if e.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def walk(self, folder: str = "") -> Iterator[tuple[str, File]]:
        yield from _walk(str(self._path / folder), "")

    def find(self, path: str) -> File | None:
        found = self._path / path
        if path_fault(path) or not found.is_file():
            return None
        return DiskFile(str(found))


class ArchiveTree:
    """The files in an archive; the list of them is held in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        listed = [m for m in members(path) if not _is_hidden(m.name)]
        names = [m.name for m in listed if not m.fault]
        tops = {name.partition("/")[0] for name in names}
        is_nested = len(tops) == 1 and all("/" in name for name in names)
        self._root = f"{tops.pop()}/" if is_nested else ""
        self._files = {m.name.removeprefix(self._root): m for m in listed}

    def __str__(self) -> str:
        return str(self._path)

    def folders(self, folder: str = "") -> tuple[str, ...]:
        start = f"{folder}/" if folder else ""
        below = (n[len(start) :] for n in self._files if n.startswith(start))
        return tuple(sorted({n.partition("/")[0] for n in below if "/" in n}))

    def walk(self, folder: str = "") -> Iterator[tuple[str, File]]:
        start = f"{folder}/" if folder else ""
        if has_random_access(self._path):
            for name, member in self._files.items():
                if name.startswith(start):
                    yield name[len(start) :], member
            return
        for member, file in stream(self._path):
            name = member.name.removeprefix(self._root)
            if name.startswith(start) and name in self._files:
                yield name[len(start) :], HeldFile(member, file.read(READ_LIMIT))

    def find(self, path: str) -> File | None:
        return self._files.get(path)


def _walk(folder: str, below: str) -> Iterator[tuple[str, File]]:
    for entry in _visible(folder):
        if entry.is_dir():
            yield from _walk(entry.path, f"{below}{entry.name}/")
        elif entry.is_file() or entry.is_symlink():  # a link that leads nowhere is told
            yield f"{below}{entry.name}", DiskFile(entry.path)


def _visible(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not _is_hidden(entry.name)]
    return sorted(found, key=lambda entry: entry.name)


def _is_hidden(path: str) -> bool:
    parts = path.split("/")
    return any(p == _DEBRIS or (p.startswith(".") and p != "..") for p in parts)
