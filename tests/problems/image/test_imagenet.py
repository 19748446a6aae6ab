"""image_imagenet: the same pictures out of every form, and what is left out."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.images import stored_side
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.problems.image.layouts import find_layout
from t2t_multimodel.testing.check_problem import check_problem

from .conftest import (
    DEVKIT,
    KEYS,
    LAYOUTS,
    MAPPING,
    NUMBERS,
    SOLUTION,
    SYNSETS,
    TRAIN,
    VAL,
    VAL_KEYS,
    lines,
    picture,
    tar,
    write,
)

SHARED = Path(
    os.environ.get("T2T_SHARED_DATA", Path(__file__).parents[4] / "shared/data")
)
NAMES = tuple(SYNSETS[key] for key in KEYS)


def _problem(source: Path) -> Problem:
    return registry.problem("image_imagenet").with_source(source)


def _pictures(source: Path, split: str) -> Iterator[tuple[str, bytes] | Skip]:
    problem = _problem(source)
    for example in problem.examples(split, source):
        if isinstance(example, Skip):
            yield example
        else:
            name = problem.targets.names[example["targets"]]  # type: ignore[attr-defined]
            yield name, example["inputs"].value()


def _skips(source: Path, split: str) -> dict[str, int]:
    found = (p for p in _pictures(source, split) if isinstance(p, Skip))
    return dict(Counter(skip.reason for skip in found))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_pictures_and_names(
    layout: str, source: Path
) -> None:
    write(source, LAYOUTS[layout]())
    assert _problem(source).targets.names == NAMES  # type: ignore[attr-defined]
    train = sorted(_pictures(source, "train"))  # type: ignore[type-var]
    expected = [(SYNSETS[n.partition("/")[0]], data) for n, data in TRAIN.items()]
    assert train == sorted(expected)
    val = sorted(_pictures(source, "dev"))  # type: ignore[type-var]
    labels = [SYNSETS[key] for key in VAL_KEYS]
    assert val == sorted(zip(labels, VAL.values(), strict=True))


def test_classes_go_with_the_data(source: Path, tmp_path: Path) -> None:
    write(source, LAYOUTS["folders"]())
    data_dir = tmp_path / "data"
    manifest = generate([registry.problem("image_imagenet")], data_dir, source)
    splits = manifest["image_imagenet"].splits
    assert {name: split.examples for name, split in splits.items()} == {
        "train": len(TRAIN),
        "dev": len(VAL),
    }
    problem = registry.problem("image_imagenet").with_data(data_dir)
    assert problem.targets.names == NAMES  # type: ignore[attr-defined]
    rows = raw_examples(problem, data_dir, "dev")
    found = sorted((row["targets"], row["inputs"]) for row in rows)
    labels = [KEYS.index(key) for key in VAL_KEYS]
    assert found == sorted(zip(labels, VAL.values(), strict=True))


def test_it_keeps_what_every_problem_must(source: Path, tmp_path: Path) -> None:
    write(source, LAYOUTS["folders"]())
    check_problem(registry.problem("image_imagenet"), tmp_path / "check", source)


def test_the_size_is_an_option(source: Path, tmp_path: Path) -> None:
    write(source, LAYOUTS["folders"]())
    small = registry.problem("image_imagenet")
    large = registry.problem("image_imagenet", size=96)
    generate([large], tmp_path / "data", source, Options(max_examples=2))
    problem = registry.problem("image_imagenet").with_data(tmp_path / "data")
    assert problem.inputs.modality_options()["height"] == 96
    assert [stored_side(size) for size in (64, 224, 299)] == [128, 256, 342]
    with pytest.raises(ValueError, match="was made with size=96, now it is 64"):
        generate([small], tmp_path / "data", source, Options(max_examples=2))


def test_max_examples_are_of_all_classes(source: Path, tmp_path: Path) -> None:
    many = {f"train/{k}/{n:02}.JPEG": picture(n) for k in KEYS for n in range(10)}
    write(source, many | {f"val/{KEYS[0]}/0.JPEG": picture(0)})
    problem = registry.problem("image_imagenet")
    generate([problem], tmp_path / "data", source, Options(max_examples=2 * len(KEYS)))
    rows = raw_examples(
        problem.with_data(tmp_path / "data"), tmp_path / "data", "train"
    )
    counts = Counter(row["targets"] for row in rows)
    assert counts == dict.fromkeys(range(len(KEYS)), 2)


def test_without_val_pictures_some_are_held_out(source: Path) -> None:
    many = {f"{k}/{k}_{n:02}.JPEG": picture(n) for k in KEYS for n in range(15)}
    write(source, many)
    train, dev = (list(_pictures(source, split)) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (42, 3)
    assert dev == list(_pictures(source, "dev"))
    whole = sorted((k, d) for k in KEYS for d in map(picture, range(15)))
    assert sorted(train + dev) == whole  # type: ignore[type-var]
    assert find_layout(source).names == KEYS


def test_names_that_two_synsets_share_are_told_apart(source: Path) -> None:
    write(source, LAYOUTS["folders"]())
    mapping = lines([f"{KEYS[0]} crane", f"{KEYS[1]} crane", KEYS[2]])
    (source / "LOC_synset_mapping.txt").write_bytes(mapping)
    expected = (f"crane ({KEYS[0]})", f"crane ({KEYS[1]})", KEYS[2])
    assert find_layout(source).names == expected


def test_folders_need_not_be_called_like_synsets(source: Path) -> None:
    for split, key in itertools.product(("train", "val"), ("cat", "dog")):
        write(source, {f"{split}/{key}/1.png": picture(1), f"{split}/{key}/2.jpg": b""})
    layout = find_layout(source)
    assert layout.names == ("cat", "dog")
    assert [p[0] for p in layout.val() if not isinstance(p, Skip)] == [
        *("cat", "cat", "dog", "dog")
    ]


def test_labels_that_fit_no_picture_are_counted_by_what_is_wrong(source: Path) -> None:
    write(source, LAYOUTS["kaggle"]())
    first, second, third, *_ = VAL
    rows = SOLUTION.decode().splitlines()
    rows[1] = f"{first.removesuffix('.JPEG')},nonsense 1 2 3 4"
    rows[2] = f"{second.removesuffix('.JPEG')},n09999999 1 2 3 4"
    rows += ["ILSVRC2012_val_00009999,n01440764 1 2 3 4", rows[4], "half"]
    (source / "LOC_val_solution.csv").write_bytes(
        lines(rows) + b"\xff\xfe\n" + b"a\0b,n01440764\n"
    )
    folder = source / "ILSVRC/Data/CLS-LOC/val"
    write(folder, {"unlabelled.JPEG": picture(1), f"again/{third}": picture(2)})
    assert _skips(source, "dev") == {
        "label that is no class": 1,
        "class that is not trained on": 1,
        "label of a picture that is missing": 2,
        "picture labelled twice": 1,
        "line that is not UTF-8": 1,
        "line with NUL": 1,
        "picture without a label": 1,
        "two pictures of one name": 1,
    }
    good = [p for p in _pictures(source, "dev") if not isinstance(p, Skip)]
    assert len(good) == len(VAL) - 2
    faults = [p for p in _pictures(source, "dev") if isinstance(p, Skip)]
    assert [s.reason for s in faults if not s.is_fault] == [
        "class that is not trained on"
    ]
    assert all(str(source) in skip.where for skip in faults)


def test_hostile_members_and_a_damaged_tar_are_counted(source: Path) -> None:
    write(source, LAYOUTS["tars and kit"]())
    good = {name.partition("/")[2]: data for name, data in TRAIN.items()}
    cut = tar({"x.JPEG": picture(1), "y.JPEG": picture(2)})[:1600]
    outer = {
        "n01440764.tar": tar({**good, "../../up.JPEG": b"x", "/abs.JPEG": b"x"}),
        "n02102040.tar": cut,
        "n03000684.tar": b"no tar at all",
    }
    (source / "ILSVRC2012_img_train.tar").write_bytes(tar(outer))
    assert _skips(source, "train") == {
        "a path with '..'": 1,
        "an absolute path": 1,
        "damaged archive": 2,
    }
    val = (source / "ILSVRC2012_img_val.tar").read_bytes()
    (source / "ILSVRC2012_img_val.tar").write_bytes(val[:3000])
    skips = _skips(source, "dev")
    assert skips["damaged archive"] == 1
    kept = [p for p in _pictures(source, "dev") if not isinstance(p, Skip)]
    assert len(kept) + skips["label of a picture that is missing"] == len(VAL)


def test_a_damaged_picture_is_named(source: Path) -> None:
    write(source, LAYOUTS["folders"]())
    path = source / "train/n01440764/n01440764_0.JPEG"
    path.write_bytes(path.read_bytes()[:200])
    first = next(_problem(source).examples("train", source))
    assert not isinstance(first, Skip)
    with pytest.raises(ValueError, match=r"n01440764_0\.JPEG: image is not an image"):
        first["inputs"].value()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("ILSVRC2012_img_train.tar", "no pictures to train on: no folder train/"),
        (
            f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt",
            r"img_val\.tar has pictures without folders .* none of LOC_val_solution",
        ),
    ],
)
def test_what_is_missing_is_told(source: Path, missing: str, message: str) -> None:
    write(source, LAYOUTS["tars and kit"]())
    (source / missing).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        _problem(source)


def test_numbers_of_the_kit_are_not_taken_for_places_in_the_alphabet(
    source: Path,
) -> None:
    write(source, LAYOUTS["tars and labels by synset"]())
    (source / "imagenet_2012_validation_synset_labels.txt").unlink()
    (source / "ILSVRC2012_validation_ground_truth.txt").write_bytes(NUMBERS)
    thousand = lines([f"n1{number:07}" for number in range(1000)])
    (source / "LOC_synset_mapping.txt").write_bytes(MAPPING + thousand)
    with pytest.raises(
        FileNotFoundError, match=r"numbers the synsets .* put meta\.mat"
    ):
        _problem(source)


def test_a_truncated_train_tar_is_refused(source: Path) -> None:
    write(source, LAYOUTS["tars and kit"]())
    path = source / "ILSVRC2012_img_train.tar"
    path.write_bytes(path.read_bytes()[:15000])
    with pytest.raises(ValueError, match=r"after 'n\d+\.tar': the tar is truncated"):
        _problem(source)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the lent corpora are not here")
@pytest.mark.parametrize(
    ("folder", "classes", "train", "dev"),
    [
        ("imagenet", 10, 220, 60),
        ("imagenet/tiny-imagenet-200", 200, 380, 20),
        ("imagenet/ilsvrc1000-thumb96", 500, 475, 25),
    ],
)
def test_lent_pictures_are_read(
    folder: str, classes: int, train: int, dev: int
) -> None:
    layout = find_layout(SHARED / folder)
    assert len(layout.names) == classes
    for split, count in (("train", train), ("dev", dev)):
        found = list(_problem(SHARED / folder).examples(split, SHARED / folder))
        assert len(found) == count
        assert not any(isinstance(example, Skip) for example in found)
        for example in found[:: len(found) // 10]:
            assert not isinstance(example, Skip)
            assert example["inputs"].value()
