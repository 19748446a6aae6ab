"""Sections of the treebank as they are written: "02-21", "22", "2-5,7", "none"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Sections = Mapping[str, frozenset[int]]

_RANGE = re.compile(r"(\d\d?)(?:-(\d\d?))?")


def read_sections(texts: Mapping[str, str]) -> Sections:
    """The sections of every split.

    Raises:
        ValueError: A text is no list of numbers and ranges, or a section is in two
            splits.
    """
    found = {split: _read(split, text) for split, text in texts.items()}
    seen: dict[int, str] = {}
    for split, numbers in found.items():
        for number in sorted(numbers):
            if number in seen:
                raise ValueError(
                    f"section {number:02} is in {seen[number]} and in {split}; the "
                    f"splits must not share any"
                )
            seen[number] = split
    return found


def write_sections(numbers: Iterable[int]) -> str:
    """The shortest way to write them, e.g. "02-21"; "none" where there are none."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [
        f"{run[0]:02}" if len(run) == 1 else f"{run[0]:02}-{run[-1]:02}" for run in runs
    ]
    return ",".join(texts) or "none"


def _read(split: str, text: str) -> frozenset[int]:
    numbers: set[int] = set()
    if text == "none":
        return frozenset()
    for item in text.split(","):
        match = _RANGE.fullmatch(item.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise ValueError(
                f"{split}_sections={text!r}: sections are numbers and ranges, such as "
                f"02-21 or 2-5,7, or none"
            )
        numbers.update(range(first, last + 1))
    return frozenset(numbers)
