"""caption_coco: the same captions out of every form, and what is left out."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import SPLITS, Skip
from t2t_multimodel.problems.caption.annotations import read_annotations
from t2t_multimodel.testing.check_problem import check_problem

SHARED = Path(
    os.environ.get("T2T_SHARED_DATA", Path(__file__).parents[4] / "shared/data")
)
TRAIN, VAL = (9, 25, 30, 34), (139, 42, 285, 632, 724)
NUM_CAPTIONS = 5
quick = settings(derandomize=True, max_examples=200, deadline=None)


def photo(number: int) -> bytes:
    pixels = np.full((10, 14, 3), number % 250, np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def captions(numbers: tuple[int, ...], name: str = "{:012}.jpg") -> dict[str, Any]:
    """A caption file, as COCO's are."""
    return {
        "info": {"year": 2017, "description": "COCO"},
        "licenses": [{"id": 1, "name": "a licence"}],
        "images": [
            {"license": 1, "file_name": name.format(n), "height": 10, "id": n}
            for n in numbers
        ],
        "annotations": [
            {"image_id": n, "id": 10 * n + turn, "caption": f"Photo {n}, said {turn}. "}
            for turn in range(NUM_CAPTIONS)
            for n in numbers
        ],
    }


def _said(number: int) -> list[str]:
    return [f"Photo {number}, said {turn}." for turn in range(NUM_CAPTIONS)]


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    path.write_bytes(data)


def _zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _folders(source: Path, year: int = 2017, images: str = "") -> None:
    name = "{:012}.jpg" if year == 2017 else "COCO_x2014_{:012}.jpg"
    for part, numbers in (("train", TRAIN), ("val", VAL)):
        path = source / f"annotations/captions_{part}{year}.json"
        _write(path, captions(numbers, name))
        for n in numbers:
            _write(source / f"{images}{part}{year}" / name.format(n), photo(n))


def _zips(source: Path) -> None:
    files = {}
    for part, numbers in (("train", TRAIN), ("val", VAL)):
        photos = {f"{part}2017/{n:012}.jpg": photo(n) for n in numbers}
        _zip(source / f"{part}2017.zip", photos)
        data = json.dumps(captions(numbers)).encode()
        files[f"annotations/captions_{part}2017.json"] = data
        files[f"annotations/instances_{part}2017.json"] = b"{}"
    _zip(source / "annotations_trainval2017.zip", files)


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "folders": _folders,
    "2014": lambda source: _folders(source, 2014),
    "images below": lambda source: _folders(source, images="images/"),
    "zips": _zips,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def _examples(source: Path, split: str) -> list[Any]:
    return list(registry.problem("caption_coco").examples(split, source))


def _skips(source: Path, split: str = "train") -> dict[str, int]:
    found = (e for e in _examples(source, split) if isinstance(e, Skip))
    return dict(Counter(skip.reason for skip in found))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_photos_with_all_their_captions(
    layout: str, source: Path
) -> None:
    LAYOUTS[layout](source)
    assert registry.problem("caption_coco").splits(source) == SPLITS
    # Every other one of the val photos, in the order of their ids, is dev.
    expected = {"train": TRAIN, "dev": (42, 285, 724), "test": (139, 632)}
    for split, numbers in expected.items():
        found = _examples(source, split)
        assert sorted((e["inputs"].value(), e["targets"]) for e in found) == sorted(
            (photo(n), _said(n)) for n in numbers
        )


def test_captions_of_a_photo_stay_together(source: Path, tmp_path: Path) -> None:
    _folders(source)
    problem = registry.problem("caption_coco")
    manifest = generate([problem], tmp_path / "data", source)["caption_coco"]
    counts = {name: split.examples for name, split in manifest.splits.items()}
    assert counts == {"train": 4, "dev": 3, "test": 2}
    rows = raw_examples(problem, tmp_path / "data", "test")
    assert [row["targets"] for row in rows] == [_said(139), _said(632)]


def test_it_keeps_what_every_problem_must(source: Path, tmp_path: Path) -> None:
    _zips(source)
    problem = registry.problem("caption_coco", size=32)
    check_problem(problem, tmp_path / "check", source)


def test_the_newest_year_is_taken_unless_another_is_asked_for(source: Path) -> None:
    _folders(source)
    _folders(source, 2014)
    newest, other = (registry.problem("caption_coco", year=y) for y in (0, 2014))
    for problem, name in ((newest, "train2017"), (other, "train2014")):
        first = next(problem.examples("train", source))
        assert not isinstance(first, Skip)
        assert f"/{name}/" in repr(vars(first["inputs"]))
    with pytest.raises(ValueError, match="year=2015; it is 2017, 2014 or 0"):
        registry.problem("caption_coco", year=2015)


def test_without_val_photos_are_held_out(source: Path) -> None:
    numbers = tuple(range(100, 145))
    _write(source / "captions_train2017.json", captions(numbers))
    for n in numbers:
        _write(source / f"train2017/{n:012}.jpg", photo(n))
    found = {split: _examples(source, split) for split in SPLITS}
    assert {s: len(rows) for s, rows in found.items()} == {
        "train": 40,
        "dev": 3,
        "test": 2,
    }
    assert found["dev"][0]["targets"] == _said(100)
    assert found["test"][0]["targets"] == _said(110)


