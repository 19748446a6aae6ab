"""Where in a source directory the pictures of ImageNet are, and what they show.

All forms that the corpus and its small relatives come in end up as the same two lists:
pictures to train on, each in the folder (or the tar) of its class, and pictures to try
with, in folders as well or with a file of labels.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from t2t_multimodel.data.archives import Member, is_archive, members
from t2t_multimodel.data.file_tree import File, FileTree, FolderTree, open_tree
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.image.labels import (
    Labels,
    Resolver,
    is_picture,
    picture_name,
)
from t2t_multimodel.problems.image.small_files import (
    LABEL_FILES,
    SmallFiles,
    resolver_of,
)

TRAIN_TAR, VAL_TAR = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"

_VAL_FOLDERS = ("val", "validation")
_SYNSET = re.compile(r"n\d{8}")
# Where the pictures may be.
_ROOTS = ("", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC")

Picture = tuple[str, File]
"""The class's key (a synset, usually) and the file."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The pictures of a source directory.

    Attributes:
        keys: The classes as the source calls them, sorted: synsets, usually.
        names: What people call them, in the same order, no two alike.
        has_val: Whether there are pictures to try with.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    has_val: bool
    _train: _Folders | _TarOfTars
    _val: _Folders | _Labelled | None
    _faults: tuple[Skip, ...]

    def train(self) -> Iterator[Picture | Skip]:
        """Pictures to train on, class by class."""
        yield from self._faults
        yield from self._train.pictures()

    def val(self) -> Iterator[Picture | Skip]:
        """Pictures to try with."""
        return iter(()) if self._val is None else self._val.pictures()


def find_layout(source_dir: Path) -> Layout:
    """Looks at a source directory; reads no picture.

    Raises:
        FileNotFoundError: There is nothing to train on, or no labels for the pictures
            to try with; the message says what was looked for.
        ValueError: An archive or meta.mat is damaged.
    """
    tree, root, train = _find_train(source_dir)
    small = SmallFiles(source_dir, tree)
    keys = train.keys
    synsets, faults = small.synset_names()
    val = _find_val(source_dir, tree, root, keys, small)
    return Layout(
        keys, _distinct(keys, synsets), val is not None, train, val, tuple(faults)
    )


@dataclasses.dataclass(frozen=True)
class _Folders:
    """A folder for each class."""

    tree: FileTree
    folder: str
    keys: tuple[str, ...]

    def pictures(self) -> Iterator[Picture | Skip]:
        known = frozenset(self.keys)
        for path, file in self.tree.walk(self.folder):
            key, _, below = path.partition("/")
            if not below or not is_picture(below):
                continue
            if key in known:
                yield key, file
            else:
                yield Skip("class that is not trained on", str(file), is_fault=False)


