"""ImageNet: what a photo shows, out of a thousand classes or as many as there are.

docs/pictures.md tells every form that is read, which pictures make up which split, and
how pictures are stored and seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.features import ClassLabel, Image
from t2t_multimodel.data.images import load_file, stored_side
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.problems import tfds_corpora
from t2t_multimodel.problems.image.layouts import Layout, find_layout

# Without pictures to try with, one of so many to train on is held out.
HELD_OUT = 20

_log = logging.getLogger(__name__)


@registry.register_problem
class ImageImagenet(Problem):
    """A photo into the name of what it shows.

    The classes are those of the source: a thousand synsets of ILSVRC2012, ten of
    Imagenette, whatever has a folder of its own.

    Args:
        size: Rows and columns of the pictures that the model sees.
        classes: Names of the classes; by default found in the source.
    """

    inputs: Image
    targets: ClassLabel
    source = "ILSVRC2012, https://image-net.org/challenges/LSVRC/2012 (on request)"
    licence = "ImageNet's terms of access: non-commercial research and education"
    stand_in = (
        "Imagenette, https://github.com/fastai/imagenette (10 classes), or Tiny "
        "ImageNet, https://cs231n.stanford.edu/tiny-imagenet-200.zip (200 classes); "
        "under the same terms"
    )
    layout = (
        "train/SYNSET/ and val/SYNSET/ with pictures, or train/SYNSET/images/\n"
        "train/SYNSET/, val/ with pictures, and LOC_val_solution.csv, "
        "val_annotations.txt or another file of labels\n"
        "ILSVRC2012_img_train.tar (a tar of tars), ILSVRC2012_img_val.tar and "
        "ILSVRC2012_devkit_t12.tar.gz (or the kit's ground truth and meta.mat)\n"
        "ILSVRC/Data/CLS-LOC/ as Kaggle has it, or one archive of such a folder "
        "(tiny-imagenet-200.zip, imagenette2.tgz)\n"
        "SYNSET/ with pictures: one in twenty is held out for dev\n"
        "names of synsets: LOC_synset_mapping.txt, synset_words.txt or words.txt"
    )
    sizes: Mapping[str, int] = MappingProxyType({"train": 1281167, "dev": 50000})
    is_ordered = True  # class by class
    tfds = tfds_corpora.IMAGENET

    def __init__(self, size: int = 64, classes: Sequence[str] = ()) -> None:
        self.options: Mapping[str, Any] = {"size": size, "classes": list(classes)}
        self.inputs = Image(
            size,
            size,
            crop=True,
            min_area=0.25,
            flip=True,
            max_stored_side=stored_side(size),
        )
        self.targets = ClassLabel(classes or None)

    def with_source(self, source_dir: Path) -> Problem:
        """This problem with the classes that the source has.

        Raises:
            FileNotFoundError: The source holds no pictures, or no labels for some.
            ValueError: An archive is damaged.
        """
        layout = find_layout(source_dir)
        _log.info("%s: %d classes in %s", self.name, len(layout.keys), source_dir)
        return self.with_options({**self.options, "classes": list(layout.names)})

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """Train, and dev: the val pictures. Labels of the test set are not public."""
        return ("train", "dev")

    def examples(
        self, split: str, source_dir: Path
    ) -> Iterator[Mapping[str, Any] | Skip]:
        layout = find_layout(source_dir)
        numbers = {key: number for number, key in enumerate(layout.keys)}
        image = self.inputs
        for picture in _of_split(layout, split):
            if isinstance(picture, Skip):
                yield picture
                continue
            key, file = picture
            yield {
                "inputs": Later(load_file, file, image.channels, image.max_stored_side),
                "targets": numbers[key],
            }


def _of_split(layout: Layout, split: str) -> Iterator[tuple[str, Any] | Skip]:
    if layout.has_val:
        yield from layout.train() if split == "train" else layout.val()
        return
    place = 0
    for picture in layout.train():
        if isinstance(picture, Skip):
            if split == "train":
                yield picture
            continue
        if (place % HELD_OUT == 0) == (split == "dev"):
            yield picture
        place += 1
