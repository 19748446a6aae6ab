"""What is left out is counted by few reasons and named; faults are limited."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel.data.features import ClassLabel, Image
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.manifest import load_manifests
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Later, Skip
from t2t_multimodel.data.skipped import MAX_REASONS, Skipped, kind_of
from t2t_multimodel.testing.text_pairs import TextPairs

GOOD = tuple((f"word {n}", "wort") for n in range(99))


def fail(error: Exception) -> str:
    raise error


def _faulty(kind: str) -> Any:
    return {
        "skip": Skip("unbalanced tree", "wsj_0001.mrg, tree 3"),
        "no text": ("a", 7),
        "no dict": ["a", "b"],
        "later": (Later(fail, ValueError("x.wav: it ends early")), "b"),
        "later file": (Later(fail, FileNotFoundError(2, "No such file", "x")), "b"),
    }[kind]


def test_faults_below_the_share_are_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kinds = ("skip", "no text", "no dict", "later", "later file")
    rows = [*GOOD, *map(_faulty, kinds), _faulty("no text")]
    options = Options(max_bad_share=0.1, num_shards=3)
    with caplog.at_level(logging.WARNING):
        made = generate([TextPairs(*rows)], tmp_path, options=options)["pairs"]
    train = made.splits["train"]
    assert (train.examples, train.num_faults) == (99, 6)
    assert train.skipped == {
        "inputs: No such file": 1,
        "inputs: it ends early": 1,
        "not a dict but list": 1,
        "targets: text must be str, not int": 2,
        "unbalanced tree": 1,
    }
    assert train.first_skipped["unbalanced tree"] == ["wsj_0001.mrg, tree 3"]
    assert train.first_skipped["targets: text must be str, not int"] == [
        "example 100: targets: text must be str, not int",
        "example 104: targets: text must be str, not int",
    ]
    assert "pairs-train: 6 of 105 examples are at fault" in caplog.text
    assert "the first: wsj_0001.mrg, tree 3" in caplog.text
    assert len(raw_examples(TextPairs(), tmp_path, "train")) == 99


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("skip", r"1: unbalanced tree\); the first: wsj_0001.mrg, tree 3;"),
        ("no text", r"1: targets: text must .*: example 98: targets: text must be"),
        ("no dict", r"1: not a dict but list\); the first: example 98 is not a dict"),
        ("later", r"the first: example 98: inputs: x.wav: it ends early;"),
        ("later file", r"1: inputs: No such file\); the first: example 98: inputs: "),
    ],
)
def test_more_faults_than_allowed_are_one_error(
    tmp_path: Path, kind: str, told: str
) -> None:
    rows = [*GOOD, _faulty(kind)]
    generate([TextPairs(*rows)], tmp_path / "just")  # one of 100: just allowed
    with pytest.raises(ValueError, match=rf"1 of 99 .*{told}.*--max_bad_share=0.01"):
        generate([TextPairs(*rows[1:])], tmp_path / "above")
    assert load_manifests(tmp_path / "above") == {}


def test_the_share_holds_for_each_split(tmp_path: Path) -> None:
    problem = TextPairs(*GOOD, by_split={"dev": (*GOOD[:5], _faulty("skip"))})
    with pytest.raises(ValueError, match="pairs, split dev: 1 of 6 examples"):
        generate([problem], tmp_path)


def test_what_is_filtered_is_counted_without_limit(tmp_path: Path) -> None:
    rows = [GOOD[0], *[Skip("too long", is_fault=False)] * 50, ("", "b"), ("a", " ")]
    options = Options(max_bad_share=0)
    made = generate([TextPairs(*rows)], tmp_path, options=options)["pairs"]
    train = made.splits["train"]
    assert train.skipped == {"empty inputs": 1, "empty targets": 1, "too long": 50}
    assert (train.examples, train.num_faults) == (1, 0)


def test_a_value_made_later_may_be_empty(tmp_path: Path) -> None:
    rows = [GOOD[0], (Later(str, ""), "b")]
    options = Options(max_bad_share=0)
    made = generate([TextPairs(*rows)], tmp_path, options=options)["pairs"]
    assert made.splits["train"].skipped == {"empty inputs": 1}


@pytest.mark.parametrize("error", [KeyError("column"), ZeroDivisionError()])
def test_a_mistake_in_the_problem_s_code_stops_at_once(
    tmp_path: Path, error: Exception
) -> None:
    rows = [*GOOD, (Later(fail, error), "b")]
    with pytest.raises(type(error)):
        generate([TextPairs(*rows)], tmp_path, options=Options(max_bad_share=1))


def test_a_picture_that_cannot_be_decoded_is_a_fault(tmp_path: Path) -> None:
    picture = tmp_path / "broken.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    problem = TextPairs((picture, "dark"), (tmp_path / "missing.png", "dark"))
    problem.inputs, problem.targets = Image(4, 4), ClassLabel(("dark", "light"))
    with pytest.raises(ValueError, match=r"broken\.png is not an image") as raised:
        generate([problem], tmp_path / "data", options=Options(max_bad_share=0.5))
    assert "2 of 2" in str(raised.value)
    assert "1: inputs: is not an image that can be read" in str(raised.value)
    assert "1: inputs: No such file or directory" in str(raised.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("no class 'zebra'; classes: dark, light"), "no class"),
        (ValueError("no class 17; there are 10"), "no class"),
        (ValueError("/a/b c.png is not an image: why"), "is not an image"),
        (ValueError("x.wav: record 7: it ends early."), "record"),
        (ValueError("it isn't sound, it can't be"), "it isn't sound, it can't be"),
        (ValueError("/a/b/c.png"), "ValueError"),
        (ValueError(), "ValueError"),
        (PermissionError(13, "Permission denied", "x"), "Permission denied"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad start"), "bad start"),
    ],
)
def test_kinds_of_errors_are_few(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


def test_many_reasons_are_not_all_told_apart() -> None:
    skipped = Skipped()
    for number in range(100):
        skipped.add(f"reason {number}", f"example {number}", is_fault=number % 2 == 0)
    assert len(skipped.counts) == MAX_REASONS + 1
    assert skipped.counts["other reasons"] == 100 - MAX_REASONS
    assert sum(skipped.counts.values()) == 100 and skipped.num_faults == 50
    assert Skipped.from_dict(skipped.to_dict()) == skipped


def test_a_share_is_from_0_to_1() -> None:
    with pytest.raises(ValueError, match=r"max_bad_share is 1\.5; from 0 to 1"):
        Options(max_bad_share=1.5)
