"""A small ImageNet in every form that it comes in: the same pictures each time."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import scipy.io

# Not in alphabetical order: numbers of the development kit are not, either.
SYNSETS = {
    "n03000684": "chain saw, chainsaw",
    "n01440764": "tench, Tinca tinca",
    "n02102040": "English springer",
}
KEYS = tuple(sorted(SYNSETS))
NUM_TRAIN, NUM_VAL = 4, 2
DEVKIT = "ILSVRC2012_devkit_t12/data"


def picture(number: int) -> bytes:
    """A picture that no other number has."""
    pixels = np.full((12, 10, 3), 2 * number, np.uint8)
    pixels[:6] = 255 - number
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


TRAIN = {
    f"{key}/{key}_{number}.JPEG": picture(10 * place + number)
    for place, key in enumerate(KEYS)
    for number in range(NUM_TRAIN)
}
# Pictures to try with are mixed: neighbours are of different classes.
VAL_KEYS = KEYS * NUM_VAL
VAL = {
    f"ILSVRC2012_val_{place:08}.JPEG": picture(50 + place)
    for place in range(1, len(VAL_KEYS) + 1)
}
Files = Mapping[str, bytes]


def write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def tar(files: Files, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def lines(texts: list[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def meta_mat(compressed: bool = True) -> bytes:
    """The development kit's synsets: numbers in an order of their own."""
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    synsets = np.zeros((len(SYNSETS) + 1, 1), [(field, "O") for field in fields])
    for place, (wnid, words) in enumerate(SYNSETS.items()):
        synsets[place, 0] = (float(place + 1), wnid, words, "a thing", 0.0)
    synsets[-1, 0] = (1001.0, "n00001740", "entity", "that which is", 2.0)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"synsets": synsets}, do_compression=compressed)
    return buffer.getvalue()


MAPPING = lines([f"{key} {SYNSETS[key]}" for key in KEYS])
NUMBERS = lines([str(list(SYNSETS).index(key) + 1) for key in VAL_KEYS])
SOLUTION = lines(
    [
        "ImageId,PredictionString",
        *(
            f"{name.removesuffix('.JPEG')},{key} 85 1 499 272 {key} 1 2 3 4 "
            for name, key in zip(VAL, VAL_KEYS, strict=True)
        ),
    ]
)


def _in(folder: str, files: Files) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def _val_folders() -> Files:
    pairs = zip(VAL_KEYS, VAL.items(), strict=True)
    return {f"{key}/{name}": data for key, (name, data) in pairs}


def _folders() -> Files:
    return {
        **_in("train", TRAIN),
        **_in("val", _val_folders()),
        "LOC_synset_mapping.txt": MAPPING,
        "train/n01440764/notes.txt": b"no picture",
        "val/.hidden/x.JPEG": b"",
    }


def _kaggle() -> Files:
    return {
        **_in("ILSVRC/Data/CLS-LOC/train", TRAIN),
        **_in("ILSVRC/Data/CLS-LOC/val", VAL),
        "LOC_synset_mapping.txt": MAPPING,
        "LOC_val_solution.csv": SOLUTION,
    }


def _caffe() -> Files:
    pairs = zip(VAL, VAL_KEYS, strict=True)
    return {
        **_in("train", TRAIN),
        **_in("val", VAL),
        "synset_words.txt": MAPPING,
        "val.txt": lines([f"{name} {KEYS.index(key)}" for name, key in pairs]),
    }


def _tiny() -> Files:
    inner = {name.replace("/", "/images/"): data for name, data in TRAIN.items()}
    boxes = {f"{key}/{key}_boxes.txt": b"x\t0\t0\t9\t9\n" for key in KEYS}
    pairs = zip(VAL, VAL_KEYS, strict=True)
    notes = [f"{name}\t{key}\t0\t32\t44\t62" for name, key in pairs]
    others = [f"n0000{n:04}\tnothing" for n in range(1000, 1100)]
    return {
        **_in("train", {**inner, **boxes}),
        **_in("val/images", VAL),
        "val/val_annotations.txt": lines(notes),
        "wnids.txt": lines(list(SYNSETS)),
        "words.txt": lines([*others, *(f"{k}\t{SYNSETS[k]}" for k in SYNSETS)]),
    }


def _tars(kit: Files) -> Files:
    inner = {}
    for key in SYNSETS:
        names = [name for name in TRAIN if name.startswith(key)]
        inner[f"{key}.tar"] = tar({n.partition("/")[2]: TRAIN[n] for n in names})
    return {
        "ILSVRC2012_img_train.tar": tar(inner),
        "ILSVRC2012_img_val.tar": tar(VAL),
        **kit,
    }


def _kit() -> Files:
    return {
        f"{DEVKIT}/meta.mat": meta_mat(),
        f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt": NUMBERS,
    }


LAYOUTS: dict[str, Callable[[], Files]] = {
    "folders": _folders,
    "kaggle": _kaggle,
    "caffe": _caffe,
    "tiny": _tiny,
    "tars and kit": lambda: _tars(_kit()),
    "tars and packed kit": lambda: _tars(
        {"ILSVRC2012_devkit_t12.tar.gz": tar(_kit(), "w:gz")}
    ),
    "tars and loose files": lambda: _tars(
        {
            "meta.mat": meta_mat(compressed=False),
            "ILSVRC2012_validation_ground_truth.txt": NUMBERS,
        }
    ),
    "tars and a list of synsets": lambda: _tars(
        {
            "synsets.txt": lines(list(SYNSETS)),
            "ILSVRC2012_validation_ground_truth.txt": NUMBERS,
            "words.txt": MAPPING,
        }
    ),
    "tars and labels by synset": lambda: _tars(
        {
            "imagenet_2012_validation_synset_labels.txt": lines(list(VAL_KEYS)),
            "LOC_synset_mapping.txt": MAPPING,
        }
    ),
    "one archive": lambda: {
        "imagenette.tgz": tar(_in("imagenette", _folders()), "w:gz")
    },
    "one plain archive": lambda: {"tiny.tar": tar(_in("tiny-imagenet-200", _tiny()))},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
