"""The file `ledger.jsonl` of a run's folder: what it trained on, interval by interval.

A line is a JSON object of one of two kinds:

    {"step": 200, "since": 100, "problems": {NAME: {"batches": 12, "examples": 380,
     "targets": 9120, "padded_targets": 10240, "seconds": 3.1, "loss": 2.04,
     "epochs": 1.25}}}
    {"step": 200, "mixture": {"old": "uniform", "new": "parse_mini=2"}}

The first tells of the steps after `since` up to `step`; `epochs` is of the whole run so
far, the rest of these steps alone; a problem without a batch in them is left out, and
`loss` is null where no batch had a finite one. The second: the mixture changed when
`step` steps had been taken.

Lines are written before the checkpoint of their step, and each at once. So a run that
was killed finds lines beyond its checkpoint, and at worst half a line at the end; it
cuts them off, and every step is told of once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "ledger.jsonl"


def read_ledger(output_dir: Path) -> list[dict[str, Any]]:
    """The lines of a run's ledger; none if it has no such file.

    Raises:
        ValueError: A line in it is damaged.
    """
    return [line for _, line in _lines(output_dir / NAME)]


class LedgerFile:
    """Writes a run's ledger.

    Args:
        output_dir: The run's folder; the file is made with the first line.
    """

    def __init__(self, output_dir: Path) -> None:
        self._path = output_dir / NAME

    def go_back(self, step: int) -> list[dict[str, Any]]:
        """Cuts off what lies beyond a step; the lines that stay.

        A change of the mixture at the step itself is cut off too: the run that goes on
        makes it anew.

        Raises:
            ValueError: A line of the file is damaged.
        """
        kept, end = [], 0
        for next_end, line in _lines(self._path):
            if line["step"] > step or ("mixture" in line and line["step"] == step):
                break
            kept.append(line)
            end = next_end
        if self._path.exists():
            with self._path.open("r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())
        return kept

    def append(self, line: Mapping[str, Any]) -> None:
        """Adds a line, which is on the disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The whole lines of a ledger, each with the place in the file where it ends."""
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                return  # The run was killed while it wrote this.
            end += len(text)
            try:
                line = json.loads(text)
                int(line["step"])
            except (ValueError, TypeError, KeyError):
                raise ValueError(
                    f"{path}, line {number} is damaged; move the file away, and the "
                    "run goes on with a new one."
                ) from None
            yield end, line
