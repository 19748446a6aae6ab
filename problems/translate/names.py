"""What the name of a file says: language, side, direction, split, year.

Names are those that WMT and the corpora around it use:

  train.en  valid.de  test_2016_flickr.fr           split and language
  europarl-v7.de-en.de                              pair and language
  newstest2014-deen-src.de.sgm  -ref.en.sgm         set, pair, side and language
  newstest2021.de-en.xml  wikititles-v3.de-en.tsv   pair
"""

from __future__ import annotations

import dataclasses
import re

_CODE = "cs|de|en|es|et|fi|fr|ha|hi|hr|hu|is|it|ja|kk|km|lt|lv|nl|pl|ps|pt|ro|ru|tr|zh"
_PAIR = re.compile(rf"(?<![a-z])({_CODE})-?({_CODE})(?![a-z])")
_SIDE = re.compile(r"[._-](src|source|ref|tgt|trg)(?:[._-](?:ref-?)?[A-Z])?$")
_OF_YEAR = re.compile(r"([a-z][a-z_-]*?)(dev|test|syscomb)b?((?:19|20)\d\d)")
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "val", "validation"), "dev"),
    **dict.fromkeys(("test", "devtest"), "test"),
}
# Before that year the same test set served both directions.
_DIRECTED_SINCE = 2019
_MONOLINGUAL = re.compile(r"(?<![a-z])mono(lingual)?(?![a-z])")


@dataclasses.dataclass(frozen=True)
class SetName:
    """What the name of a corpus or test set says.

    Attributes:
        stem: Its last part.
        split: "train", "dev", "test", or "" where only its folder or nothing says it.
        folder_split: What a folder above it is called after.
        year: Of a test set that is called after one, such as newstest2014; else 0.
        is_dev_only: Whether it is a set of a year made for development (newsdev2016).
        depth: How many folders it lies below the one that is searched.
    """

    stem: str
    split: str
    folder_split: str
    year: int
    is_dev_only: bool
    depth: int

    @classmethod
    def read(cls, place: str) -> SetName:
        """Reads a path without language and form."""
        *folders, stem = place.lower().split("/")
        of_year = _OF_YEAR.match(stem)
        folder_split = next(
            (_SPLITS[folder] for folder in reversed(folders) if folder in _SPLITS), ""
        )
        return cls(
            stem=stem,
            split="" if of_year else split_of(stem),
            folder_split="" if of_year else folder_split,
            year=int(of_year[3]) if of_year else 0,
            is_dev_only=of_year is not None and of_year[2] == "dev",
            depth=len(folders),
        )

    @property
    def set_name(self) -> str:
        """The set of a year by its own name: newstest2014."""
        found = _OF_YEAR.match(self.stem)
        return found[0] if found else self.stem

    @property
    def is_directed(self) -> bool:
        """Whether it is a set of the years since sets have a direction."""
        return self.year >= _DIRECTED_SINCE

    @property
    def serves_both_ways(self) -> bool:
        """Whether it is a set of the years before sets had a direction."""
        return 0 < self.year < _DIRECTED_SINCE

    @property
    def is_of_one_corpus(self) -> bool:
        """Whether the last part is a corpus's own name, with a version or a pair."""
        is_own = bool(pair_in(self.stem)) or any(c.isdigit() for c in self.stem)
        return is_own and not self.split

    @property
    def directed_pair(self) -> tuple[str, str] | None:
        """The direction that the name tells, where such names tell one."""
        return pair_in(self.stem) if self.is_directed else None


def split_of(stem: str) -> str:
    """The split that a name has among its words, "" for none."""
    words = re.findall("[a-z]+", stem.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def pair_in(name: str) -> tuple[str, str] | None:
    """The languages that the last part of a name pairs, in its order."""
    found = _PAIR.findall(name.split("/")[-1].lower())
    return found[-1] if found else None


def side_of(base: str) -> tuple[str, str]:
    """A name without its side, and the side: "src", "ref" or ""."""
    found = _SIDE.search(base)
    if not found:
        return base, ""
    side = "src" if found[1] in ("src", "source") else "ref"
    return base[: found.start()], side


def is_monolingual(place: str) -> bool:
    """Whether a part of the path says that the text in it has no translation."""
    return bool(_MONOLINGUAL.search(place.lower()))
