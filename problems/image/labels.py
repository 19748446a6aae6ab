"""The small files beside the pictures: names of synsets, labels of the val pictures.

A line that cannot be used is a fault of its own (`Skip`), counted like a broken
picture, and no error of the whole.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

from t2t_multimodel.data.problem import Skip

_HEADINGS = ("imageid", "image_id", "image", "filename", "file", "path", "name", "id")
_IMAGE_ENDINGS = re.compile(
    r"\.(jpe?g|jfif|png|gif|bmp|webp|tiff?|p[pgn]m)$", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class Labels:
    """What a label file says.

    Attributes:
        where: The file.
        by_picture: The label of each picture, by the picture's name without folder and
            ending.
        faults: Lines that cannot be used.
    """

    where: str
    by_picture: Mapping[str, str]
    faults: tuple[Skip, ...]


def is_picture(path: str) -> bool:
    """Whether a file is called as pictures are."""
    return _IMAGE_ENDINGS.search(path) is not None


def picture_name(path: str) -> str:
    """A picture's name without folder and ending, by which labels know it."""
    return _IMAGE_ENDINGS.sub("", path.rpartition("/")[2])


def read_synset_names(data: bytes, where: str) -> tuple[dict[str, str], list[Skip]]:
    """What the lines `n01440764 tench, Tinca tinca` say: names by synset, in order.

    A tab may stand for the first blank; a synset without a name is its own name.

    Args:
        data: The file's bytes.
        where: What to call it.

    Returns:
        The names by synset, and the lines that cannot be used.
    """
    names: dict[str, str] = {}
    faults = []
    for _, place, line in _lines(data, where):
        if isinstance(line, Skip):
            faults.append(line)
            continue
        synset, *rest = line.split(maxsplit=1)
        name = " ".join(rest).strip() or synset
        if names.setdefault(synset, name) != name:
            faults.append(Skip("synset named twice", place))
    return names, faults


def read_labels(data: bytes, where: str) -> Labels:
    """The labels of pictures.

    Each line holds a picture and its label, with a comma, a tab or a blank between, and
    anything after them (`LOC_val_solution.csv`, Tiny ImageNet's `val_annotations.txt`,
    Caffe's `val.txt`); a first line with headings is passed over. Or each line holds a
    label alone, line n that of picture ILSVRC2012_val_0000000n (the development kit's
    ground truth).

    Args:
        data: The file's bytes.
        where: What to call it.
    """
    found: dict[str, str] = {}
    faults = []
    for number, place, line in _lines(data, where):
        if isinstance(line, Skip):
            faults.append(line)
            continue
        fields = [field for field in re.split(r"[,\s]+", line) if field]
        if number == 1 and fields and fields[0].lower() in _HEADINGS:
            continue
        if len(fields) == 1 and not is_picture(fields[0]):
            fields.insert(0, f"ILSVRC2012_val_{number:08}")
        if len(fields) < 2:
            faults.append(Skip("line without picture and label", place))
            continue
        picture = picture_name(fields[0])
        if picture in found:
            faults.append(Skip("picture labelled twice", place))
            continue
        found[picture] = fields[1]
    return Labels(where, found, tuple(faults))


class Resolver:
    """From what a label file calls a class to the class.

    Args:
        classes: The classes, sorted.
        order: The synsets in the order in which labels number them; empty: `classes`.
        first: The number of the first one.
    """

    def __init__(
        self, classes: Sequence[str], order: Sequence[str] = (), first: int = 0
    ) -> None:
        self._classes = frozenset(classes)
        self._order, self._first = order or classes, first

    def resolve(self, label: str) -> str | None:
        """The class; None where no class is meant."""
        if label in self._classes:
            return label
        if label.isascii() and label.isdigit() and len(label) < 9:
            place = int(label) - self._first
            if 0 <= place < len(self._order):
                return self._order[place]
        return label if re.fullmatch(r"n\d{8}", label) else None


def _lines(data: bytes, where: str) -> Iterator[tuple[int, str, str | Skip]]:
    """Lines that are not blank: number, place in words, text or what is wrong."""
    raw_lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, raw in enumerate(raw_lines, 1):
        place = f"{where}, line {number}"
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            yield number, place, Skip("line that is not UTF-8", place)
            continue
        if "\0" in line:
            yield number, place, Skip("line with NUL", place)
        elif line:
            yield number, place, line
