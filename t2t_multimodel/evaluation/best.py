"""Which checkpoint is the best one, remembered from one evaluation to the next."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from t2t_multimodel.evaluation.history import History, best_steps
from t2t_multimodel.evaluation.metrics import LOWER_IS_BETTER

FILE = "best.json"


@dataclass(frozen=True)
class Best:
    """The best checkpoint so far.

    Attributes:
        problem: Whose main score decides.
        metric: That score's name.
        split: What it was computed on.
        num_examples: On how many of its examples.
        step: The checkpoint's.
        value: Its score.
    """

    problem: str
    metric: str
    split: str
    num_examples: int
    step: int
    value: float

    def beats(self, other: Best) -> bool:
        """Whether this one is strictly better."""
        if self.metric in LOWER_IS_BETTER:
            return self.value < other.value
        return self.value > other.value

    def write(self, folder: Path) -> None:
        """Writes best.json."""
        text = json.dumps(dataclasses.asdict(self), indent=2)
        (folder / FILE).write_text(text + "\n", "utf-8")


def best_of(history: History, problem: str) -> Best:
    """The best of the checkpoints evaluated.

    Raises:
        ValueError: The problem was not evaluated.
    """
    best = best_steps(history)
    if problem not in best:
        raise ValueError(
            f"the best checkpoint cannot be chosen by {problem!r}, which was not "
            f"evaluated; these were: {', '.join(best)}"
        )
    step = best[problem]
    (result,) = [found for found in history[step] if found.problem == problem]
    score = result.scores[0]
    return Best(
        problem, score.name, result.split, result.num_examples, step, score.value
    )


def read_best(folder: Path, new: Best) -> Best | None:
    """What a folder keeps; None where it keeps nothing yet.

    Raises:
        ValueError: It was chosen by another score than `new`, or is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        kept = Best(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}; remove it.") from error
    for field in ("problem", "metric", "split", "num_examples"):
        was, now = getattr(kept, field), getattr(new, field)
        if was != now:
            raise ValueError(
                f"{path} keeps the best by {field} {was}, not {now}; give another "
                "--best_dir."
            )
    return kept
