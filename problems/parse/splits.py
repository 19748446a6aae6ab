"""Which files of a treebank, and which trees of them, make up which split."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_multimodel.data.holdout import hold_out
from t2t_multimodel.data.problem import SPLITS
from t2t_multimodel.data.treebank import cut
from t2t_multimodel.problems.parse.sections import (
    Sections,
    read_sections,
    write_sections,
)

STANDARD = read_sections({"train": "02-21", "dev": "22", "test": "23"})

_ENDINGS = (".mrg", ".ptb", ".tree", ".trees", ".parse", ".bracket", ".brackets")
_NAMED = {"train": ("train",), "dev": ("dev", "valid"), "test": ("test",)}
_WSJ = re.compile(r"wsj_(\d\d)\d\d\.mrg", re.IGNORECASE)

# Trees are held out one by one where there are too few files for a file each.
_ROUND = 10
_TURNS = {"dev": _ROUND - 1, "test": 0}


@dataclasses.dataclass(frozen=True)
class Part:
    """The trees of one split.

    Attributes:
        files: In the order in which they are read.
        only: Of every ten trees of a file those whose number leaves this remainder;
            None: all.
    """

    files: tuple[Path, ...]
    only: frozenset[int] | None = None

    def holds(self, number: int) -> bool:
        """Whether the tree of that number in its file, from 1, belongs to it."""
        return self.only is None or number % _ROUND in self.only


@dataclasses.dataclass(frozen=True)
class Plan:
    """All splits of a source directory, and what there is to say about them."""

    parts: dict[str, Part]
    remarks: tuple[str, ...] = ()


def plan_splits(source_dir: Path, sections: Sections, name: str) -> Plan:
    """Looks at a source directory and finds its splits.

    Args:
        source_dir: Where the trees are, at any depth.
        sections: What to take for which split where the files are the treebank's.
        name: The problem's, for messages.

    Raises:
        FileNotFoundError: There are no trees, or not those of train or dev.
    """
    named = {split: _named_files(source_dir, split) for split in SPLITS}
    if named["train"]:
        return _without_missing(named, f"problem {name}: {source_dir}")
    files = list(_walk(source_dir))
    by_section: dict[int, list[Path]] = defaultdict(list)
    for file in files:
        if match := _WSJ.fullmatch(file.name):
            by_section[int(match[1])].append(file)
    if by_section:
        return _of_sections(by_section, sections, f"problem {name}: {source_dir}")
    if files:
        return _held_out(files, f"{source_dir} has no splits")
    raise FileNotFoundError(
        f"problem {name}: {source_dir} has no file of trees: no wsj_SSNN.mrg, no "
        f"train.*, and no other *{' *'.join(_ENDINGS)}"
    )


def _of_sections(
    by_section: dict[int, list[Path]], sections: Sections, where: str
) -> Plan:
    there = by_section.keys()
    if sections == STANDARD and not sections["train"] & there:
        files = [file for number in sorted(there) for file in by_section[number]]
        told = (
            f"none of the sections {write_sections(sections['train'])} is there, only "
        )
        return _held_out(_once_each(files), told + write_sections(there))
    found, remarks = {}, []
    for split, wanted in sections.items():
        missing = wanted - there
        if missing:
            told = (
                f"no section {write_sections(missing)} for the {split} split; there "
                f"are {write_sections(there)}"
            )
            if wanted <= missing and split != "test":
                raise FileNotFoundError(
                    f"{where} has {told}; choose others with "
                    f"--problem_option=parse_wsj.{split}_sections=..."
                )
            remarks.append(told)
        files = [file for n in sorted(wanted & there) for file in by_section[n]]
        found[split] = Part(_once_each(files))
    return Plan({k: part for k, part in found.items() if part.files}, tuple(remarks))


def _without_missing(named: dict[str, tuple[Path, ...]], where: str) -> Plan:
    if not named["dev"]:
        raise FileNotFoundError(
            f"{where} has trees called train but none called dev or valid"
        )
    remarks = () if named["test"] else ("there are no trees called test",)
    parts = {split: Part(files) for split, files in named.items() if files}
    return Plan(parts, remarks)


def _held_out(files: Sequence[Path], because: str) -> Plan:
    """A tenth each of the files, or of the trees where there are fewer than three."""
    files = sorted(files)
    if len(files) >= len(SPLITS):
        of = hold_out(file.name for file in files)
        dealt = {s: tuple(f for f in files if of[f.name] == s) for s in SPLITS}
        parts = {split: Part(dealt[split]) for split in SPLITS if dealt[split]}
        counts = ", ".join(f"{len(part.files)} {s}" for s, part in parts.items())
        return Plan(parts, (f"{because}: files were dealt out ({counts})",))
    if not any(piece.number == _ROUND for file in files for piece in cut(file)):
        told = f"{because}, and fewer than {_ROUND} trees in a file: all are train"
        return Plan({"train": Part(tuple(files))}, (told,))
    rest = frozenset(range(_ROUND)) - set(_TURNS.values())
    turns = {"train": rest, **{s: frozenset({turn}) for s, turn in _TURNS.items()}}
    told = f"{because}: of every {_ROUND} trees one each was held out for dev and test"
    return Plan({s: Part(tuple(files), only) for s, only in turns.items()}, (told,))


def _named_files(source_dir: Path, split: str) -> tuple[Path, ...]:
    """The files of a split that is called by its name: a folder's, or one file."""
    for stem in _NAMED[split]:
        folder = source_dir / stem
        if folder.is_dir():
            return tuple(_walk(folder))
        for ending in (*_ENDINGS, ".txt"):
            if (file := source_dir / f"{stem}{ending}").is_file():
                return (file,)
    return ()


def _once_each(files: Sequence[Path]) -> tuple[Path, ...]:
    """Files by name: a treebank that lies there twice is read once."""
    by_name: dict[str, Path] = {}
    for file in files:
        by_name.setdefault(file.name.lower(), file)
    return tuple(by_name.values())


def _walk(folder: Path) -> Iterator[Path]:
    """The files of trees below a folder, in a fixed order."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(_ENDINGS):
                yield Path(root, name)
