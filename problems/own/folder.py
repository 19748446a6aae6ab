"""A folder of the user's own with a sub-folder of files for every class."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.own.media import kind_of_file

_SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "val", "valid", "validation"), "dev"),
    "test": "test",
}


def split_folders(folder: Path) -> dict[str, Path]:
    """The folders of classes by split; without any such, the folder itself as train.

    Raises:
        ValueError: Two folders are for the same split, or some of the sub-folders are
            for splits and others are not.
        OSError: The folder cannot be read.
    """
    names = _sub_folders(folder)
    found: dict[str, Path] = {}
    for name in names:
        split = _SPLIT_FOLDERS.get(name.lower())
        if split in found:
            raise ValueError(f"{found[split]} and {folder / name} are both {split}")
        if split:
            found[split] = folder / name
    if "train" not in found:
        return {"train": folder}
    if len(found) < len(names):
        others = [name for name in names if name.lower() not in _SPLIT_FOLDERS]
        raise ValueError(
            f"{folder} has folders of splits and others beside them: "
            f"{', '.join(others[:5])}"
        )
    return found


def classes(folder: Path) -> list[str]:
    """The names of the classes, sorted.

    Raises:
        ValueError: There are fewer than two, one has no files, or two are the same but
            for case and such.
        OSError: The folder cannot be read.
    """
    names = _sub_folders(folder)
    check_classes(names, f"the sub-folders of {folder}")
    for name in names:
        if not any(kind_of_file(path.name) for path in _files(folder / name)):
            raise ValueError(f"{folder / name} holds no image and no audio file")
    return names


def check_classes(names: Iterable[str], where: str) -> None:
    """Refuses names of classes that cannot be meant.

    Raises:
        ValueError: There are fewer than two, or two differ in case, blanks or the way
            an accent is encoded alone.
    """
    seen: dict[str, str] = {}
    for name in names:
        form = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        if form in seen:
            raise ValueError(
                f"{where} name one class twice: {seen[form]!r} and {name!r}"
            )
        seen[form] = name
    if len(seen) < 2:
        raise ValueError(
            f"{where} name {len(seen)} classes; a classifier needs two at least"
        )


def files(
    folder: Path, names: Iterable[str], kind: str
) -> Iterator[tuple[str, str, str] | Skip]:
    """The files of all classes in sorted order, those in sub-folders included.

    Args:
        folder: The folder of classes.
        names: The classes that there may be.
        kind: "image" or "audio".

    Yields:
        Path, class and path below the folder; a `Skip` for a file of another kind or
        a folder that is no class.

    Raises:
        OSError: A folder cannot be read.
    """
    known = set(names)
    for name in _sub_folders(folder):
        for path in _files(folder / name):
            if name not in known:
                yield Skip("a class that train does not have", str(path))
            elif kind_of_file(path.name) != kind:
                yield Skip(f"no {kind} file, by its name", str(path), is_fault=False)
            else:
                yield str(path), name, path.relative_to(folder).as_posix()


def kind_of_files(folder: Path) -> str:
    """What most files of the classes are: "image" or "audio"."""
    kinds = [
        kind_of_file(path.name)
        for name in _sub_folders(folder)
        for path in _files(folder / name)
    ]
    return max(("image", "audio"), key=kinds.count)


def contents(folder: Path) -> str:
    """A digest of the names and lengths of all files."""
    digest = hashlib.sha256()
    for path in _files(folder):
        told = f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0"
        digest.update(os.fsencode(told))
    return digest.hexdigest()


def _sub_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as found:
        return sorted(e.name for e in found if e.is_dir() and e.name[0] != ".")


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in sorted(names):
            if name[0] != ".":
                yield Path(parent, name)
