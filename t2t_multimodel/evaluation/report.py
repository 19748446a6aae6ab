"""What an evaluation leaves behind: a table, JSON, all outputs, a page, TensorBoard.

Decoded scores and teacher-forced figures stand in columns of their own, and are never
averaged over problems: they measure different things.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation import page
from t2t_multimodel.evaluation.bootstrap import LEVEL, NUM_RESAMPLES
from t2t_multimodel.evaluation.score import ProblemScores, signatures

PLAIN_WIDTH = 150

INTERVAL_NOTE = (
    f"In brackets: {LEVEL:.0f} % intervals by {NUM_RESAMPLES} bootstrap resamples of "
    "the examples; they say nothing of another training, and one without width only "
    "that all examples agree."
)

HEADINGS = (
    "problem",
    "on decoded output",
    "log-perplexity\n(teacher-forced)",
    "token accuracy\n(teacher-forced)",
    "examples",
    "seconds",
)


def score_table(results: Sequence[ProblemScores]) -> Table:
    """One row a problem, its metrics by name."""
    table = Table()
    for column, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if column < 2 else "right")
    for result in results:
        first, *cells = _cells(result, "\n")
        table.add_row(f"[bold]{first}", *cells)
    return table


def print_table(results: Sequence[ProblemScores], title: str = "") -> None:
    """The table and the signatures, on standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    if title:
        console.print(title, soft_wrap=True)
    console.print(score_table(results))
    for line in _notes(results):
        console.print(line, style="dim", soft_wrap=True)


def score_markdown(results: Sequence[ProblemScores]) -> str:
    """The same table in Markdown, with the signatures below it."""
    rows = [[heading.replace("\n", " ") for heading in HEADINGS]]
    rows.append(["---", "---", "---:", "---:", "---:", "---:"])
    rows += [_cells(result, ", ") for result in results]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *_notes(results), ""])


def score_json(
    run: Any, results: Sequence[ProblemScores], config: DecodeConfig | None = None
) -> dict[str, Any]:
    """All figures as plain data, with what was evaluated and how it was decoded."""
    return {
        "step": int(run.step),
        "seed": run.seed,
        "vocabulary": run.vocabulary.fingerprint,
        "decoding": dataclasses.asdict(config or DecodeConfig()),
        "problems": [
            {
                "problem": result.problem,
                "split": result.split,
                "examples": result.num_examples,
                "seconds": round(result.seconds, 3),
                "scores": {score.name: score.value for score in result.scores},
                "intervals_95": {
                    s.name: list(s.interval) for s in result.scores if s.interval
                },
                "signatures": {s.name: s.detail for s in result.scores if s.detail},
            }
            for result in results
        ],
    }


def save_report(
    folder: str | Path,
    run: Any,
    results: Sequence[ProblemScores],
    config: DecodeConfig | None = None,
) -> Path:
    """Writes `scores.json`, `table.md`, `index.html`, all outputs.

    The outputs are in `samples/PROBLEM.jsonl`, a line each; the page shows the worst
    of them and some drawn at random, with pictures, sound and trees.

    Returns:
        The folder, made where it was missing.
    """
    root = Path(folder)
    (root / "samples").mkdir(parents=True, exist_ok=True)
    figures = score_json(run, results, config)
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    (root / "scores.json").write_text(text + "\n", "utf-8")
    (root / "table.md").write_text(score_markdown(results), "utf-8")
    for result in results:
        lines = [
            json.dumps(sample.as_dict(), ensure_ascii=False)
            for sample in result.samples
        ]
        path = root / "samples" / f"{result.problem}.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    page.save_page(
        root / "index.html",
        f"Evaluation of {run.output_dir.name}, step {figures['step']}",
        _facts(figures),
        results,
        {result.problem: run.problem(result.problem) for result in results},
    )
    return root


def _facts(figures: dict[str, Any]) -> dict[str, str]:
    """What was evaluated, and all of the search that is not as by default."""
    usual = dataclasses.asdict(DecodeConfig())
    changed = {k: v for k, v in figures["decoding"].items() if v != usual[k]}
    search = ", ".join(f"{name}={value}" for name, value in changed.items())
    told = {name: str(figures[name]) for name in ("step", "seed", "vocabulary")}
    return {**told, "decoding": search or "greedy"}


def write_summaries(
    output_dir: str | Path, step: int, results: Sequence[ProblemScores]
) -> Path:
    """Writes scalars `metrics-PROBLEM/METRIC` for TensorBoard under `eval/`."""
    import tensorflow as tf

    folder = Path(output_dir) / "eval"
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=step):
        for result in results:
            for score in result.scores:
                tf.summary.scalar(f"metrics-{result.problem}/{score.name}", score.value)
    writer.close()
    return folder


def _notes(results: Sequence[ProblemScores]) -> list[str]:
    """What stands below a table: the intervals' meaning, the signatures."""
    has_intervals = any(s.interval for result in results for s in result.scores)
    return [*([INTERVAL_NOTE] if has_intervals else []), *signatures(results)]


def _cells(result: ProblemScores, between: str) -> list[str]:
    forced = {s.title: s for s in result.scores if s.is_teacher_forced}
    decoded = [s.with_interval for s in result.scores if not s.is_teacher_forced]
    perplexity = forced.get("log-perplexity")
    accuracy = forced.get("token accuracy")
    return [
        result.problem,
        between.join(decoded),
        f"{perplexity.value:.3f}" if perplexity else "",
        f"{accuracy.value:.1f} %" if accuracy else "",
        f"{result.num_examples} {result.split}",
        f"{result.seconds:.1f}",
    ]
