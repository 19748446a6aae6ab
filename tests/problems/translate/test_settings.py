"""corpus.toml: what it may say, and how a mistake in it is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.problems.translate.filters import PairFilter
from t2t_multimodel.problems.translate.settings import Settings


def test_everything_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "corpus.toml").write_text(
        'also_in = ["more"]\ntrain = ["a*", "b"]\ndev = "c"\nmax_ratio = 2.5\n'
        'columns = {"x.tsv" = {en = 2, de = 4}}\n'
    )
    settings = Settings.read(tmp_path)
    assert settings.folders == (tmp_path / "more",)
    assert settings.patterns == {"train": ("a*", "b"), "dev": ("c",)}
    assert settings.columns == {"x.tsv": {"en": 2, "de": 4}}
    assert settings.limits == {"max_ratio": 2.5}


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    assert Settings.read(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train = [", r"corpus\.toml: "),
        ("trian = []", "no setting 'trian'; near it: train"),
        ("zzz = 1", "no setting 'zzz'; near it: also_in, train, dev, test, columns"),
        ("train = [1]", r"train is \[1\]; it is a list of texts"),
        ('also_in = ["nowhere"]', r"also_in: .*nowhere is not a folder"),
        ("max_words = 0", "max_words is 0; at least 1"),
        ('max_words = "many"', "max_words is 'many'; it is a number"),
        ("columns = 3", "columns is 3; it is a table such as"),
        ('columns = {"x.tsv" = [1, 2]}', r"columns is {'x\.tsv': \[1, 2\]}; it is a"),
        ('columns = {"x.tsv" = {en = 1, de = 1}}', "columns from 1"),
        ('columns = {"x.tsv" = {en = 0, de = 1}}', "columns from 1"),
        ('columns = {"x.tsv" = {en = [], de = 1}}', "columns from 1"),
        (b"\xff", r"corpus\.toml: .*utf-8"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "corpus.toml").write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        Settings.read(tmp_path)
    assert str(tmp_path / "corpus.toml") in str(caught.value)


def test_a_pattern_that_matches_nothing_says_what_there_is(tmp_path: Path) -> None:
    for name in ("train.en", "train.de", "sub/x.en", "sub/x.de"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a\n")
    (tmp_path / "corpus.toml").write_text('test = ["y"]')
    message = "test names 'y', which is none of the corpora found: sub/x, train"
    with pytest.raises(ValueError, match=message):
        registry.problem("translate_ende_wmt").splits(tmp_path)


def test_limits_are_inclusive() -> None:
    limits = PairFilter(max_words=3, max_characters=100, max_ratio=2.0)
    assert limits.fault("a b c", "a") == ""
    assert limits.fault("a b c d", "a") == "over-long"
    assert limits.fault("x" * 100, "x" * 50) == ""
    assert limits.fault("x" * 101, "x" * 101) == "over-long"
    assert limits.fault("x" * 100, "x" * 49) == "uneven lengths"
    assert limits.fault("x" * 60, "x") == ""
