"""A corpus of sentence pairs in one of its forms: lines, markup, tab-separated.

Whatever the form, a corpus gives pairs in the direction that it is asked for, and a
`Skip` in the place of a pair that is none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Protocol

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.text_files import TextFile
from t2t_multimodel.problems.translate.markup import read_pairs

Direction = tuple[str, str]
Pair = tuple[str, str]


class Corpus(Protocol):
    """Sentence pairs of two languages.

    Attributes:
        label: Its path below the source directory, without language and form.
        place: The same, archives left out.
        direction: From which language it was translated into which; None where both
            directions are as good.
        form: "lines", "sgm", "xml" or "tsv".
    """

    @property
    def label(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def direction(self) -> Direction | None: ...
    @property
    def form(self) -> str: ...

    def pairs(self, direction: Direction) -> Iterator[Pair | Skip]:
        """The pairs, texts in the order of the languages asked for.

        Raises:
            ValueError: The two sides are not aligned, or a file is damaged or empty.
            OSError: A file cannot be read.
        """
        ...

    def count(self) -> int:
        """How many pairs there are, whole or not; raises what `pairs` does."""
        ...


@dataclasses.dataclass(frozen=True)
class Lines:
    """Two files, line n of one the translation of line n of the other.

    Attributes:
        files: By language.
        num_lines: Of a file where they have been counted already.
    """

    label: str
    place: str
    direction: Direction | None
    files: Mapping[str, TextFile]
    num_lines: Mapping[str, int | None]
    form = "lines"

    def pairs(self, direction: Direction) -> Iterator[Pair | Skip]:
        sides = [self.files[language].lines() for language in direction]
        for inputs, targets in zip_longest(*sides):
            if isinstance(inputs, str) and isinstance(targets, str):
                yield inputs, targets
            elif inputs is None or targets is None:
                self.count()
                raise ValueError(f"{self.label} has changed while it was read")
            elif isinstance(inputs, Skip):
                yield inputs
            elif isinstance(targets, Skip):
                yield targets

    def count(self) -> int:
        counts = []
        for language, file in self.files.items():
            known = self.num_lines.get(language)
            counts.append(file.count_lines() if known is None else known)
            if counts[-1] == 0:
                raise ValueError(f"{file} is empty")
        if counts[0] != counts[1]:
            first, second = self.files.values()
            raise ValueError(
                f"{first} has {counts[0]} lines and {second} has {counts[1]}: they "
                f"are not aligned"
            )
        return counts[0]


@dataclasses.dataclass(frozen=True)
class MarkedUp:
    """A test set in SGM or XML; its direction is what its files say.

    Attributes:
        source: The file with the source side.
        reference: The one with the reference; in XML the same.
    """

    label: str
    place: str
    direction: Direction
    source: TextFile
    reference: TextFile
    form: str

    def pairs(self, direction: Direction) -> Iterator[Pair | Skip]:
        for pair in read_pairs(self.source, self.reference, self.direction):
            if isinstance(pair, Skip) or direction == self.direction:
                yield pair
            else:
                yield pair[1], pair[0]

    def count(self) -> int:
        return sum(1 for _ in self.pairs(self.direction))


@dataclasses.dataclass(frozen=True)
class TabSeparated:
    """A file with a pair in each line, in two of its columns.

    Attributes:
        file: The file.
        columns: The column of each language, from 1.
        has_header: Whether the first line names the columns.
        num_lines: Where they have been counted already.
    """

    label: str
    place: str
    direction: Direction | None
    file: TextFile
    columns: Mapping[str, int]
    has_header: bool
    num_lines: int | None
    form = "tsv"

    def pairs(self, direction: Direction) -> Iterator[Pair | Skip]:
        inputs, targets = (self.columns[language] - 1 for language in direction)
        needed = max(inputs, targets)
        for number, line in enumerate(self.file.lines(), 1):
            if number == 1 and self.has_header:
                continue
            if isinstance(line, Skip):
                yield line
                continue
            cells = line.split("\t")
            if len(cells) <= needed:
                where = f"{self.file}, line {number}: {len(cells)} columns"
                yield Skip("too few columns", where)
            else:
                yield cells[inputs], cells[targets]

    def count(self) -> int:
        count = self.num_lines
        if count is None:
            count = self.file.count_lines()
        count -= self.has_header
        if count < 1:
            raise ValueError(f"{self.file} is empty")
        return count
