"""What is seen in a table or a folder, and what is asked back."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from t2t_multimodel.problems.own.define import Wishes, define_folder, define_table
from t2t_multimodel.testing.corpus_files import fill

TABLE = "id\ttext\tlabel\n1\tgood\tpos\n2\tbad\tneg\n3\tfine\tpos\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return fill(tmp_path, {"t.tsv": TABLE}) / "t.tsv"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    names = ("cat/1.jpg", "cat/more/2.PNG", "dog/1.jpg", "dog/notes.txt", ".x/1.jpg")
    return fill(tmp_path / "photos", dict.fromkeys(names, b"x"))


def test_a_table_of_two_columns_needs_no_words(tmp_path: Path) -> None:
    path = fill(tmp_path, {"p.tsv": "a\tb\n"}) / "p.tsv"
    found = define_table("pairs", path, Wishes())
    assert (found.inputs, found.targets) == ({"kind": "text"}, {"kind": "text"})
    assert (found.columns, found.has_header) == ((1, 2), False)
    assert found.files == {"train": str(path)}
    assert found.shares == {"dev": 0.05, "test": 0.05}


def test_named_columns_mean_that_there_is_a_header(table: Path) -> None:
    wishes = Wishes(columns=("label", "text"), languages=("", "english"))
    found = define_table("pairs", table, wishes)
    assert (found.columns, found.has_header) == ((3, 2), True)
    assert found.targets == {"kind": "text", "language": "english"}


def test_labels_make_classes(table: Path) -> None:
    wishes = Wishes(columns=("text", "label"), targets="label")
    found = define_table("reviews", table, wishes)
    assert found.targets == {"kind": "label", "classes": ["neg", "pos"]}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a.JPG", {"kind": "image", "size": 32}),
        ("clips/b.wav", {"kind": "audio", "sample_rate": 8000}),
        ("a sentence.", {"kind": "text"}),
    ],
)
def test_the_first_row_tells_what_the_inputs_are(
    tmp_path: Path, cell: str, expected: dict
) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(f"\tempty\n{cell}\ttext\n".encode()))
    wishes = Wishes(image_size=32, sample_rate=8000)
    assert define_table("x", path, wishes).inputs == expected


def test_a_file_of_its_own_for_dev_leaves_train_alone(table: Path) -> None:
    found = define_table("x", table, Wishes(dev=table))
    assert (set(found.files), found.shares) == ({"train", "dev"}, {})
    found = define_table("x", table, Wishes(dev=table, shares={"test": 0.2}))
    assert found.shares == {"test": 0.2}


def test_a_folder_of_classes_is_a_classifier(photos: Path) -> None:
    found = define_folder("pets", photos, Wishes())
    assert found.inputs == {"kind": "image", "size": 64}
    assert found.targets == {"kind": "label", "classes": ["cat", "dog"]}
    assert found.files == {"train": str(photos)}


def test_folders_of_splits_are_understood(photos: Path) -> None:
    for name in ("train", "val"):
        fill(photos.parent / "split", {f"{name}/{c}/1.wav": b"" for c in ("a", "b")})
    found = define_folder("sounds", photos.parent / "split", Wishes())
    assert set(found.files) == {"train", "dev"} and found.shares == {}
    assert found.inputs["kind"] == "audio"
    assert found.targets["classes"] == ["a", "b"]
    fill(photos.parent / "split", {"valid/a/1.wav": b""})
    with pytest.raises(ValueError, match=r"split/val and .*split/valid are both dev"):
        define_folder("sounds", photos.parent / "split", Wishes())


def test_contents_tell_other_data_apart(table: Path, photos: Path) -> None:
    first = define_table("x", table, Wishes()), define_folder("y", photos, Wishes())
    again = define_table("x", table, Wishes()), define_folder("y", photos, Wishes())
    assert first == again
    fill(photos, {"cat/1.jpg": b"longer"})
    table.write_text(TABLE.replace("fine", "nice"), "utf-8")
    assert define_table("x", table, Wishes()).contents != first[0].contents
    assert define_folder("y", photos, Wishes()).contents != first[1].contents


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"columns": ("1", "4")}, r"t\.tsv has 3 columns in its first line; asked for"),
        ({"columns": ("0", "1")}, r"columns 0 and 1 \(they are counted from 1\)"),
        ({"columns": ("1", "1")}, "columns are 1, 1; two are needed"),
        ({"columns": ("text",)}, "columns are text; two are needed"),
        (
            {"columns": ("text", "lable")},
            "0 columns called 'lable'; .* id, text, label",
        ),
        ({"dev": Path("no.tsv")}, r"no\.tsv is not a file"),
        ({"targets": "label", "columns": ("label", "id")}, None),
    ],
)
def test_a_table_that_does_not_fit_is_answered(
    table: Path, wishes: dict, message: str | None
) -> None:
    if message is None:
        assert define_table("x", table, Wishes(**wishes)).targets["kind"] == "label"
        return
    with pytest.raises((ValueError, OSError), match=message):
        define_table("x", table, Wishes(**wishes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (b"\xff\tb\n", r"t\.tsv, line 1: .*: not valid UTF-8"),
        ("a\tpos\nb\tPos\n", r"name one class twice: 'Pos' and 'pos'"),
        ("a\tpos\nb\tpos\n", "name 1 classes; a classifier needs two"),
        ("\t\n", "has no row with two cells that are not empty"),
    ],
)
def test_labels_that_make_no_classes_are_answered(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = fill(tmp_path, {"t.tsv": content}) / "t.tsv"
    with pytest.raises(ValueError, match=message):
        define_table("x", path, Wishes(targets="label"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("cat/1.jpg", "Cat/1.jpg"), "name one class twice: 'Cat' and 'cat'"),
        (("é/1.jpg", "e\u0301/1.jpg"), "name one class twice"),
        (("cat/1.jpg",), "name 1 classes"),
        (("cat/1.jpg", "dog/x.txt"), "dog holds no image and no audio file"),
        (("train/a/1.jpg", "other/1.jpg"), "folders of splits and others .* other"),
    ],
)
def test_folders_that_make_no_classes_are_answered(
    tmp_path: Path, files: tuple[str, ...], message: str
) -> None:
    folder = fill(tmp_path / "photos", dict.fromkeys(files, b"x"))
    with pytest.raises(ValueError, match=message):
        define_folder("x", folder, Wishes())
    with pytest.raises(OSError, match="nowhere is not a folder"):
        define_folder("x", tmp_path / "nowhere", Wishes())


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"inputs": "video"}, "inputs are 'video', not one of text, image, audio"),
        ({"targets": "tree"}, "targets are 'tree', not one of text, label"),
        ({"shares": {"dev": 0.6, "test": 0.4}}, "leave nothing to train on"),
        ({"shares": {"dev": -0.1}}, "leave nothing to train on"),
        ({"shares": {"train": 0.1}}, "a share for train: shares are for dev and test"),
        ({"shares": {"dev": 0.1}, "dev": Path("x")}, "not for what has a file of its"),
        ({"image_size": 0}, "image_size and sample_rate are positive"),
    ],
)
def test_wishes_that_cannot_be_met_are_answered(wishes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wishes(**wishes)
