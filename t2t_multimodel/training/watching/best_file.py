"""best.json: what is known of a checkpoint that is kept since it is the best one."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

FOLDER, FILE = "best", "best.json"


@dataclasses.dataclass(frozen=True)
class Best:
    """The best checkpoint so far.

    Attributes:
        problem: Whose figure decides.
        metric: That figure's name.
        is_lower_better: Which way is up.
        split: What it was taken on.
        num_examples: On how many of its examples; None: on `eval_batches` batches.
        step: The checkpoint's.
        value: Its figure.
    """

    problem: str
    metric: str
    is_lower_better: bool
    split: str
    num_examples: int | None
    step: int
    value: float

    def beats(self, other: Best) -> bool:
        """Whether this one is strictly better."""
        if self.is_lower_better:
            return self.value < other.value
        return self.value > other.value

    def write(self, folder: Path) -> None:
        """Writes best.json, which is whole at any moment."""
        partial = folder / f"{FILE}.unfinished"
        text = json.dumps(dataclasses.asdict(self), indent=2)
        partial.write_text(text + "\n", "utf-8")
        os.replace(partial, folder / FILE)


def read_best(folder: Path) -> Best | None:
    """What a folder keeps as the best; None where it keeps nothing.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Best(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}; remove it.") from error
