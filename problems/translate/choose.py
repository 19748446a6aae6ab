"""Which corpora make up which split, where names or corpus.toml say so.

Train is every corpus that is neither a dev nor a test set. For dev and test, the best
of:

  1. dev.*, valid.* and test.* in the source directory itself,
  2. test sets of a year: newstest2013 is dev and newstest2014 test; where one of them
     is missing, test is the newest and dev the newest before it,
  3. dev.*, valid.* and test.* in its sub-folders, all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from t2t_multimodel.data.problem import SPLITS
from t2t_multimodel.problems.translate.corpora import Corpus, Direction
from t2t_multimodel.problems.translate.names import SetName

_FORMS = ("xml", "sgm", "lines", "tsv")
_STEMS = {"dev": ("dev", "valid", "validation", "val"), "test": ("test",)}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a problem reads.

    Attributes:
        splits: The corpora of each split; a split without any is not there.
        remarks: What was left aside, and why.
    """

    splits: Mapping[str, tuple[Corpus, ...]]
    remarks: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Named:
    corpus: Corpus
    name: SetName


def choose(
    corpora: Sequence[Corpus],
    direction: Direction,
    patterns: Mapping[str, Sequence[str]],
    years: tuple[str, str],
) -> Choice:
    """Distributes corpora over the splits.

    Args:
        corpora: All there are of the two languages.
        direction: The languages of inputs and targets.
        patterns: What corpus.toml says: by split, patterns of labels.
        years: The sets to take for dev and test where they are there.

    Raises:
        ValueError: A pattern matches nothing.
    """
    remarks: list[str] = []
    named = [_Named(corpus, SetName.read(corpus.place)) for corpus in corpora]
    splits = {
        split: _matching(named, split, given, direction)
        for split, given in patterns.items()
    }
    taken = {id(item.corpus) for items in splits.values() for item in items}
    rest = [item for item in named if id(item.corpus) not in taken]
    if "train" not in splits:
        training = [item for item in rest if _split(item) == "train"]
        splits["train"] = _once(training, remarks)
    sets = [item for item in rest if _split(item) in ("dev", "test", "year")]
    usable = _usable(sets, direction, remarks)
    for split, found in _evaluation(usable, splits, years).items():
        splits[split] = found
    used = {id(item) for split in splits.values() for item in split}
    unused = [item.corpus.label for item in usable if id(item) not in used]
    if unused:
        remarks.append(f"not used: {', '.join(dict.fromkeys(unused))}")
    chosen = {
        split: tuple(item.corpus for item in splits[split])
        for split in SPLITS
        if splits.get(split)
    }
    return Choice(chosen, tuple(remarks))


def _split(item: _Named) -> str:
    """ "year" for the test sets of a year, which of them are dev is still open."""
    if item.name.year:
        return "year"
    return item.name.split or item.name.folder_split or "train"


def _matching(
    named: Sequence[_Named], split: str, patterns: Iterable[str], direction: Direction
) -> list[_Named]:
    found: dict[str, _Named] = {}
    for pattern in patterns:
        matching = [item for item in named if _is_meant(item.corpus.label, pattern)]
        if not matching:
            labels = ", ".join(sorted({item.corpus.label for item in named}))
            raise ValueError(
                f"corpus.toml: {split} names {pattern!r}, which is none of the corpora "
                f"found: {labels or 'none'}"
            )
        for item in sorted(matching, key=lambda item: _rank(item, direction)):
            found.setdefault(item.corpus.label, item)
    return list(found.values())


def _is_meant(label: str, pattern: str) -> bool:
    """Whether a pattern matches a label or the end of it behind a slash."""
    parts = label.split("/")
    ends = ("/".join(parts[place:]) for place in range(len(parts)))
    return any(fnmatchcase(end, pattern) for end in ends)


