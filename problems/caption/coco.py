"""COCO captions: what a photo shows, in a sentence; five people's sentences each.

docs/pictures.md tells every form that is read and which pictures make up which split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.archives import ENDINGS, members
from t2t_multimodel.data.features import Image, Texts
from t2t_multimodel.data.file_tree import File, FileTree, FolderTree, open_tree
from t2t_multimodel.data.images import load_file, stored_side
from t2t_multimodel.data.problem import SPLITS, Later, Problem, Skip
from t2t_multimodel.data.unpacking import path_fault
from t2t_multimodel.problems import tfds_corpora
from t2t_multimodel.problems.caption.annotations import (
    Annotations,
    CaptionedImage,
    read_annotations,
)

YEARS = (2017, 2014)

# Far above the captions of all of COCO (92 MB).
_ANNOTATION_BYTES = 1 << 29
_FOLDERS = ("", "annotations", "images")
# Where there is no val, two pictures out of so many are held out, for dev and test.
_HELD_OUT = 20
_TURNS = {0: "dev", _HELD_OUT // 2: "test"}


@registry.register_problem
class CaptionCoco(Problem):
    """A photo into a sentence that tells what it shows.

    All captions of a photo are one example: one of them, drawn anew every epoch, is
    trained on, and all are references of what the model says.

    Args:
        size: Rows and columns of the pictures that the model sees.
        year: 2017 or 2014; 0: the newest that is there.

    Raises:
        ValueError: There were no captions in that year.
    """

    inputs: Image
    targets = Texts("english")
    source = "COCO captions, https://cocodataset.org/#download"
    licence = (
        "captions CC BY 4.0; photos under the Flickr licence that each one's record "
        "names"
    )
    stand_in = (
        "COCO itself is free to download without a sign-up; val2017.zip (1 GB) is "
        "enough for a try (rename its captions to captions_train2017.json); without a "
        "network: the problem caption_mini, which makes its own data"
    )
    layout = (
        "annotations/captions_train2017.json and captions_val2017.json, or "
        "annotations_trainval2017.zip\n"
        "train2017/ and val2017/ with photos (also in images/), or train2017.zip and "
        "val2017.zip\n"
        "the same with 2014"
    )
    sizes: Mapping[str, int] = MappingProxyType(
        {"train": 118287, "dev": 2500, "test": 2500}
    )

    def __init__(self, size: int = 64, year: int = 0) -> None:
        if year not in (0, *YEARS):
            raise ValueError(f"caption_coco: year={year}; it is 2017, 2014 or 0")
        self.options: Mapping[str, Any] = {"size": size, "year": year}
        self.tfds = None if year == 2017 else tfds_corpora.COCO
        # All of a photo is seen, if stretched: captions tell of what is at its edges.
        self.inputs = Image(
            size, size, max_shift=size // 16, max_stored_side=stored_side(size)
        )

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """Train, dev and test; no test where there is but one photo to try with.

        Raises:
            FileNotFoundError: Captions or photos are missing.
            ValueError: A caption file or an archive is damaged.
        """
        captions = _Captions(source_dir, self.options["year"])
        for split in SPLITS:
            captions.photos(captions.source_of(split))
        part = captions.source_of("test")
        found = captions.read(part)
        there = set(_splits_of(found, part, captions.has_val).values())
        return tuple(split for split in SPLITS if split != "test" or split in there)

    def examples(
        self, split: str, source_dir: Path
    ) -> Iterator[Mapping[str, Any] | Skip]:
        captions = _Captions(source_dir, self.options["year"])
        part = captions.source_of(split)
        found, photos = captions.read(part), captions.photos(part)
        # What is wrong with a file is told once.
        if split == "train" or (split == "dev" and part == "val"):
            yield from found.faults
        splits = _splits_of(found, part, captions.has_val)
        for image in found.images:
            if splits[image.number] != split:
                continue
            file = _photo(photos, image, captions.place(part))
            if isinstance(file, Skip):
                yield file
                continue
            arguments = (file, self.inputs.channels, self.inputs.max_stored_side)
            yield {
                "inputs": Later(load_file, *arguments),
                "targets": list(image.captions),
            }


def _splits_of(found: Annotations, part: str, has_val: bool) -> dict[int, str]:
    """The split of each photo of a caption file, by the place of its id among all.

    Of val every other one is dev, the others are test.
    """
    numbers = sorted(image.number for image in found.images)
    if part == "val":
        return {number: SPLITS[1 + i % 2] for i, number in enumerate(numbers)}
    turns = {} if has_val else _TURNS
    return {
        number: turns.get(i % _HELD_OUT, "train") for i, number in enumerate(numbers)
    }


def _photo(photos: FileTree, image: CaptionedImage, place: str) -> File | Skip:
    where = f"{place}: image {image.number}, {image.file_name!r}"
    if path_fault(image.file_name):
        return Skip("file name that leads outside", where)
    file = photos.find(image.file_name)
    return file or Skip("photo that is missing", where)


class _Captions:
    """Finds the captions and the photos of a source directory."""

    def __init__(self, source_dir: Path, year: int) -> None:
        self._source_dir = source_dir
        self._tree = FolderTree(source_dir)
        self._years = (year,) if year else YEARS
        found = {
            y: {
                part: file for part in ("train", "val") if (file := self._json(part, y))
            }
            for y in self._years
        }
        self._year = next((y for y in self._years if "train" in found[y]), 0)
        if not self._year:
            wanted = " or ".join(f"captions_train{y}.json" for y in self._years)
            raise FileNotFoundError(
                f"{source_dir} has no captions to train on: no {wanted}, neither in "
                f"annotations/ nor in annotations_trainval{self._years[0]}.zip"
            )
        self._files = found[self._year]
        self.has_val = "val" in self._files

    def source_of(self, split: str) -> str:
        """Which file a split is taken from: train or val."""
        return "val" if split != "train" and self.has_val else "train"

    def place(self, part: str) -> str:
        """What to call a caption file."""
        return str(self._files[part])

    def read(self, part: str) -> Annotations:
        """The captions of train or val."""
        file = self._files[part]
        return read_annotations(file.read(_ANNOTATION_BYTES), str(file))

    def photos(self, part: str) -> FileTree:
        """The photos of train or val.

        Raises:
            FileNotFoundError: There is neither a folder nor an archive of them.
        """
        name = f"{part}{self._year}"
        for folder in _FOLDERS:
            for ending in ("", *ENDINGS):
                path = self._source_dir / folder / f"{name}{ending}"
                is_there = path.is_file() if ending else path.is_dir()
                if is_there:
                    return open_tree(path)
        raise FileNotFoundError(
            f"{self._source_dir} has no photos of {name}: neither a folder {name} (or "
            f"images/{name}) nor {name}.zip"
        )

    def _json(self, part: str, year: int) -> File | None:
        name = f"captions_{part}{year}.json"
        for folder in _FOLDERS:
            file = self._tree.find(f"{folder}/{name}" if folder else name)
            if file is not None:
                return file
        for folder in _FOLDERS:
            archive = self._source_dir / folder / f"annotations_trainval{year}.zip"
            if archive.is_file():
                for member in members(archive):
                    if member.name.rpartition("/")[2] == name:
                        return member
        return None
