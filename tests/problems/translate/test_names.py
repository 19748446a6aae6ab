"""What the names of files say, one by one as they occur."""

from __future__ import annotations

import pytest

from t2t_multimodel.problems.translate.names import SetName, pair_in, side_of


@pytest.mark.parametrize(
    ("place", "split", "folder_split", "year", "is_dev_only"),
    [
        ("train", "train", "", 0, False),
        ("multi30k/valid", "dev", "", 0, False),
        ("test_2016_flickr", "test", "", 0, False),
        ("iwslt14.valid", "dev", "", 0, False),
        ("train/europarl-v7.de-en", "", "train", 0, False),
        ("dev/news", "", "dev", 0, False),
        ("dev/newstest2013", "", "", 2013, False),
        ("dev/news-test2008", "", "", 2008, False),
        ("dev/newssyscomb2009", "", "", 2009, False),
        ("newstestB2016-enfi", "", "", 2016, False),
        ("newsdiscussdev2015-fren", "", "", 2015, True),
        ("dev/euelections_dev2019.fr-de", "", "", 2019, True),
        ("un/undoc.2000.fr-en", "", "", 0, False),
        ("latest/contest", "", "", 0, False),
    ],
)
def test_names_tell_split_and_year(
    place: str, split: str, folder_split: str, year: int, is_dev_only: bool
) -> None:
    name = SetName.read(place)
    assert (name.split, name.folder_split) == (split, folder_split)
    assert (name.year, name.is_dev_only) == (year, is_dev_only)


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("europarl-v7.de-en", ("de", "en")),
        ("x/newstest2014-deen-src", ("de", "en")),
        ("en-de.bicleaner05", ("en", "de")),
        ("de-en/train", None),
        ("garden-enders", None),
    ],
)
def test_names_tell_pairs(name: str, pair: tuple[str, str] | None) -> None:
    assert pair_in(name) == pair


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("newstest2013-src", ("newstest2013", "src")),
        ("newstest2021.de-en.ref.A", ("newstest2021.de-en", "ref")),
        ("newstest2021.de-en.ref.ref-B", ("newstest2021.de-en", "ref")),
        ("euelections_dev2019.fr-de.tgt", ("euelections_dev2019.fr-de", "ref")),
        ("crossref", ("crossref", "")),
    ],
)
def test_names_tell_sides(base: str, expected: tuple[str, str]) -> None:
    assert side_of(base) == expected


def test_sets_of_a_year_have_a_name_of_their_own() -> None:
    assert SetName.read("dev/newstest2014-deen").set_name == "newstest2014"
    assert SetName.read("newstestB2016-enfi").set_name == "newstestb2016"
    assert SetName.read("newstest2021.de-en").directed_pair == ("de", "en")
    assert SetName.read("newstest2014.de-en").directed_pair is None
