"""A problem out of a definition: its examples, its splits, its file."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import pickle
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.problems.own.define import Wishes, define_folder, define_table
from t2t_multimodel.problems.own.definition import Definition
from t2t_multimodel.problems.own.problem import OwnProblem, drawn_split, register
from t2t_multimodel.testing.check_problem import check_problem
from t2t_multimodel.testing.corpus_files import fill


def _rows(problem: Problem, split: str) -> list:
    return [
        row if isinstance(row, Skip) else (row["inputs"], row["targets"])
        for row in problem.examples(split, Path())
    ]


def _table(folder: Path, content: str | bytes, **wishes: object) -> Problem:
    path = fill(folder, {"t.tsv": content}) / "t.tsv"
    register(define_table("mine", path, Wishes(**wishes)))  # type: ignore[arg-type]
    return registry.problem("mine")


def test_rows_that_are_none_are_skipped_and_named(tmp_path: Path) -> None:
    problem = _table(
        tmp_path, b"a\tb\nonly\n \tx\ny\t\n\xff\tz\n c \td\te\r\n", shares={}
    )
    first, *skips, last = _rows(problem, "train")
    assert (first, last) == (("a", "b"), ("c", "d"))
    path = tmp_path / "t.tsv"
    assert [(skip.reason, skip.is_fault) for skip in skips] == [
        ("too few columns", True),
        ("empty inputs", False),
        ("empty targets", False),
        ("not valid UTF-8", True),
    ]
    assert skips[0].where == f"{path}, line 2: 1"
    assert problem.splits(Path()) == ("train",)


def test_equal_inputs_are_drawn_for_one_split(tmp_path: Path) -> None:
    lines = [f"sentence {n // 2}\ttarget {n}\n" for n in range(2000)]
    problem = _table(tmp_path, "".join(lines), shares={"dev": 0.1, "test": 0.2})
    assert problem.splits(Path()) == ("train", "dev", "test")
    found = {split: _rows(problem, split) for split in ("train", "dev", "test")}
    inputs = {split: {row[0] for row in rows} for split, rows in found.items()}
    assert sum(map(len, inputs.values())) == len(set().union(*inputs.values())) == 1000
    assert sum(map(len, found.values())) == 2000
    for split, share in (("dev", 0.1), ("test", 0.2)):
        spread = 4 * math.sqrt(1000 * share * (1 - share))
        assert abs(len(inputs[split]) - 1000 * share) < spread


def test_what_is_drawn_depends_on_the_inputs_alone() -> None:
    shares = {"dev": 0.5, "test": 0.25}
    drawn = [drawn_split(word, shares) for word in ("a", "b", "c", "d", "e", "f")]
    assert drawn == [drawn_split(word, dict(shares)) for word in "abcdef"]
    assert set(drawn) > {"dev"} and drawn_split("a", {}) == ""


def test_a_split_for_which_nothing_was_drawn_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    problem = _table(tmp_path, "a\tb\n", shares={"dev": 1e-9})
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert problem.splits(Path()) == ("train",)
    assert "nothing was drawn for dev; there will be no such split" in caplog.text


def test_a_file_of_its_own_is_dev(tmp_path: Path) -> None:
    fill(tmp_path, {"dev.tsv": "c\td\n"})
    problem = _table(tmp_path, "a\tb\n", dev=tmp_path / "dev.tsv")
    assert problem.splits(Path()) == ("train", "dev")
    assert (_rows(problem, "train"), _rows(problem, "dev")) == (
        [("a", "b")],
        [("c", "d")],
    )


def test_paths_of_media_start_from_the_table(tmp_path: Path) -> None:
    problem = _table(tmp_path, "in/a.png\tone\n/abs/b.png\ttwo\n", shares={})
    assert _rows(problem, "train") == [
        (str(tmp_path / "in" / "a.png"), "one"),
        ("/abs/b.png", "two"),
    ]


def test_sound_of_a_table_is_heard_and_what_is_none_is_counted(tmp_path: Path) -> None:
    for number in range(3):
        samples = np.full(800 + number, 0.1, np.float32)
        soundfile.write(tmp_path / f"{number}.wav", samples, 8000)
    fill(tmp_path, {"broken.wav": b"RIFF"})
    lines = [f"{name}.wav\tword {name}\n" for name in (0, "lost", 1, "broken", 2)]
    problem = _table(tmp_path, "".join(lines), shares={}, sample_rate=8000)
    assert problem.inputs.describe() == "audio 8 kHz"
    options = Options(max_bad_share=0.5, num_shards=1)
    train = generate([problem], tmp_path / "data", options=options)["mine"].splits[
        "train"
    ]
    assert (train.examples, train.num_faults) == (3, 2)
    rows = raw_examples(problem, tmp_path / "data", "train")
    assert [len(row["inputs"]) for row in rows] == [800, 801, 802]
    assert [row["targets"] for row in rows] == ["word 0", "word 1", "word 2"]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of pictures, some of each in train and val."""
    for split, count in (("train", 4), ("val", 2)):
        for name, shade in (("cat", 40), ("dog", 200)):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((20, 30, 3), shade + number, np.uint8)
                PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
    fill(tmp_path / "pets", {"train/dog/notes.txt": "no"})
    return tmp_path / "pets"


