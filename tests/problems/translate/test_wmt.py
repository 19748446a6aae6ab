"""Aligned text files: what is read, and what is refused before anything is made."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import raw_examples

MULTI30K = Path(__file__).parents[4] / "shared/data/wmt/multi30k"
ENGLISH = "a house\ntwo houses\n"
GERMAN = "ein Haus\nzwei Häuser\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.en").write_text(ENGLISH, "utf-8")
        (folder / f"{split}.de").write_text(GERMAN, "utf-8")
    return folder


def _rows(name: str, corpus: Path, split: str = "train") -> list[tuple[str, str]]:
    problem = registry.problem(name)
    found = problem.examples(split, corpus)
    return [(row["inputs"], row["targets"]) for row in found]


def _refused(corpus: Path, message: str, kind: type[Exception] = ValueError) -> None:
    data_dir = corpus.parent / "data"
    with pytest.raises(kind, match=message):
        generate([registry.problem("translate_ende_wmt")], data_dir, corpus)
    assert not data_dir.exists()


def test_both_directions_read_the_same_files(corpus: Path) -> None:
    expected = [("a house", "ein Haus"), ("two houses", "zwei Häuser")]
    assert _rows("translate_ende_wmt", corpus) == expected
    swapped = [(target, source) for source, target in expected]
    assert _rows("translate_deen_wmt", corpus) == swapped


def test_languages_are_the_commands() -> None:
    names = ("ende", "deen", "enfr", "fren", "defr")
    commands = [registry.problem(f"translate_{name}_wmt").command for name in names]
    assert commands == ["german", "english", "french", "english", "french"]


def test_lines_end_at_line_feeds_only(corpus: Path) -> None:
    odd = "one\u2028still\x0bone\x0c\x85\rone\n"
    (corpus / "train.en").write_bytes(odd.encode() + b"two\r\n")
    inputs = [row[0] for row in _rows("translate_ende_wmt", corpus)]
    assert inputs == [odd[:-1], "two"]


def test_a_byte_order_mark_is_no_text(corpus: Path) -> None:
    (corpus / "train.en").write_bytes(b"\xef\xbb\xbfa house\n\xef\xbb\xbfb\n")
    inputs = [row[0] for row in _rows("translate_ende_wmt", corpus)]
    assert inputs == ["a house", "\ufeffb"]


def test_dev_may_be_called_valid(corpus: Path) -> None:
    for language in ("en", "de"):
        (corpus / f"dev.{language}").rename(corpus / f"valid.{language}")
    problem = registry.problem("translate_ende_wmt")
    assert problem.splits(corpus) == ("train", "dev", "test")
    assert len(_rows("translate_ende_wmt", corpus, "dev")) == 2


def test_without_a_test_file_there_is_no_test_split(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (corpus / "test.de").unlink()
    problem = registry.problem("translate_ende_wmt")
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        manifest = generate([problem], corpus.parent / "data", corpus)
    assert set(manifest["translate_ende_wmt"].splits) == {"train", "dev"}
    assert "has no test.de; there will be no test split" in caplog.text


def test_missing_files_are_refused(corpus: Path) -> None:
    (corpus / "train.de").unlink()
    _refused(corpus, r"corpus has no train\.de; it needs", FileNotFoundError)
    (corpus / "train.en").unlink()
    _refused(corpus, r"no train\.en and no train\.de; it needs", FileNotFoundError)


def test_a_missing_dev_split_is_refused_with_both_names(corpus: Path) -> None:
    for language in ("en", "de"):
        (corpus / f"dev.{language}").unlink()
    message = r"no dev\.en and no dev\.de \(nor valid\.en\); .* of the dev split"
    _refused(corpus, message, FileNotFoundError)


def test_an_empty_file_is_refused(corpus: Path) -> None:
    (corpus / "dev.de").write_bytes(b"")
    _refused(corpus, r"dev\.de is empty")


def test_files_that_are_not_aligned_are_refused(corpus: Path) -> None:
    (corpus / "train.de").write_text(GERMAN + "drei\n", "utf-8")
    _refused(corpus, r"train\.en has 2 lines and .*train\.de has 3: .*not aligned")


def test_text_that_is_not_utf8_is_refused(corpus: Path) -> None:
    (corpus / "dev.de").write_bytes(b"ein Haus\nzwei H\xe4user\n")
    _refused(corpus, r"dev\.de, line 2: .*utf-8.* can't decode byte 0xe4")


@pytest.mark.skipif(not MULTI30K.is_dir(), reason="the lent corpus is not here")
def test_multi30k_is_read(tmp_path: Path) -> None:
    problem = registry.problem("translate_ende_wmt")
    options = Options(max_examples=300)
    manifest = generate([problem], tmp_path, MULTI30K, options)["translate_ende_wmt"]
    assert [split.examples for split in manifest.splits.values()] == [300, 300, 300]
    first = raw_examples(problem, tmp_path, "dev", 1)[0]
    lines = (MULTI30K / "valid.en").read_bytes().split(b"\n")
    assert first["inputs"].encode() == lines[0]