@dataclasses.dataclass(frozen=True)
class _TarOfTars:
    """A tar for each class within one tar."""

    tars: tuple[Member, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(sorted(_key_of(tar) for tar in self.tars if not tar.fault))

    def pictures(self) -> Iterator[Picture | Skip]:
        for tar in self.tars:
            try:
                for member in tar.members():
                    if member.fault:
                        yield Skip(member.fault, str(member))
                    elif is_picture(member.name):
                        yield _key_of(tar), member
            except ValueError as error:
                yield Skip("damaged archive", str(error))


@dataclasses.dataclass(frozen=True)
class _Labelled:
    """Pictures side by side, and a file of their labels."""

    files: FileTree | Path
    folder: str
    labels: Labels
    resolver: Resolver
    keys: frozenset[str]

    def pictures(self) -> Iterator[Picture | Skip]:
        yield from self.labels.faults
        seen = set()
        for path, file in self._walk():
            if isinstance(file, Skip):
                yield file
                continue
            name = picture_name(path)
            if not is_picture(path):
                continue
            if name in seen:
                yield Skip("two pictures of one name", str(file))
                continue
            seen.add(name)
            yield self._picture(name, file)
        for name in self.labels.by_picture:
            if name not in seen:
                yield Skip("label of a picture that is missing", f"{name}: {self}")

    def __str__(self) -> str:
        return self.labels.where

    def _picture(self, name: str, file: File) -> Picture | Skip:
        label = self.labels.by_picture.get(name)
        if label is None:
            return Skip("picture without a label", str(file))
        key = self.resolver.resolve(label)
        if key is None:
            return Skip("label that is no class", f"{name} is {label!r}: {self}")
        if key not in self.keys:
            return Skip("class that is not trained on", str(file), is_fault=False)
        return key, file

    def _walk(self) -> Iterator[tuple[str, File | Skip]]:
        if not isinstance(self.files, Path):
            yield from self.files.walk(self.folder)
            return
        try:
            for member in members(self.files):
                fault = Skip(member.fault, str(member)) if member.fault else None
                yield member.name, fault or member
        except ValueError as error:
            yield "", Skip("damaged archive", str(error))


def _find_train(source_dir: Path) -> tuple[FileTree, str, _Folders | _TarOfTars]:
    """The files, where among them train and val lie, and the pictures to train on."""
    tree = FolderTree(source_dir)
    if found := _class_folders(tree):
        return tree, *found
    tar = source_dir / TRAIN_TAR
    if tar.is_file():
        tars = tuple(m for m in members(tar) if m.name.endswith(".tar"))
        if not tars:
            raise ValueError(f"{tar} holds no tar of a synset")
        return tree, "", _TarOfTars(tars)
    for path in sorted(source_dir.iterdir()):
        if is_archive(path) and not path.name.startswith("ILSVRC2012_"):
            archive = open_tree(path)
            if found := _class_folders(archive):
                return archive, *found
    raise FileNotFoundError(
        f"{source_dir} has no pictures to train on: no folder train/ with a folder for "
        f"each class, no {TRAIN_TAR}, no folders called like synsets (n01440764)"
    )


def _class_folders(tree: FileTree) -> tuple[str, _Folders] | None:
    """Folders of classes: in a folder train, or called like synsets at the top."""
    for root in _ROOTS:
        folder = f"{root}/train".lstrip("/")
        if keys := tree.folders(folder):
            return root, _Folders(tree, folder, keys)
    keys = tuple(key for key in tree.folders() if _SYNSET.fullmatch(key))
    return ("", _Folders(tree, "", keys)) if keys else None


def _find_val(
    source_dir: Path,
    tree: FileTree,
    root: str,
    keys: tuple[str, ...],
    small: SmallFiles,
) -> _Folders | _Labelled | None:
    for name in _VAL_FOLDERS:
        folder = f"{root}/{name}".lstrip("/")
        if set(tree.folders(folder)) & set(keys):
            return _Folders(tree, folder, keys)
        if any(is_picture(path) for path, _ in _first(tree, folder)):
            return _labelled(tree, folder, keys, small)
    tar = source_dir / VAL_TAR
    return _labelled(tar, "", keys, small) if tar.is_file() else None


def _first(tree: FileTree, folder: str) -> Iterable[Picture]:
    """A few files of a folder; none where it is not there."""
    try:
        return list(itertools.islice(tree.walk(folder), 100))
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _labelled(
    files: FileTree | Path, folder: str, keys: tuple[str, ...], small: SmallFiles
) -> _Labelled:
    found = small.labels()
    if found is None:
        raise FileNotFoundError(
            f"{files} has pictures{f' in {folder}/' if folder else ''} without folders "
            f"of classes, and there is no file of their labels: none of "
            f"{', '.join(LABEL_FILES)}"
        )
    labels, name = found
    resolver = resolver_of(labels, name, keys, small)
    return _Labelled(files, folder, labels, resolver, frozenset(keys))


def _distinct(keys: tuple[str, ...], names: dict[str, str]) -> tuple[str, ...]:
    """Names of the classes; two of one name are told apart by their keys."""
    found = [names.get(key) or key for key in keys]
    return tuple(
        f"{name} ({key})" if found.count(name) > 1 else name
        for key, name in zip(keys, found, strict=True)
    )


def _key_of(tar: Member) -> str:
    return tar.name.rpartition("/")[2].removesuffix(".tar")
