"""From the files below a folder to the corpora of a pair of languages in them."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from t2t_multimodel.data.text_files import FoundFile, find_text
from t2t_multimodel.problems.translate.corpora import (
    Corpus,
    Direction,
    Lines,
    MarkedUp,
    TabSeparated,
)
from t2t_multimodel.problems.translate.markup import languages_in
from t2t_multimodel.problems.translate.names import (
    SetName,
    is_monolingual,
    pair_in,
    side_of,
)

_NUMBER_OR_LINK = re.compile(
    r"(https?://\S*|[+-]?\d*\.?\d+(e[+-]?\d+)?)", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class Findings:
    """What there is for a pair of languages.

    Attributes:
        corpora: In the order of their labels.
        incomplete: Names of files whose counterpart is missing, without language.
        remarks: What was passed over, and why.
    """

    corpora: tuple[Corpus, ...]
    incomplete: Mapping[str, str]
    remarks: tuple[str, ...]


def find_corpora(
    folders: Sequence[Path],
    languages: Direction,
    columns: Mapping[str, Mapping[str, int]],
) -> Findings:
    """Looks for text in two languages below some folders.

    Args:
        folders: The first one's name is left out of labels; the others' are kept.
        languages: Both languages, inputs' first.
        columns: For tab-separated files whose name or path matches a pattern, the
            column of each language, from 1.

    Raises:
        ValueError: A file or an archive is damaged, or it is not known which columns
            of a tab-separated file hold which language.
        OSError: A file cannot be read.
    """
    search = _Search(languages, columns)
    for number, folder in enumerate(folders):
        prefix = f"{folder.name}/" if number else ""
        for found in find_text(folder, search.is_wanted):
            if prefix:
                found = dataclasses.replace(
                    found, name=prefix + found.name, place=prefix + found.place
                )
            search.add(found)
    return search.findings()


class _Search:
    """Files as they are found, sorted by form and by the corpus they belong to."""

    def __init__(
        self, languages: Direction, columns: Mapping[str, Mapping[str, int]]
    ) -> None:
        self._languages, self._columns = languages, columns
        # By label: the files by side ("" where there are no sides) and language.
        self._lines: _Groups = defaultdict(dict)
        self._marked_up: _Groups = defaultdict(dict)
        self._whole: list[Corpus] = []
        self._remarks: list[str] = []

    def is_wanted(self, name: str) -> bool:
        """Whether a file may hold text of the pair, going by its name."""
        form = _form(name, self._languages)
        if not form or (form == "lines" and is_monolingual(name)):
            return False
        pair = pair_in(_without_ending(name))
        return pair is None or set(pair) == set(self._languages)

    def add(self, found: FoundFile) -> None:
        """Takes a file that is wanted."""
        form = _form(found.name, self._languages)
        if form == "lines":
            base, _, language = found.name.rpartition(".")
            base, side = side_of(base)
            self._lines[base].setdefault((side, language), found)
        elif form == "sgm":
            self._add_sgm(found)
        elif form == "xml":
            self._add_xml(found)
        else:
            self._add_tab_separated(found)

    def findings(self) -> Findings:
        """All corpora that are complete."""
        incomplete: dict[str, str] = {}
        corpora = [*self._whole, *self._marked_up_pairs(incomplete)]
        corpora += self._line_pairs(incomplete)
        corpora.sort(key=lambda corpus: (corpus.label, corpus.form))
        return Findings(tuple(corpora), incomplete, tuple(self._remarks))

    def _line_pairs(self, incomplete: dict[str, str]) -> Iterator[Corpus]:
        first, second = self._languages
        for label, files in self._lines.items():
            whole = False
            for one, other, direction in (
                (("", first), ("", second), SetName.read(label).directed_pair),
                (("src", first), ("ref", second), (first, second)),
                (("src", second), ("ref", first), (second, first)),
            ):
                if one in files and other in files:
                    whole = True
                    pair = {key[1]: files[key] for key in (one, other)}
                    yield Lines(
                        label,
                        side_of(_without_ending(files[one].place))[0],
                        direction,
                        {language: found.file for language, found in pair.items()},
                        {language: found.num_lines for language, found in pair.items()},
                    )
            if not whole:
                incomplete[label] = ", ".join(str(f.file) for f in files.values())

    def _add_sgm(self, found: FoundFile) -> None:
        told = languages_in(_text(found))
        base, side, language = _parts_of_sgm(found.name)
        if told.has_source != told.has_reference:
            side = "src" if told.has_source else "ref"
            language = (told.source, *told.targets)[-1] or language
        if side and language in self._languages:
            self._marked_up[base].setdefault((side, language), found)

    def _marked_up_pairs(self, incomplete: dict[str, str]) -> Iterator[Corpus]:
        first, second = self._languages
        for label, files in self._marked_up.items():
            whole = False
            for direction in ((first, second), (second, first)):
                source = files.get(("src", direction[0]))
                reference = files.get(("ref", direction[1]))
                if source and reference:
                    whole = True
                    yield MarkedUp(
                        label,
                        _parts_of_sgm(source.place)[0],
                        direction,
                        source.file,
                        reference.file,
                        "sgm",
                    )
            if not whole:
                incomplete[label] = ", ".join(str(f.file) for f in files.values())

    def _add_xml(self, found: FoundFile) -> None:
        told = languages_in(_text(found))
        if not told.has_source:
            return  # some other XML
        if not told.targets:
            self._remarks.append(f"{found.file} has no reference")
        for target in told.targets:
            if {told.source, target} == set(self._languages):
                self._whole.append(
                    MarkedUp(
                        _without_ending(found.name),
                        _without_ending(found.place),
                        (told.source, target),
                        found.file,
                        found.file,
                        "xml",
                    )
                )

    def _add_tab_separated(self, found: FoundFile) -> None:
        label = _without_ending(found.name)
        first_line = _text(found).split("\n", 1)[0].removesuffix("\r")
        columns = self._known_columns(found, first_line.split("\t"))
        if columns is None:
            return
        has_header = not self._of_pattern(found) and _names_languages(
            first_line.split("\t"), self._languages
        )
        self._whole.append(
            TabSeparated(
                label,
                _without_ending(found.place),
                SetName.read(label).directed_pair,
                found.file,
                columns,
                has_header,
                found.num_lines,
            )
        )

    def _known_columns(
        self, found: FoundFile, cells: Sequence[str]
    ) -> dict[str, int] | None:
        """Which column holds which language; None: there are no columns."""
        if given := self._of_pattern(found):
            return {name: given[name] for name in self._languages}
        if _names_languages(cells, self._languages):
            return {name: cells.index(name) + 1 for name in self._languages}
        if len(cells) < 2:
            self._remarks.append(f"{found.file} has no columns")
            return None
        if pair := pair_in(_without_ending(found.name)):
            # Scores and addresses may stand before the texts.
            first = next(
                (
                    n
                    for n, cell in enumerate(cells)
                    if not _NUMBER_OR_LINK.fullmatch(cell)
                ),
                0,
            )
            return {pair[0]: first + 1, pair[1]: first + 2}
        if "/" in found.place:  # it may have nothing to do with translation
            self._remarks.append(f"{found.file} passed over: which columns are meant?")
            return None
        name, (one, other) = PurePosixPath(found.name).name, self._languages
        raise ValueError(
            f"{found.file}: which of its {len(cells)} columns is {one} and which "
            f"{other}? Give it a name with both (x.{one}-{other}.tsv), a first line "
            f"({one}<tab>{other}), or say it in corpus.toml: "
            f'columns = {{"{name}" = {{{one} = 1, {other} = 2}}}}'
        )

    def _of_pattern(self, found: FoundFile) -> Mapping[str, int] | None:
        """The columns given for a file in so many words."""
        names = (found.name, PurePosixPath(found.name).name, found.file.name)
        for pattern, given in self._columns.items():
            if set(self._languages) <= given.keys() and any(
                fnmatchcase(name, pattern) for name in names
            ):
                return given
        return None


_Groups = defaultdict[str, dict[tuple[str, str], FoundFile]]


def _form(name: str, languages: Direction) -> str:
    ending = name.rpartition(".")[2].lower()
    if ending in languages:
        return "lines"
    if ending in ("sgm", "sgml"):
        return "sgm"
    is_table = ending == "tsv" or (ending == "txt" and pair_in(_without_ending(name)))
    return "xml" if ending == "xml" else "tsv" if is_table else ""


def _without_ending(name: str) -> str:
    return name.rpartition(".")[0]


def _parts_of_sgm(name: str) -> tuple[str, str, str]:
    """A path without side and language, the side and the language, "" for neither."""
    folder, _, stem = _without_ending(name).rpartition("/")
    base, _, language = stem.rpartition(".")
    base, side = side_of(base) if base else side_of(f"-{language}")
    return f"{folder}/{base}".strip("/-"), side, language


def _text(found: FoundFile) -> str:
    return found.head.decode("utf-8-sig", "replace")


def _names_languages(cells: Sequence[str], languages: Sequence[str]) -> bool:
    """Whether these are the heads of columns, both languages' among them."""
    are_heads = all(cell.isidentifier() for cell in cells)
    return are_heads and all(language in cells for language in languages)
