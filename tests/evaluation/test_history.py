"""Checkpoints side by side."""

from __future__ import annotations

import json
from pathlib import Path

from t2t_multimodel.evaluation.history import (
    best_steps,
    history_markdown,
    save_history,
)
from t2t_multimodel.evaluation.score import ProblemScores, Score


def result(problem: str, metric: str, value: float) -> ProblemScores:
    scores = (Score(metric, value, metric.upper()), Score("other", 100 - value, "O"))
    return ProblemScores(problem, "dev", 4, 1.0, scores, ())


HISTORY = {
    step: [result("ende", "bleu", bleu), result("speech", "wer", wer)]
    for step, bleu, wer in ((100, 3.0, 90.0), (200, 9.0, 40.0), (300, 9.0, 60.0))
}


def test_the_best_is_the_largest_or_of_errors_the_smallest_and_earliest() -> None:
    assert best_steps(HISTORY) == {"ende": 200, "speech": 200}
    assert best_steps({1: [result("p", "wer", 9.0)], 2: [result("p", "wer", 8.0)]}) == {
        "p": 2
    }


def test_the_table_has_a_row_a_step_in_order_and_marks_the_best() -> None:
    backwards = dict(reversed(HISTORY.items()))
    lines = history_markdown(backwards).splitlines()
    assert lines[0] == "| step | ende | speech |"
    assert lines[2:5] == [
        "| 100 | BLEU 3.0 | WER 90.0 |",
        "| 200 | BLEU 9.0 * | WER 40.0 * |",
        "| 300 | BLEU 9.0 | WER 60.0 |",
    ]


def test_it_is_saved_as_markdown_and_json(tmp_path: Path) -> None:
    folder = save_history(tmp_path / "new", HISTORY)
    figures = json.loads((folder / "checkpoints.json").read_text("utf-8"))
    assert figures["best"] == {"ende": 200, "speech": 200}
    assert figures["scores"]["300"]["speech"] == {"wer": 60.0, "other": 40.0}
    assert (folder / "checkpoints.md").read_text("utf-8") == history_markdown(HISTORY)
