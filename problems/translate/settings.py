"""corpus.toml: what a source directory's owner says about it, where names do not.

    also_in = ["../dev", "/corpora/europarl"]       # further folders to look into
    train = ["europarl-v7.de-en", "news-*"]         # patterns of corpora, by label
    dev = ["newstest2015"]
    test = ["newstest2016"]
    columns = {"pairs.tsv" = {en = 3, de = 1}}      # of tab-separated files
    max_words = 120

Everything may be left out.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel.data.problem import SPLITS
from t2t_multimodel.problems.translate.filters import PairFilter

FILE = "corpus.toml"

_FILTERS = tuple(field.name for field in dataclasses.fields(PairFilter))
_KEYS = ("also_in", *SPLITS, "columns", *_FILTERS)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What corpus.toml says.

    Attributes:
        folders: Folders to look into beside the one that holds the file.
        patterns: By split, which corpora to take for it, if that is said.
        columns: By pattern of a tab-separated file's name, the column of each
            language, from 1.
        limits: Fields of `PairFilter`.
    """

    folders: tuple[Path, ...] = ()
    patterns: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, source_dir: Path) -> Settings:
        """The settings of a source directory, the default ones without a file.

        Raises:
            ValueError: The file is no TOML, or holds something else than it may.
            OSError: It cannot be read.
        """
        path = source_dir / FILE
        if not path.exists():
            return cls()
        try:
            values = tomllib.loads(path.read_text("utf-8"))
            _check_keys(values)
            folders = tuple(
                source_dir / Path(name).expanduser()
                for name in _texts(values, "also_in")
            )
            for folder in folders:
                if not folder.is_dir():
                    raise ValueError(f"also_in: {folder} is not a folder")
            limits = {name: values[name] for name in _FILTERS if name in values}
            PairFilter(**limits)
            return cls(
                folders=folders,
                patterns={
                    split: _texts(values, split) for split in SPLITS if split in values
                },
                columns=_columns(values.get("columns", {})),
                limits=limits,
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def _check_keys(values: Mapping[str, Any]) -> None:
    for key in values:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=3) or _KEYS
            raise ValueError(f"no setting {key!r}; near it: {', '.join(near)}")


def _texts(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    given = values.get(key, [])
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(t, str) for t in given):
        raise ValueError(f"{key} is {given!r}; it is a list of texts")
    return tuple(given)


def _columns(given: Any) -> dict[str, dict[str, int]]:
    entries = given.values() if isinstance(given, dict) else [None]
    if not all(_is_columns(entry) for entry in entries):
        raise ValueError(
            f"columns is {given!r}; it is a table such as "
            '{"pairs.tsv" = {en = 2, de = 1}}, columns from 1'
        )
    columns: dict[str, dict[str, int]] = given
    return columns


def _is_columns(entry: Any) -> bool:
    numbers = list(entry.values()) if isinstance(entry, dict) else []
    are_columns = all(type(number) is int and number > 0 for number in numbers)
    return are_columns and len(set(numbers)) > 1
