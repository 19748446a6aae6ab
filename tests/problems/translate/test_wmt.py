"""WMT's corpora in the forms they are delivered in, and what is refused."""

from __future__ import annotations

import gzip
import logging
import lzma
import os
import pickle
from collections import Counter
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.testing.corpus_files import fill, tar

SHARED = Path(
    os.environ.get("T2T_SHARED_DATA", Path(__file__).parents[4] / "shared/data")
)
WMT = SHARED / "wmt"
ENGLISH = "a house\ntwo houses\n"
GERMAN = "ein Haus\nzwei Häuser\n"
PAIRS = [("a house", "ein Haus"), ("two houses", "zwei Häuser")]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {}
    for split in ("train", "dev", "test"):
        files |= {f"{split}.en": ENGLISH, f"{split}.de": GERMAN}
    return fill(tmp_path / "corpus", files)


def _problem(pair: str = "ende") -> Problem:
    return registry.problem(f"translate_{pair}_wmt")


def _rows(folder: Path, split: str = "train", pair: str = "ende") -> list:
    found = _problem(pair).examples(split, folder)
    return [
        row if isinstance(row, Skip) else (row["inputs"], row["targets"])
        for row in found
    ]


def _refused(folder: Path, message: str, kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind, match=message):
        _problem().splits(folder)


def test_both_directions_read_the_same_files(corpus: Path) -> None:
    assert _problem().splits(corpus) == ("train", "dev", "test")
    assert _rows(corpus) == PAIRS
    assert _rows(corpus, pair="deen") == [(b, a) for a, b in PAIRS]


def test_languages_are_the_commands() -> None:
    pairs = ("ende", "deen", "enfr", "fren", "defr")
    commands = [_problem(pair).command for pair in pairs]
    assert commands == ["german", "english", "french", "english", "french"]


def test_dev_may_be_called_valid(corpus: Path) -> None:
    for language in ("en", "de"):
        (corpus / f"dev.{language}").rename(corpus / f"valid.{language}")
    assert _problem().splits(corpus) == ("train", "dev", "test")
    assert _rows(corpus, "dev") == PAIRS


def test_all_corpora_in_all_forms_make_up_train(tmp_path: Path) -> None:
    def pair(name: str) -> dict[str, bytes]:
        return {f"{name}.en": f"{name} en\n".encode(), f"{name}.de": b"x\n"}

    other = {"training/europarl-v7.fr-en.en": b"no\n", "training/notes.txt": b"no\n"}
    folder = fill(
        tmp_path,
        {
            **pair("commoncrawl.de-en"),
            "europarl.tgz": gzip.compress(
                tar(pair("training/europarl-v7.de-en") | other)
            ),
            "giga/giga.tar": tar(
                {
                    f"release2.{language}.gz": gzip.compress(text)
                    for language, text in (("en", b"giga en\n"), ("de", b"x\n"))
                }
            ),
            "more/nc.de-en.en.gz": gzip.compress(b"nc en\n"),
            "more/nc.de-en.de.xz": lzma.compress(b"x\n"),
            "news-commentary-v14.de-en.tsv.gz": gzip.compress(b"x\ttsv en\n"),
            "WikiMatrix.v1.de-en.langid.tsv": "1.2\tx\twiki en\tde\ten\n",
            "en-de.bicleaner05.txt": "http://a\thttps://b\t0.7\tpara en\tx\n",
            "europarl-v9.fr-en.tsv": "no\tno\n",
            "training-monolingual/europarl-v7.en": "no\n",
            "training-monolingual/europarl-v7.de": "no\nno\n",
        },
    )
    found = [inputs for inputs, targets in _rows(folder) if targets == "x"]
    assert sorted(found) == [
        "commoncrawl.de-en en",
        "giga en",
        "nc en",
        "para en",
        "training/europarl-v7.de-en en",
        "tsv en",
        "wiki en",
    ]
    assert len(_rows(folder)) == len(found)
    assert _rows(folder) == _rows(folder)