def test_a_single_val_photo_is_dev(source: Path) -> None:
    _folders(source)
    _write(source / "annotations/captions_val2017.json", captions((139,)))
    assert registry.problem("caption_coco").splits(source) == ("train", "dev")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("annotations", r"no captions to train on: no captions_train2017\.json or"),
        ("train2017", r"no photos of train2017: neither a folder train2017 "),
        ("val2017", r"no photos of val2017: .* nor val2017\.zip"),
    ],
)
def test_what_is_missing_is_told(source: Path, missing: str, message: str) -> None:
    _folders(source)
    (source / missing).rename(source / "elsewhere")
    with pytest.raises(FileNotFoundError, match=message):
        registry.problem("caption_coco").splits(source)


def test_records_that_cannot_be_used_are_counted_by_what_is_wrong(
    source: Path,
) -> None:
    _folders(source)
    data = captions(TRAIN)
    data["images"] += [
        {"id": 9, "file_name": "again.jpg"},
        {"id": 77, "file_name": "silent.jpg"},
        {"id": 78, "file_name": "../../../etc/passwd"},
        {"id": 79, "file_name": "not there.jpg"},
        {"id": "80", "file_name": "x.jpg"},
        {"id": 81},
        5,
    ]
    data["annotations"] += [
        {"id": 90, "image_id": 9, "caption": "twice"},
        {"id": 1, "image_id": 999, "caption": "of nothing"},
        {"id": 2, "image_id": 9, "caption": " \n"},
        {"id": 3, "image_id": 9, "caption": None},
        {"id": 4, "image_id": 9, "caption": "\ud800"},
        {"id": 5, "image_id": 9, "caption": "a\0b"},
        {"id": 6, "image_id": [9], "caption": "x"},
        {"id": 7, "image_id": 9},
        {"id": 8, "image_id": 78, "caption": "outside"},
        {"id": 9, "image_id": 79, "caption": "missing"},
        "text",
    ]
    _write(source / "annotations/captions_train2017.json", data)
    assert _skips(source) == {
        "image id that is there twice": 1,
        "image without a caption": 1,
        "image without an id or a file name": 1,
        "image without a file name": 2,
        "file name that leads outside": 1,
        "photo that is missing": 1,
        "caption id that is there twice": 1,
        "caption of an image that is not listed": 1,
        "empty caption": 2,
        "caption that is not valid Unicode": 1,
        "caption with NUL": 1,
        "caption without an id or an image id": 1,
        "annotation without a caption": 2,
    }
    good = [e for e in _examples(source, "train") if not isinstance(e, Skip)]
    assert [row["targets"] for row in good] == [_said(n) for n in TRAIN]
    assert _skips(source, "dev") == _skips(source, "test") == {}
    faults = [e for e in _examples(source, "train") if isinstance(e, Skip)]
    assert all(
        skip.is_fault and "captions_train2017.json: " in skip.where for skip in faults
    )


def test_a_damaged_photo_and_a_damaged_zip_are_named(source: Path) -> None:
    _zips(source)
    photos = {f"train2017/{n:012}.jpg": photo(n)[:300] for n in TRAIN}
    _zip(source / "train2017.zip", photos)
    first = _examples(source, "train")[0]
    with pytest.raises(ValueError, match=r"train2017\.zip: train2017/0+9\.jpg: image"):
        first["inputs"].value()
    path = source / "val2017.zip"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"val2017\.zip is truncated or damaged"):
        _examples(source, "dev")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "c.json is no JSON"),
        (b"\xff\xfe\xfd", "c.json is no JSON"),
        (b'{"images": [', "c.json is no JSON"),
        (b"[" * 200_000, "c.json: lists in lists, far too many"),
        (b"[]", "c.json has no lists images and annotations"),
        (b'{"images": []}', "has no lists images and annotations"),
        (b'{"images": {}, "annotations": []}', "has no lists"),
    ],
)
def test_what_is_no_caption_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_annotations(data, "c.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
KEYS = ("id", "file_name", "image_id", "caption", "images", "annotations")
RECORDS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4) | VALUES


@given(
    images=st.lists(RECORDS, max_size=5) | VALUES,
    annotations=st.lists(RECORDS, max_size=8) | VALUES,
)
@quick
def test_no_records_raise_anything_but_a_value_error(
    images: Any, annotations: Any
) -> None:
    whole = captions((1, 2))
    for more in ({"images": images, "annotations": annotations}, whole):
        if isinstance(images, list) and isinstance(annotations, list):
            more = {
                key: [*more[key], *value]
                for key, value in (("images", images), ("annotations", annotations))
            }
        try:
            found = read_annotations(json.dumps(more).encode(), "c.json")
        except ValueError as error:
            assert str(error).startswith("c.json")
        else:
            assert all(image.captions for image in found.images)
            assert len({image.number for image in found.images}) == len(found.images)


@given(st.data())
@quick
def test_no_bytes_raise_anything_but_a_value_error(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(captions((1, 2))).encode())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    try:
        read_annotations(bytes(raw), "c.json")
    except ValueError as error:
        assert str(error).startswith("c.json")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the lent corpora are not here")
def test_lent_captions_are_read() -> None:
    counts = {"train": 33, "dev": 50, "test": 49}
    for split, count in counts.items():
        found = _examples(SHARED / "coco", split)
        assert len(found) == count
        assert {len(example["targets"]) for example in found} == {NUM_CAPTIONS}
        assert found[0]["inputs"].value()
