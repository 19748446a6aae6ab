"""Which checkpoint is the best one, remembered from one evaluation to the next."""

from __future__ import annotations

from pathlib import Path

from t2t_multimodel.evaluation.history import History, best_steps
from t2t_multimodel.evaluation.metrics import LOWER_IS_BETTER
from t2t_multimodel.training.watching.best_file import FILE, Best, read_best


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
        problem,
        score.name,
        is_lower_better=score.name in LOWER_IS_BETTER,
        split=result.split,
        num_examples=result.num_examples,
        step=step,
        value=score.value,
    )


def kept_best(folder: Path, new: Best) -> Best | None:
    """What a folder keeps; None where it keeps nothing yet.

    Raises:
        ValueError: It was chosen by another score than `new`, or is damaged.
    """
    kept = read_best(folder)
    for field in ("problem", "metric", "split", "num_examples") if kept else ():
        was, now = getattr(kept, field), getattr(new, field)
        if was != now:
            raise ValueError(
                f"{folder / FILE} keeps the best by {field} {was}, not {now}; give "
                "another --best_dir."
            )
    return kept