def test_what_is_unpacked_beside_its_archive_is_read_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"training/ep-v7.de-en.en": b"a\n", "training/ep-v7.de-en.de": b"b\n"}
    packed = {"training/train.en": b"c\n", "training/train.de": b"d\n"}
    folder = fill(
        tmp_path,
        {
            "in.tgz": gzip.compress(tar(files | packed)),
            "old/in.tar": tar(files),
            **(files | packed),
        },
    )
    with caplog.at_level(logging.INFO, "t2t_multimodel"):
        _problem().splits(folder)
    assert sorted(_rows(folder)) == [("a", "b"), ("c", "d")]
    assert "it is training/ep-v7.de-en again" in caplog.text


def test_corpora_of_one_name_in_two_folders_are_both_read(tmp_path: Path) -> None:
    files = {f"{c}/train.{x}": f"{c} {x}\n" for c in "ab" for x in ("en", "de")}
    assert _rows(fill(tmp_path, {**files})) == [("a en", "a de"), ("b en", "b de")]


def test_pairs_that_teach_nothing_are_left_out_of_train_alone(corpus: Path) -> None:
    long, words = "x" * 2001, "w " * 251
    sentence = "a sentence of more than sixty characters is never one word: no."
    english = f"{long}\n{words}\n{sentence}\n \ngood\nNo.\n"
    german = f"{long}\n{words}\nja\nleer\ngut\nDas ist gewiss nicht der Fall.\n"
    fill(
        corpus,
        {
            f"{s}.{x}": t
            for s in ("train", "test")
            for x, t in (("en", english), ("de", german))
        },
    )
    train = _rows(corpus)
    skips = [row for row in train if isinstance(row, Skip)]
    assert [row for row in train if not isinstance(row, Skip)] == [
        ("good", "gut"),
        ("No.", "Das ist gewiss nicht der Fall."),
    ]
    assert [(skip.reason, skip.where, skip.is_fault) for skip in skips] == [
        ("over-long", "train, pair 1", False),
        ("over-long", "train, pair 2", False),
        ("uneven lengths", "train, pair 3", False),
        ("empty inputs", "train, pair 4", False),
    ]
    test = _rows(corpus, "test")
    assert [row.reason for row in test if isinstance(row, Skip)] == ["empty inputs"]


def test_a_line_that_is_no_text_takes_its_pair_along(corpus: Path) -> None:
    (corpus / "dev.de").write_bytes(b"H\xe4user\n\0\n")
    first, second = _rows(corpus, "dev")
    assert (first.reason, second.reason) == ("not valid UTF-8", "a NUL character")
    assert first.is_fault and f"{corpus / 'dev.de'}, line 1" in first.where


def test_without_dev_and_test_there_is_train_and_a_warning(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("dev.en", "dev.de", "test.de"):
        (corpus / name).unlink()
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        manifest = generate([_problem()], corpus.parent / "data", corpus)
    assert set(manifest["translate_ende_wmt"].splits) == {"train"}
    dev, test = caplog.messages[:2]
    assert "corpus has no dev.en and no dev.de; there will be no dev split" in dev
    assert "test.en has no counterpart in the other language; there will be no" in test


def test_a_source_without_training_text_is_refused(corpus: Path) -> None:
    (corpus / "train.de").unlink()
    _refused(corpus, r"train\.en has no counterpart in the other", FileNotFoundError)
    (corpus / "train.en").unlink()
    message = r"has no train\.en and no train\.de, nor any .* it has dev, test; docs"
    _refused(corpus, message, FileNotFoundError)


def test_empty_and_misaligned_files_are_refused(corpus: Path) -> None:
    (corpus / "dev.de").write_bytes(b"")
    _refused(corpus, r"dev\.de is empty")
    fill(corpus, {"dev.de": GERMAN, "train.de": GERMAN + "drei\n"})
    _refused(corpus, r"train\.en has 2 lines and .*train\.de has 3: .*not aligned")
    with pytest.raises(ValueError, match="not aligned"):
        _rows(corpus)
    fill(corpus, {"train.de": GERMAN, "x.tar": tar({"y.en": b"1\n2", "y.de": b"1\n"})})
    _refused(corpus, r"x\.tar: y\.en has 2 lines and .*x\.tar: y\.de has 1")


def test_columns_come_from_a_header_or_corpus_toml_or_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, {"train.tsv": "1\tHaus\thouse\nbad\n", "x.tsv": "de\ten\na\tb\n"})
    _refused(tmp_path, r"train\.tsv: which of its 3 columns is en and which de\?")
    fill(tmp_path, {"corpus.toml": 'columns = {"tr*.tsv" = {en = 3, de = 2}}'})
    fill(tmp_path, {"more/other.tsv": "1\t2\n"})
    pair, bad, other = _rows(tmp_path)
    assert "other.tsv passed over: which columns are meant?" in caplog.text
    assert (pair, other) == (("house", "Haus"), ("b", "a"))
    assert bad.reason == "too few columns" and bad.is_fault
    assert bad.where == f"{tmp_path / 'train.tsv'}, line 2: 1 columns"
    assert _rows(tmp_path, pair="deen")[0] == ("Haus", "house")


