"""The treebank in its layouts: which trees go to which split, what is said of gaps."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.stored import verify
from t2t_multimodel.data.trees import read_linear
from t2t_multimodel.problems.parse.sections import read_sections, write_sections
from t2t_multimodel.testing.check_problem import check_problem

SHARED = Path(
    os.environ.get("T2T_SHARED_DATA", Path(__file__).parents[4] / "shared/data")
)


def tree(word: str) -> str:
    """A tree as the treebank has them, about one word."""
    return f"""
( (S
    (NP-SBJ-1 (NNP {word}) )
    (VP (VBZ seems)
      (S
        (NP-SBJ (-NONE- *-1) )
        (VP (TO to)
          (VP (VB sleep) ))))
    (. .) ))"""


def section(folder: Path, number: int, files: int = 1, trees: int = 2) -> Path:
    """A section of the treebank; its words say section, file and tree."""
    place = folder / f"parsed/mrg/wsj/{number:02}"
    place.mkdir(parents=True)
    for file in range(files):
        texts = [tree(f"w{number}.{file}.{n}") for n in range(trees)]
        (place / f"wsj_{number:02}{file:02}.mrg").write_text("".join(texts) + "\n")
    return folder


def words(source: Path, split: str, **options: str) -> list[str]:
    """The first word of each example of a split."""
    found = registry.problem("parse_wsj", **options).examples(split, source)
    return [e["inputs"].split()[0] for e in found if not isinstance(e, Skip)]


def splits(source: Path, **options: str) -> tuple[str, ...]:
    return registry.problem("parse_wsj", **options).splits(source)


def test_a_tree_becomes_words_and_a_linear_form(tmp_path: Path) -> None:
    section(tmp_path, 2, trees=1)
    section(tmp_path, 22)
    (example,) = registry.problem("parse_wsj").examples("train", tmp_path)
    assert example == {
        "inputs": "w2.0.0 seems to sleep .",
        "targets": "S NP NNP /NP VP VBZ S VP TO VP VB /VP /VP /S /VP . /S",
    }


def test_the_standard_sections_are_the_splits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(25):
        section(tmp_path, number, trees=1)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert splits(tmp_path) == ("train", "dev", "test")
    assert not caplog.records
    assert words(tmp_path, "train") == [f"w{n}.0.0" for n in range(2, 22)]
    assert words(tmp_path, "dev") == ["w22.0.0"]
    assert words(tmp_path, "test") == ["w23.0.0"]


def test_sections_can_be_chosen(tmp_path: Path) -> None:
    for number in range(4):
        section(tmp_path, number, trees=1)
    chosen = {"train_sections": "0,3", "dev_sections": "1", "test_sections": "none"}
    assert splits(tmp_path, **chosen) == ("train", "dev")
    assert words(tmp_path, "train", **chosen) == ["w0.0.0", "w3.0.0"]
    assert words(tmp_path, "dev", **chosen) == ["w1.0.0"]


def test_other_sections_are_other_data(tmp_path: Path) -> None:
    for number in (2, 3, 22):
        section(tmp_path / "corpus", number)
    generate([registry.problem("parse_wsj")], tmp_path / "data", tmp_path / "corpus")
    other = registry.problem("parse_wsj", train_sections="02")
    with pytest.raises(ValueError, match="train_sections=02-21, now it is 02"):
        generate([other], tmp_path / "data", tmp_path / "corpus")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no section 22 for the dev split; there are 02-03.*dev_sections="),
        ({"train_sections": "5"}, "no section 05 for the train split; there are 02-03"),
        ({"dev_sections": "3"}, "section 03 is in train and in dev"),
        ({"dev_sections": "x"}, "dev_sections='x': sections are numbers and ranges"),
        ({"dev_sections": "9-8"}, "sections are numbers and ranges"),
    ],
)
def test_sections_that_are_not_there_are_named(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    section(section(tmp_path, 2), 3)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        splits(tmp_path, **options)


def test_a_missing_test_section_is_a_remark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    section(section(tmp_path, 2), 22)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert splits(tmp_path) == ("train", "dev")
    assert "no section 03-21 for the train split; there are 02,22" in caplog.text
    assert "no section 23 for the test split" in caplog.text


def test_without_any_standard_section_files_are_dealt_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    section(section(tmp_path, 0, files=6), 1, files=5)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert splits(tmp_path) == ("train", "dev", "test")
    assert "none of the sections 02-21 is there, only 00-01: files were" in caplog.text
    parts = {split: words(tmp_path, split) for split in ("train", "dev", "test")}
    assert [len(part) for part in parts.values()] == [18, 2, 2]
    files = {s: {w.rsplit(".", 1)[0] for w in part} for s, part in parts.items()}
    assert len(set.union(*files.values())) == sum(map(len, files.values())) == 11


def test_a_treebank_that_lies_there_twice_is_read_once(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        section(section(tmp_path / copy, 2), 22)
    assert words(tmp_path, "train") == ["w2.0.0", "w2.0.1"]


@pytest.mark.parametrize("dev", ["dev.txt", "valid.mrg", "dev/a.ptb"])
def test_files_and_folders_may_be_called_like_splits(tmp_path: Path, dev: str) -> None:
    (tmp_path / "train").mkdir()
    for name, word in (("train/b.trees", "b"), ("train/a.ptb", "a"), (dev, "d")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"(ROOT (S (NN {word})))\n(TOP (S (NN {word})))")
    assert splits(tmp_path) == ("train", "dev")
    assert words(tmp_path, "train") == ["a", "a", "b", "b"]
    assert words(tmp_path, "dev") == ["d", "d"]


def test_trees_of_one_file_are_dealt_out(tmp_path: Path) -> None:
    texts = [f"(S (NN {number}))\n" for number in range(1, 24)]
    (tmp_path / "all.mrg").write_text("".join(texts))
    assert splits(tmp_path) == ("train", "dev", "test")
    assert words(tmp_path, "dev") == ["9", "19"]
    assert words(tmp_path, "test") == ["10", "20"]
    assert len(words(tmp_path, "train")) == 19
    (tmp_path / "all.mrg").write_text("".join(texts[:9]))
    assert splits(tmp_path) == ("train",)
    assert len(words(tmp_path, "train")) == 9


def test_no_trees_at_all_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match=r"has no file of trees: no wsj_SSNN"):
        splits(tmp_path)
    (tmp_path / "train.mrg").write_text("(S (NN a))")
    with pytest.raises(FileNotFoundError, match="called train but none called dev"):
        splits(tmp_path)


def test_broken_trees_are_faults_that_name_file_and_tree(tmp_path: Path) -> None:
    section(section(tmp_path, 2, trees=0), 22)
    file = tmp_path / "parsed/mrg/wsj/02/wsj_0200.mrg"
    file.write_text(
        "( (S (NN a)\n( (S (NN b)))\n( (S c d))\n( (S (-NONE- *)))\n( (NP (NP x)))"
    )
    found = list(registry.problem("parse_wsj").examples("train", tmp_path))
    broken, good, two_words, empty, clash = found
    assert broken == Skip(
        "unbalanced tree: a ')' is missing", f"{file}, tree 1", is_fault=True
    )
    assert not isinstance(good, Skip) and good["inputs"] == "b"
    for skip, number, told in ((two_words, 3, "no word can"), (clash, 5, "NP is a")):
        assert isinstance(skip, Skip) and skip.is_fault
        assert skip.reason == "not a tree that can be learned"
        assert skip.where.startswith(f"{file}, tree {number}: ") and told in skip.where
    assert isinstance(empty, Skip) and not empty.is_fault


def test_it_is_a_problem(tmp_path: Path) -> None:
    for number, trees in ((2, 9), (22, 3), (23, 3)):
        section(tmp_path / "corpus", number, trees=trees)
    check_problem(registry.problem("parse_wsj"), tmp_path, tmp_path / "corpus")


def test_sections_are_written_as_they_are_read() -> None:
    for text in ("02-21", "00,02-03,24", "none"):
        assert write_sections(read_sections({"train": text})["train"]) == text


@pytest.mark.skipif(not (SHARED / "ptb").is_dir(), reason="the lent corpus is not here")
@pytest.mark.parametrize(("corpus", "count"), [("treebank_3", 1805), ("gum", 1470)])
def test_lent_treebanks_are_read_whole(tmp_path: Path, corpus: str, count: int) -> None:
    problem = registry.problem("parse_wsj")
    source = SHARED / "ptb" / corpus
    generate([problem], tmp_path, source)
    made = verify(problem, tmp_path)
    assert sum(split.examples for split in made.splits.values()) == count
    assert not any(split.skipped for split in made.splits.values())
    for split in made.splits:
        for example in problem.examples(split, source):
            assert not isinstance(example, Skip)
            read_linear(example["targets"], example["inputs"].split(" "))
