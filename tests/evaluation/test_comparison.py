"""Two runs on the same examples."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.console import Console

from t2t_multimodel.evaluation.comparison import (
    compare_results,
    comparison_json,
    comparison_table,
)
from t2t_multimodel.evaluation.metrics import compute_scores
from t2t_multimodel.evaluation.score import ProblemScores, Sample

RIGHT = ("a red dog sees two cats", "two cats sing to the old moon") * 3


def result(
    problem: str,
    outputs: Sequence[str],
    metric: str = "bleu",
    references: Sequence[str] = RIGHT,
) -> ProblemScores:
    given = [[text] for text in outputs] if metric == "top_1" else outputs
    samples = tuple(
        Sample(place, "x", (right,), output, -1.0)
        for place, (output, right) in enumerate(zip(outputs, references, strict=True))
    )
    scores = compute_scores([metric], given, references)
    return ProblemScores(problem, "test", len(outputs), 1.0, scores, samples)


def test_the_same_outputs_are_no_difference() -> None:
    before = result("ende", (*RIGHT[:5], "no"))
    (row,) = compare_results([before], [before])
    assert row.paired is not None
    assert (row.num_changed, row.paired.difference, row.num_examples) == (0, 0.0, 6)
    assert row.paired.interval == (0.0, 0.0)
    assert row.before == row.after == before.scores[0]


def test_forgetting_is_seen_and_sure() -> None:
    before, after = result("ende", RIGHT), result("ende", ["a cat"] * 6)
    (row,) = compare_results([before], [after])
    assert row.paired is not None
    assert row.num_changed == 6
    assert row.paired.first == pytest.approx(100.0)
    assert row.paired.second == pytest.approx(0.0)
    assert row.paired.interval[1] < 0


def test_a_class_is_compared_by_its_name() -> None:
    names = ("dog", "cat", "dog", "cat")
    before = result("photo", ("dog", "dog", "dog", "cat"), "top_1", names)
    after = result("photo", names, "top_1", names)
    (row,) = compare_results([before], [after])
    assert row.paired is not None
    assert (row.paired.first, row.paired.second, row.num_changed) == (75.0, 100.0, 1)


def test_what_only_one_run_knows_has_one_score() -> None:
    both, gone, new = (result(name, RIGHT) for name in ("both", "gone", "new"))
    rows = compare_results([gone, both], [new, both])
    assert [row.problem for row in rows] == ["both", "gone", "new"]
    assert [bool(row.before) for row in rows] == [True, True, False]
    assert [bool(row.after) for row in rows] == [True, False, True]
    figures = comparison_json(rows)
    assert [row["outputs_changed"] for row in figures] == [0, None, None]
    after = [row["after"] for row in figures]
    assert after == [pytest.approx(100.0), None, pytest.approx(100.0)]
    console = Console(width=150)
    with console.capture() as shown:
        console.print(comparison_table(rows))
    (line,) = [line for line in shown.get().splitlines() if "both" in line]
    assert "+0.0 (+0.0 – +0.0)" in line
    assert "0 of 6" in line


def test_other_examples_are_refused() -> None:
    before = result("ende", RIGHT)
    after = result("ende", RIGHT[1:], references=RIGHT[1:])
    with pytest.raises(ValueError, match="not scored on the same examples"):
        compare_results([before], [after])