def test_a_folder_of_pictures_passes_the_check_of_every_problem(
    pets: Path, tmp_path: Path
) -> None:
    register(define_folder("my_pets", pets, Wishes(image_size=16)))
    problem = registry.problem("my_pets")
    check_problem(problem, tmp_path / "data")


def test_files_that_are_no_picture_of_a_class_are_skipped(pets: Path) -> None:
    fill(pets, {"val/fox/1.png": "no"})
    register(define_folder("my_pets", pets, Wishes()))
    problem = registry.problem("my_pets")
    for split, reason, is_fault in (
        ("train", "no image file, by its name", False),
        ("dev", "a class that train does not have", True),
    ):
        (skip,) = (row for row in _rows(problem, split) if isinstance(row, Skip))
        assert (skip.reason, skip.is_fault) == (reason, is_fault)


def test_the_definition_comes_back_from_its_file(tmp_path: Path) -> None:
    problem = _table(tmp_path, "a\tb\n")
    assert isinstance(problem, OwnProblem)
    path = problem.definition.save(fill(tmp_path / "data", {}))
    assert path.name == "mine.problem.json"
    assert Definition.load(path) == problem.definition
    registry.use_definitions(tmp_path / "data")
    again = registry.problem("mine")
    assert (again.name, again.options) == ("mine", problem.options)
    assert again.generator_version == problem.generator_version
    assert pickle.loads(pickle.dumps(again)).definition == problem.definition


def test_other_data_have_another_version(tmp_path: Path) -> None:
    first = _table(tmp_path, "a\tb\n").generator_version
    assert _table(tmp_path, "a\tb\n").generator_version == first
    assert _table(tmp_path, "a\tc\n").generator_version != first
    assert _table(tmp_path, "a\tb\n", columns=("2", "1")).generator_version != first


def test_features_alone_make_a_problem_that_has_no_examples(tmp_path: Path) -> None:
    problem = _table(tmp_path, "a\tx\nb\ty\n", targets="label")
    known = problem.with_options(
        {**problem.options, "inputs": {"kind": "text", "language": "a"}}
    )
    assert known.inputs.describe() == "text (a)"
    with pytest.raises(ValueError, match="known by its features alone"):
        known.splits(Path())


VALID = {
    "format": 1,
    "name": "mine",
    "inputs": {"kind": "image", "size": 8},
    "targets": {"kind": "label", "classes": ["a", "b"]},
    "form": "folder",
    "files": {"train": "/x"},
    "columns": [1, 2],
}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": "other"},
        {"inputs": {"kind": "label", "classes": ["a", "b"]}},
        {"inputs": {"kind": "image"}},
        {"inputs": {"kind": "image", "size": "big"}},
        {"targets": {"kind": "label", "classes": ["a", "a"]}},
        {"targets": 3},
        {"form": "cube"},
        {"files": {"dev": "/x"}},
        {"columns": [0, 1]},
        {"columns": 3},
        {"shares": {"other": 1}},
        {"more": 1},
    ],
)
def test_a_file_that_defines_nothing_is_named(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "mine.problem.json"
    path.write_text(json.dumps({**VALID, **change}), "utf-8")
    registry.use_definitions(tmp_path)
    with pytest.raises(ValueError, match=r"mine\.problem\.json defines"):
        registry.problem("mine")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from([*VALID, "kind", "classes", "size"]), inner
                ),
            ),
            max_leaves=8,
        ).map(
            lambda value: json.dumps(
                {**VALID, **value} if isinstance(value, dict) else value
            ).encode()
        ),
    )
)
def test_any_definition(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "mine.problem.json"
    path.write_bytes(data)
    registry.use_definitions(tmp_path)
    try:
        problem = registry.problem("mine")
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(problem, OwnProblem) and problem.command


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60), st.text("ab\t\n\r\0é", max_size=40).map(str.encode)
    ),
    st.sampled_from(["text", "label"]),
)
def test_any_table(tmp_path: Path, data: bytes, targets: str) -> None:
    try:
        problem = _table(tmp_path, data, targets=targets)
        for split in problem.splits(Path()):
            for row in _rows(problem, split):
                if not isinstance(row, Skip):
                    problem.targets.load(row[1])
    except (ValueError, OSError) as error:
        assert str(error)


def test_a_definition_registered_anew_replaces_the_old_one(tmp_path: Path) -> None:
    problem = _table(tmp_path, "a\tb\n")
    assert isinstance(problem, OwnProblem)
    changed = dataclasses.replace(
        problem.definition, inputs={"kind": "text", "language": "x"}
    )
    register(changed)
    assert registry.problem("mine").inputs.describe() == "text (x)"
