"""Translation between English, German and French, from aligned plain text files.

The source directory holds `train.en` and `train.de` (say), `dev.*` or `valid.*`, and
`test.*`: UTF-8, line n of one file the translation of line n of the other. That is how
WMT, Multi30k and most parallel corpora are kept once unpacked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from t2t_multimodel import registry
from t2t_multimodel.data.features import Feature, Text
from t2t_multimodel.data.problem import Problem

# What the files of a split may be called, best first.
_STEMS = {"train": ("train",), "dev": ("dev", "valid"), "test": ("test",)}
_LANGUAGES = {"de": "german", "en": "english", "fr": "french"}

_log = logging.getLogger(__name__)


class AlignedText(Problem):
    """Sentences of one language and their translation, line by line.

    Attributes:
        pair: The endings of the files: inputs, targets.
    """

    pair: tuple[str, str]
    source = "aligned plain text, e.g. https://www.statmt.org/wmt14 (--source_dir)"
    licence = "that of the text in --source_dir"

    def splits(self, source_dir: Path) -> tuple[str, ...]:
        """The splits whose files are there; a missing test split is only a warning.

        Raises:
            FileNotFoundError: Files of train or dev are missing.
            ValueError: A file is empty, or two are not aligned.
        """
        found = []
        for split, stems in _STEMS.items():
            files = self._files(split, source_dir)
            missing = [file.name for file in files if not file.is_file()]
            if missing and split != "test":
                other = [f"{stem}.{self.pair[0]}" for stem in stems[1:]]
                hint = f" (nor {other[0]})" if other and len(missing) == 2 else ""
                raise FileNotFoundError(
                    f"problem {self.name}: {source_dir} has no "
                    f"{' and no '.join(missing)}{hint}; it needs aligned text files "
                    f"of the {split} split"
                )
            if missing:
                _log.warning(
                    "%s: %s has no %s; there will be no test split",
                    self.name,
                    source_dir,
                    " and no ".join(missing),
                )
                continue
            _check_aligned(*files)
            found.append(split)
        return tuple(found)

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, str]]:
        files = self._files(split, source_dir)
        for inputs, targets in zip_longest(*map(_lines, files)):
            if inputs is None or targets is None:
                _check_aligned(*files)
            yield {"inputs": inputs, "targets": targets}

    def _files(self, split: str, source_dir: Path) -> tuple[Path, Path]:
        """The files of a split under the first name that is there, or would be."""
        inputs, targets = self.pair
        pairs = [
            (source_dir / f"{stem}.{inputs}", source_dir / f"{stem}.{targets}")
            for stem in _STEMS[split]
        ]
        present = [pair for pair in pairs if any(file.exists() for file in pair)]
        return (present or pairs)[0]


def _features(pair: tuple[str, str]) -> tuple[Feature, Feature]:
    return Text(_LANGUAGES[pair[0]]), Text(_LANGUAGES[pair[1]])


@registry.register_problem
class TranslateEndeWmt(AlignedText):
    """English to German."""

    pair = ("en", "de")
    inputs, targets = _features(pair)


@registry.register_problem
class TranslateDeenWmt(AlignedText):
    """German to English."""

    pair = ("de", "en")
    inputs, targets = _features(pair)


@registry.register_problem
class TranslateEnfrWmt(AlignedText):
    """English to French."""

    pair = ("en", "fr")
    inputs, targets = _features(pair)


@registry.register_problem
class TranslateFrenWmt(AlignedText):
    """French to English."""

    pair = ("fr", "en")
    inputs, targets = _features(pair)


@registry.register_problem
class TranslateDefrWmt(AlignedText):
    """German to French."""

    pair = ("de", "fr")
    inputs, targets = _features(pair)


def _check_aligned(inputs: Path, targets: Path) -> None:
    counts = [_count_lines(file) for file in (inputs, targets)]
    for file, count in zip((inputs, targets), counts, strict=True):
        if count == 0:
            raise ValueError(f"{file} is empty")
    if counts[0] != counts[1]:
        raise ValueError(
            f"{inputs} has {counts[0]} lines and {targets} has {counts[1]}: they are "
            f"not aligned"
        )


def _count_lines(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(1 for _ in opened)


def _lines(file: Path) -> Iterator[str]:
    """Lines ended by a line feed and nothing else, as UTF-8.

    Raises:
        ValueError: A line is not valid UTF-8; the message names file and line.
    """
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
            try:
                yield line.removesuffix(b"\n").removesuffix(b"\r").decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"{file}, line {number}: {error}") from error
