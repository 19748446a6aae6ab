"""Checkpoints of a run side by side: each problem's main score over the steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from t2t_multimodel.evaluation.metrics import LOWER_IS_BETTER
from t2t_multimodel.evaluation.report import PLAIN_WIDTH
from t2t_multimodel.evaluation.score import ProblemScores, Score

BEST = " *"

# The results of each evaluated checkpoint by its step.
History = Mapping[int, Sequence[ProblemScores]]


def best_steps(history: History) -> dict[str, int]:
    """For each problem the step with the best main score, the earliest of equals."""
    best: dict[str, int] = {}
    for problem, scores in _by_problem(history).items():
        sign = -1.0 if next(iter(scores.values())).name in LOWER_IS_BETTER else 1.0
        best[problem] = max(sorted(scores), key=lambda s: sign * scores[s].value)
    return best


def history_markdown(history: History) -> str:
    """A row a step, a column a problem, the best of each column marked."""
    problems, rows = _cells(history)
    lines = [["step", *problems], ["---:", *["---" for _ in problems]], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{BEST.strip()} the best of the column\n"


def print_history(history: History) -> None:
    """The same on standard output."""
    problems, rows = _cells(history)
    table = Table("step", *problems)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)
    console.print(f"{BEST.strip()} the best of the column", style="dim")


def save_history(folder: str | Path, history: History) -> Path:
    """Writes `checkpoints.md` and `checkpoints.json`; the folder."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    figures = {
        "best": best_steps(history),
        "scores": {
            step: {r.problem: {s.name: s.value for s in r.scores} for r in results}
            for step, results in history.items()
        },
    }
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    (root / "checkpoints.json").write_text(text + "\n", "utf-8")
    (root / "checkpoints.md").write_text(history_markdown(history), "utf-8")
    return root


def _by_problem(history: History) -> dict[str, dict[int, Score]]:
    """Each problem's first score by step."""
    found: dict[str, dict[int, Score]] = {}
    for step, results in history.items():
        for result in results:
            found.setdefault(result.problem, {})[step] = result.scores[0]
    return found


def _cells(history: History) -> tuple[list[str], list[list[str]]]:
    scores, best = _by_problem(history), best_steps(history)
    rows = [
        [
            str(step),
            *(
                f"{found[step].with_interval}{BEST if best[name] == step else ''}"
                for name, found in scores.items()
            ),
        ]
        for step in sorted(history)
    ]
    return list(scores), rows
