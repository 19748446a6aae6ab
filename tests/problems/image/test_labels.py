"""The small files beside ImageNet's pictures, whole and damaged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_multimodel.problems.image.devkit import Synset, read_meta
from t2t_multimodel.problems.image.labels import (
    Resolver,
    read_labels,
    read_synset_names,
)

from .conftest import SOLUTION, SYNSETS, meta_mat

quick = settings(derandomize=True, max_examples=150, deadline=None)


def test_names_follow_a_blank_or_a_tab() -> None:
    data = b"\xef\xbb\xbfn01 tench, Tinca tinca\r\nn02\tcat\n\nn03\n"
    names, faults = read_synset_names(data, "words.txt")
    assert names == {"n01": "tench, Tinca tinca", "n02": "cat", "n03": "n03"}
    assert not faults
    names, faults = read_synset_names(b"n01 a\nn01 b\nn01 a\n\xff\n", "words.txt")
    assert names == {"n01": "a"}
    assert [(f.reason, f.where) for f in faults] == [
        ("synset named twice", "words.txt, line 2"),
        ("line that is not UTF-8", "words.txt, line 4"),
    ]


@pytest.mark.parametrize(
    ("line", "picture", "label"),
    [
        ("ImageId,PredictionString\na,n01 1 2 3 4", "a", "n01"),
        ("val_0.JPEG\tn01\t0\t32\t44\t62", "val_0", "n01"),
        ("some/folder/val_0.JPEG 65", "val_0", "65"),
        ("490", "ILSVRC2012_val_00000001", "490"),
        ("\n490", "ILSVRC2012_val_00000002", "490"),
    ],
)
def test_label_files_of_all_forms(line: str, picture: str, label: str) -> None:
    labels = read_labels(line.encode() + b"\n", "labels")
    assert labels.by_picture == {picture: label} and not labels.faults


def test_a_label_is_a_class_or_its_number() -> None:
    resolver = Resolver(("a", "b", "c"), ("c", "a", "b"), first=1)
    found = [resolver.resolve(label) for label in ("b", "1", "3", "0", "4", "x", "²")]
    assert found == ["b", "c", "b", None, None, None, None]
    assert Resolver(("a", "b")).resolve("1") == "b"
    assert Resolver(("1", "0")).resolve("1") == "1"
    assert Resolver(("a",)).resolve("n01440764") == "n01440764"


@pytest.mark.parametrize("compressed", [True, False])
def test_meta_mat_gives_numbers_synsets_and_words(compressed: bool) -> None:
    found = read_meta(meta_mat(compressed), "meta.mat")
    expected = [Synset(n, *pair) for n, pair in enumerate(SYNSETS.items(), 1)]
    assert found == [*expected, Synset(1001, "n00001740", "entity")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"short", r"meta\.mat: this is no MATLAB 5\.0 MAT-file"),
        (meta_mat(False)[:900], r"meta\.mat: it is truncated"),
        (meta_mat(True)[:300], r"meta\.mat: it is truncated"),
        (meta_mat()[:128], "holds no struct array 'synsets'"),
    ],
)
def test_a_damaged_meta_mat_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_meta(data, "meta.mat")


@given(data=st.data(), compressed=st.booleans())
@quick
def test_no_bytes_of_meta_mat_raise_anything_but_a_value_error(
    data: st.DataObject, compressed: bool
) -> None:
    raw = bytearray(meta_mat(compressed))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    try:
        read_meta(bytes(raw[: data.draw(st.integers(0, len(raw)))]), "meta.mat")
    except ValueError as error:
        assert str(error).startswith("meta.mat")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@quick
def test_no_bytes_of_a_list_raise_anything(data: bytes) -> None:
    for raw in (data, SOLUTION + data, data + SOLUTION):
        labels = read_labels(raw, "labels")
        names, faults = read_synset_names(raw, "names")
        assert all(skip.where for skip in (*labels.faults, *faults))
        for label in (*labels.by_picture.values(), *names):
            Resolver(("a",)).resolve(label)