def test_another_process_reads_what_this_one_has_found(corpus: Path) -> None:
    problem = _problem("deen")
    problem.splits(corpus)
    sent = pickle.loads(pickle.dumps(problem))
    fill(corpus, {"late.en": "late\n", "late.de": "late\n"})
    assert list(sent.examples("train", corpus)) == [
        {"inputs": german, "targets": english} for english, german in PAIRS
    ]


def test_records_hold_what_was_read(corpus: Path) -> None:
    folder = corpus.parent / "data"
    made = generate([_problem("deen")], folder, corpus, Options(num_shards=1))
    assert [s.examples for s in made["translate_deen_wmt"].splits.values()] == [2, 2, 2]
    first = raw_examples(_problem("deen"), folder, "dev", 1)[0]
    assert (first["inputs"], first["targets"]) == ("ein Haus", "a house")


def test_the_way_back_shares_records_unless_it_is_to_have_its_own(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for language in ("en", "de"):
        (corpus / f"test.{language}").unlink()
    fill(
        corpus,
        {
            f"newstest2021.{pair}.{language}": f"{pair} {language}\n"
            for pair in ("de-en", "en-de")
            for language in ("de", "en")
        },
    )
    folder = corpus.parent / "data"
    for own, expected in ((False, "en-de"), (True, "de-en")):
        problem = registry.problem("translate_deen_wmt", own_records=own, max_words=40)
        with caplog.at_level(logging.INFO, "t2t_multimodel"):
            made = generate([problem], folder / str(own), corpus, Options(num_shards=1))
        assert made["translate_deen_wmt"].twin == ("" if own else "translate_ende_wmt")
        (row,) = raw_examples(_problem("deen"), folder / str(own), "test")
        assert (row["inputs"], row["targets"]) == (f"{expected} de", f"{expected} en")
    assert "translate_deen_wmt reads it backwards" in caplog.text


# What the README of the lent data says: train, dev and test.
LENT = {
    ("multi30k", "ende"): (14540, 507, 1000),
    ("multi30k", "defr"): (14540, 507, 1000),
    ("multi30k", "fren"): (14540, 507, 1000),
    ("wmt15-ende-10k-tok", "deen"): (5080,),
    (".", "ende"): (14540 + 5080, 1500, 501),
    (".", "defr"): (14540, 507, 510),
}


@pytest.mark.skipif(not WMT.is_dir(), reason="the lent corpora are not here")
@pytest.mark.parametrize(("folder", "pair"), LENT)
def test_lent_corpora_are_read_whole(folder: str, pair: str) -> None:
    problem, found = _problem(pair), []
    for split in problem.splits(WMT / folder):
        rows = problem.examples(split, WMT / folder)
        found.append(Counter(isinstance(row, Skip) for row in rows))
    assert tuple(counts[False] for counts in found) == LENT[folder, pair]
    assert not any(counts[True] for counts in found)
