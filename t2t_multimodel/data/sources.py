"""The raw corpora: which folder is whose, and whether it is the same as before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from t2t_multimodel.data.problem import Problem


def source_of(problem: Problem, source_dir: Path | None, *others: str) -> Path:
    """The folder of a problem's raw corpus.

    Args:
        problem: The problem.
        source_dir: A folder that is the corpus, or holds one called like the problem.
        others: Further names that the folder may have.

    Raises:
        ValueError: The problem needs a source and there is none.
        FileNotFoundError: The source is no folder.
    """
    if not problem.needs_source:
        return Path()
    if source_dir is None:
        raise ValueError(
            f"problem {problem.name} needs --source_dir, the folder of its raw corpus "
            f"({problem.source})"
        )
    own = (source_dir / name for name in (problem.name, *others))
    source = next((folder for folder in own if folder.is_dir()), source_dir)
    if not source.is_dir():
        raise FileNotFoundError(f"--source_dir: {source} is not a folder")
    return source


def source_digest(source: Path, without: Collection[Path] = ()) -> str:
    """Changes when a file of a folder is added, removed or written to.

    Args:
        source: The folder; names, lengths and times of all its files are looked at.
        without: Folders inside it that are left out.
    """
    digest = hashlib.sha256(str(source).encode())
    for path, status in _files(source, {folder.resolve() for folder in without}):
        told = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0"
        digest.update(os.fsencode(told))
    return digest.hexdigest()


def _files(folder: Path, without: set[Path]) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if Path(entry.path).resolve() not in without:
                yield from _files(Path(entry.path), without)
        elif entry.is_file():  # not a link that leads nowhere
            yield entry.path, entry.stat()
