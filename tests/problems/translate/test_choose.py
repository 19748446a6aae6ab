"""Which corpora make up which split: by name, by year, by direction, by word."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.testing.corpus_files import fill, sgm, tar, xml


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    files = {f"{s}.{x}": f"{s} {x}\n" for s in ("train", "dev") for x in ("en", "de")}
    return fill(tmp_path / "corpus", files)


def _problem(pair: str = "ende", **options: str) -> Problem:
    return registry.problem(f"translate_{pair}_wmt", **options)


def _rows(folder: Path, split: str, pair: str = "ende", **options: str) -> list:
    found = _problem(pair, **options).examples(split, folder)
    return [
        row if isinstance(row, Skip) else (row["inputs"], row["targets"])
        for row in found
    ]


def test_published_dev_and_test_archives_are_understood(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for language in ("en", "de"):
        (corpus / f"dev.{language}").unlink()
    dev = {}
    for year in ("2012", "2013"):
        for language in ("en", "de", "cs"):
            text = f"{language} {year}"
            dev[f"dev/newstest{year}.{language}"] = f"{text} lines\n".encode()
            dev[f"dev/newstest{year}-src.{language}.sgm"] = sgm(
                "src", language, text
            ).encode()
            dev[f"dev/newstest{year}-ref.{language}.sgm"] = sgm(
                "ref", language, text
            ).encode()
    test = {
        f"test-full/newstest2014-deen-{side}.{language}.sgm": sgm(
            side, language, f"{language} 2014 {side}"
        ).encode()
        for side in ("src", "ref")
        for language in ("en", "de")
    }
    fill(
        corpus,
        {"dev.tgz": gzip.compress(tar(dev)), "test-full.tgz": gzip.compress(tar(test))},
    )
    with caplog.at_level(logging.INFO, "t2t_multimodel"):
        assert _problem().splits(corpus) == ("train", "dev", "test")
    assert "dev: dev.tgz/dev/newstest2013 (sgm, 1 pairs)" in caplog.text
    assert "not used: dev.tgz/dev/newstest2012" in caplog.text
    assert _rows(corpus, "dev") == [("en 2013", "de 2013")]
    assert _rows(corpus, "test") == [("en 2014 src", "de 2014 ref")]
    assert _rows(corpus, "test", "deen") == [("de 2014 src", "en 2014 ref")]


YEARS = {
    "2013 2014": ("2013", "2014"),
    "2012 2013 2014 2015": ("2013", "2014"),
    "2013": ("2013", None),
    "2014": (None, "2014"),
    "2016": (None, "2016"),
    "2013 2021": ("2013", "2021"),
    "2014 2015": ("2015", "2014"),
    "2014 2012 2011": ("2012", "2014"),
    "2015 2016 2017": ("2016", "2017"),
    "2015 2016 2017 dev.en": (None, "2017"),
    "2015 2016 dev.en test.en": (None, None),
}


@pytest.mark.parametrize("present", YEARS)
def test_years_decide_which_set_is_dev_and_which_test(
    tmp_path: Path, present: str
) -> None:
    files: dict[str, str | bytes] = {"train.en": "a\n", "train.de": "b\n"}
    for word in present.split():
        name = word.removesuffix(".en") if "." in word else f"dev/newstest{word}"
        files |= {f"{name}.{language}": f"{word}\n" for language in ("en", "de")}
    fill(tmp_path, files)
    splits = _problem().splits(tmp_path)
    for split, year in zip(("dev", "test"), YEARS[present], strict=True):
        expected = year or (f"{split}.en" if f"{split}.en" in present else None)
        assert (split in splits) == (expected is not None)
        assert _rows(tmp_path, split) == ([(expected, expected)] if expected else [])


def test_a_set_is_read_in_the_direction_it_was_translated_in(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(
        corpus,
        {
            "newstest2021-ende.xml": xml("de", "en", ("Wort", "word")),
            "newstest2020-deen-src.en.sgm": sgm("src", "en", "source"),
            "newstest2020-deen-ref.de.sgm": sgm("ref", "de", "reference"),
            "newstest2019.de-en.de": "drei\n",
            "newstest2019.de-en.en": "three\n",
        },
    )
    with caplog.at_level(logging.INFO, "t2t_multimodel"):
        _problem().splits(corpus)
    assert "newstest2021-ende (xml) left aside: it was translated from de to en" in (
        caplog.text
    )
    assert _rows(corpus, "test") == [("source", "reference")]
    assert _rows(corpus, "test", "deen") == [("Wort", "word")]


def test_sides_in_the_names_of_plain_files_tell_the_direction(corpus: Path) -> None:
    names = {"src.de": "Quelle\n", "ref.B.en": "B\n", "ref.A.en": "A\n"}
    fill(corpus, {f"newstest2021.de-en.{name}": text for name, text in names.items()})
    assert _rows(corpus, "test", "deen") == [("Quelle", "A")]
    assert "test" not in _problem().splits(corpus)


def test_corpus_toml_names_sets_folders_and_limits(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "mine",
        {
            **{f"{n}.{x}": f"{n}\n" for n in ("ep", "other") for x in ("en", "de")},
            "newstest2013.en": "2013\n",
            "newstest2013.de": "2013\n",
            "corpus.toml": 'also_in = ["../more"]\ntrain = ["e*"]\n'
            'dev = ["newstest2013"]\ntest = ["more/set"]\nmax_characters = 1\n',
        },
    )
    fill(tmp_path / "more", {"set.en": "set\n", "set.de": "set\n"})
    assert _problem().splits(folder) == ("train", "dev", "test")
    assert [row.reason for row in _rows(folder, "train")] == ["over-long"]
    assert _rows(folder, "dev") == [("2013", "2013")]
    assert _rows(folder, "test") == [("set", "set")]


def test_other_sets_can_be_asked_for(corpus: Path) -> None:
    years = ("2013", "2014", "2015", "2016")
    fill(corpus, {f"newstest{y}.{x}": f"{y}\n" for y in years for x in ("en", "de")})
    for language in ("en", "de"):
        (corpus / f"dev.{language}").unlink()
    asked = {"dev_set": "newstest2015", "test_set": "newstest2016"}
    assert _rows(corpus, "dev", **asked) == [("2015", "2015")]
    assert _rows(corpus, "test", **asked) == [("2016", "2016")]
    assert _rows(corpus, "test") == [("2014", "2014")]
    versions = {_problem(**options).generator_version for options in ({}, asked)}
    assert len(versions) == 2
