"""Finding the small files beside ImageNet's pictures, whoever put them where."""

from __future__ import annotations

from pathlib import Path

from t2t_multimodel.data.archives import stream
from t2t_multimodel.data.file_tree import FileTree, FolderTree
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.image.devkit import META_FILE, Synset, read_meta
from t2t_multimodel.problems.image.labels import (
    Labels,
    Resolver,
    read_labels,
    read_synset_names,
)

DEVKIT = "ILSVRC2012_devkit_t12"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
LABEL_FILES = (
    *("LOC_val_solution.csv", "val_annotations.txt"),
    *("imagenet_2012_validation_synset_labels.txt", GROUND_TRUTH),
    *("val_labels.txt", "val_labels.csv", "val.txt", "val.csv"),
)
# Lists of the synsets in the order of their numbers.
ORDER_FILES = ("LOC_synset_mapping.txt", "synset_words.txt", "synsets.txt")
# The last one names all of WordNet's, in no such order.
NAME_FILES = (*ORDER_FILES[:2], "words.txt")

_FOLDERS = ("", "val", "validation", f"{DEVKIT}/data", "data")
_MAX_BYTES = 1 << 26


class SmallFiles:
    """Finds label and name files near the pictures, or in the development kit.

    Args:
        source_dir: The source directory.
        tree: The files among which the pictures are: the same, or an archive in it.
    """

    def __init__(self, source_dir: Path, tree: FileTree) -> None:
        self._source_dir, self._tree = source_dir, tree
        self._kit: dict[str, tuple[bytes, str]] | None = None

    def find(self, name: str) -> tuple[bytes, str] | None:
        """The bytes of a file and what to call it."""
        # Beside an archive there may be small files, too.
        for tree in (self._tree, FolderTree(self._source_dir)):
            for folder in _FOLDERS:
                file = tree.find(f"{folder}/{name}" if folder else name)
                if file is not None:
                    return file.read(_MAX_BYTES), str(file)
        return self._in_kit().get(name)

    def synset_names(self) -> tuple[dict[str, str], list[Skip]]:
        """Names of synsets from the first file that has some; none may have any."""
        for name in NAME_FILES:
            found = self.find(name)
            if found is not None:
                return read_synset_names(*found)
        return {synset.wnid: synset.words for synset in self.meta() or ()}, []

    def order(self) -> tuple[str, ...]:
        """The synsets as a list of all of them orders them; there may be none."""
        for name in ORDER_FILES:
            found = self.find(name)
            if found is not None:
                return tuple(read_synset_names(*found)[0])
        return ()

    def meta(self) -> list[Synset] | None:
        """The development kit's synsets, if its meta.mat is there."""
        found = self.find(META_FILE)
        return None if found is None else read_meta(*found)

    def labels(self) -> tuple[Labels, str] | None:
        """The labels of the pictures to try with, and the name of their file."""
        for name in LABEL_FILES:
            found = self.find(name)
            if found is not None:
                return read_labels(*found), name
        return None

    def _in_kit(self) -> dict[str, tuple[bytes, str]]:
        if self._kit is None:
            self._kit = {}
            archive = self._source_dir / f"{DEVKIT}.tar.gz"
            if archive.is_file():
                wanted = (META_FILE, GROUND_TRUTH)
                for member, file in stream(archive):
                    name = member.name.rpartition("/")[2]
                    if name in wanted and not member.fault:
                        data = file.read(_MAX_BYTES)
                        self._kit[name] = data, str(member)
        return self._kit


def resolver_of(
    labels: Labels, name: str, keys: tuple[str, ...], small: SmallFiles
) -> Resolver:
    """What numbers mean in a label file: counted from 1 in the kit's, else from 0."""
    is_numbered = any(label.isdigit() for label in labels.by_picture.values())
    if not is_numbered:
        return Resolver(keys)
    listed = small.order() or keys
    if name != GROUND_TRUTH:
        return Resolver(keys, listed)
    meta = small.meta()
    if meta is not None:
        numbered = {synset.number: synset.wnid for synset in meta}
        return Resolver(keys, [numbered.get(n, "") for n in range(1, 1001)], first=1)
    if len(listed) >= 1000:
        raise FileNotFoundError(
            f"{labels.where} numbers the synsets in the order of the development kit, "
            f"which no list of synsets has: put {META_FILE} of {DEVKIT} beside it"
        )
    return Resolver(keys, listed, first=1)