def _once(items: Sequence[_Named], remarks: list[str]) -> list[_Named]:
    """Without what is there a second time: unpacked beside its archive, say."""
    found: dict[str, _Named] = {}
    for item in sorted(items, key=lambda item: item.corpus.label.count("/")):
        # "train" is another corpus in each folder, "europarl-v7.de-en" is not.
        key = item.name.stem if item.name.is_of_one_corpus else item.corpus.place
        first = found.setdefault(key, item)
        if first is not item:
            remarks.append(
                f"{item.corpus.label} ({item.corpus.form}) left aside: it is "
                f"{first.corpus.label} again"
            )
    return sorted(found.values(), key=lambda item: item.corpus.label)


def _usable(
    sets: Sequence[_Named], direction: Direction, remarks: list[str]
) -> list[_Named]:
    """Each set in its best form; none that was translated the other way."""
    found: dict[str, _Named] = {}
    for item in sorted(sets, key=lambda item: _rank(item, direction)):
        told = item.corpus.direction
        if told not in (None, direction) and not item.name.serves_both_ways:
            remarks.append(
                f"{item.corpus.label} ({item.corpus.form}) left aside: it was "
                f"translated from {' to '.join(told or ())}"
            )
            continue
        key = item.name.set_name if item.name.year else item.corpus.place
        found.setdefault(key, item)
    return list(found.values())


def _rank(item: _Named, direction: Direction) -> tuple[int, int, str]:
    told = item.corpus.direction
    fit = 0 if told == direction else 1 if told is None else 2
    return fit, _FORMS.index(item.corpus.form), item.corpus.label


def _evaluation(
    usable: Sequence[_Named],
    chosen: Mapping[str, Sequence[_Named]],
    years: tuple[str, str],
) -> dict[str, list[_Named]]:
    """The dev and test sets, where they are not chosen already."""
    wanted = [split for split in ("dev", "test") if split not in chosen]
    found: dict[str, list[_Named]] = {}
    for split in wanted:
        here = [i for i in usable if _split(i) == split and not i.name.depth]
        if here:
            found[split] = [_best_named(here, split)]
    of_year = sorted(
        (i for i in usable if i.name.year), key=lambda i: (i.name.year, i.name.stem)
    )
    open_splits = [split for split in wanted if split not in found]
    for split, item in _by_year(of_year, open_splits, years).items():
        found[split] = [item]
    for split in wanted:
        if split not in found:
            below: dict[str, list[_Named]] = {}
            for item in usable:
                if _split(item) == split:
                    below.setdefault(item.corpus.place.rpartition("/")[0], []).append(
                        item
                    )
            found[split] = [
                _best_named(items, split) for _, items in sorted(below.items())
            ]
    return found


def _by_year(
    sets: Sequence[_Named], splits: Sequence[str], years: tuple[str, str]
) -> dict[str, _Named]:
    """The sets of a year for those splits that are open."""
    by_name = {item.name.set_name: item for item in sets}
    dev, test = (by_name.get(name) for name in years)
    others = [item for item in sets if item not in (dev, test)]
    if test is None and "test" in splits:
        tests = [item for item in others if not item.name.is_dev_only]
        test = _news_of_last_year(tests)
    if dev is None and "dev" in splits:
        limit = test.name.year if test else 9999
        rest = [item for item in others if item is not test]
        before = [item for item in rest if item.name.year < limit]
        dev = _news_of_last_year(before) or (rest[0] if rest else None)
    chosen = {"dev": dev, "test": test}
    return {split: item for split, item in chosen.items() if item and split in splits}


def _news_of_last_year(sets: Sequence[_Named]) -> _Named | None:
    """Of the sets of the last year the newstest, if there is one."""
    return max(
        sets,
        key=lambda item: (item.name.year, item.name.stem.startswith("newstest")),
        default=None,
    )


def _best_named(items: Sequence[_Named], split: str) -> _Named:
    stems = _STEMS[split]

    def rank(item: _Named) -> tuple[int, str]:
        stem = item.name.stem
        return (stems.index(stem) if stem in stems else len(stems)), stem

    return min(items, key=rank)
