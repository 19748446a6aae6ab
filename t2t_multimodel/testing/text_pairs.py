"""A problem whose examples a test hands in, in whatever process they are made.

problem = TextPairs(("a house", "ein Haus"), ("a tree", "ein Baum"))
generate([problem], tmp_path)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel.data.features import Feature, Text
from t2t_multimodel.data.problem import SPLITS, Problem


class TextPairs(Problem):
    """Text to text; the same examples in each split unless said otherwise.

    Args:
        rows: Pairs of inputs and targets; whatever is no pair is yielded as it is.
        name: The problem's name.
        by_split: Other rows for some splits.
        after: Raised when all rows of a split were yielded.
        twin: The problem whose records these are, exchanged.
    """

    needs_source = False
    inputs: Feature = Text("english")
    targets: Feature = Text("german")

    def __init__(
        self,
        *rows: Any,
        name: str = "pairs",
        by_split: Mapping[str, tuple[Any, ...]] | None = None,
        after: BaseException | None = None,
        twin: str = "",
    ) -> None:
        self.name, self.twin, self.after = name, twin, after
        self.rows = dict.fromkeys(SPLITS, rows or (("a", "b"),))
        self.rows |= by_split or {}

    def examples(self, split: str, source_dir: Path) -> Iterator[Any]:
        for row in self.rows[split]:
            is_pair = isinstance(row, tuple)
            yield {"inputs": row[0], "targets": row[1]} if is_pair else row
        if self.after is not None:
            raise self.after
