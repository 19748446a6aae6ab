"""Two runs on the same examples: each problem's main score before and after.

For a model that was given more to do: what became of what it could do already. The
difference stands with its paired bootstrap interval (`bootstrap.compare`), and beside
it how many outputs are no longer the same; where it is none, nothing was forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel.evaluation.bootstrap import Comparison, compare_outputs
from t2t_multimodel.evaluation.evaluate import evaluate
from t2t_multimodel.evaluation.report import PLAIN_WIDTH
from t2t_multimodel.evaluation.score import ProblemScores, Score

if TYPE_CHECKING:
    from t2t_multimodel.training.restore import Run

NOTE = (
    "Difference: after less before, in brackets its 95 % interval; p: how often one as "
    "large would come by the choice of examples alone (paired bootstrap)."
)


@dataclass(frozen=True)
class ProblemComparison:
    """A problem's main score before and after.

    Attributes:
        problem: Its name.
        before: None where the run before does not know the problem.
        after: None where the run after does not.
        paired: The test of the difference; None where one of the two is missing.
        num_changed: Examples whose output is another one.
        num_examples: Examples looked at.
    """

    problem: str
    before: Score | None
    after: Score | None
    paired: Comparison | None
    num_changed: int
    num_examples: int


def compare_results(
    before: Sequence[ProblemScores], after: Sequence[ProblemScores]
) -> tuple[ProblemComparison, ...]:
    """Each problem of two evaluations, those that both have first.

    Raises:
        ValueError: The two are not of the same examples.
    """
    old = {result.problem: result for result in before}
    new = {result.problem: result for result in after}
    both = [_compared(old[name], new[name]) for name in old if name in new]
    gone = [_alone(old[name], is_before=True) for name in old if name not in new]
    added = [_alone(new[name], is_before=False) for name in new if name not in old]
    return (*both, *gone, *added)


def compare_runs(
    before: Run,
    after: Run,
    problem_names: Sequence[str] | None = None,
    *,
    results: Sequence[ProblemScores] | None = None,
    data_dir: str | Path | None = None,
    **options: Any,
) -> tuple[ProblemComparison, ...]:
    """Scores two runs on the same examples.

    Args:
        before, after: What `load_run` gives.
        problem_names: Problems of `after`; all of them by default.
        results: What `evaluate` gave of `after`, if it was done already.
        data_dir: Where the data of both lies; by default where `after` read it, or, if
            that was made with another vocabulary, where each read it.
        options: Further ones of `evaluate`.

    Raises:
        ValueError: `before` knows none of the problems, the two were not scored on the
            same examples, or as `evaluate`.
    """
    names = problem_names or after.problem_names
    known = [name for name in names if name in before.problem_names]
    if not known:
        raise ValueError(f"{before.output_dir} knows none of: {', '.join(names)}")
    if results is None:
        results = evaluate(after, names, data_dir=data_dir, **options)
    pieces = {r.vocabulary.fingerprint if r.vocabulary else "" for r in (before, after)}
    folder = data_dir or (after if len(pieces) == 1 else before).data_dir
    return compare_results(evaluate(before, known, data_dir=folder, **options), results)


def comparison_table(compared: Sequence[ProblemComparison]) -> Table:
    """A row a problem."""
    table = Table("problem", "before", "after", "difference", "p", "outputs changed")
    for row in compared:
        test = row.paired
        low, high = test.interval if test else (0.0, 0.0)
        table.add_row(
            f"[bold]{row.problem}",
            row.before.with_interval if row.before else "",
            row.after.with_interval if row.after else "",
            f"{test.difference:+.1f} ({low:+.1f} – {high:+.1f})" if test else "",
            f"{test.p_value:.3f}" if test else "",
            f"{row.num_changed} of {row.num_examples}" if test else "",
        )
    return table


def print_comparison(compared: Sequence[ProblemComparison], title: str = "") -> None:
    """The table on standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    if title:
        console.print(title, soft_wrap=True)
    console.print(comparison_table(compared))
    console.print(NOTE, style="dim", soft_wrap=True)


def comparison_json(compared: Sequence[ProblemComparison]) -> list[dict[str, Any]]:
    """All figures as plain data."""
    return [
        {
            "problem": row.problem,
            "metric": shown.name,
            "before": row.before.value if row.before else None,
            "after": row.after.value if row.after else None,
            "difference_interval_95": list(row.paired.interval) if row.paired else None,
            "p_value": row.paired.p_value if row.paired else None,
            "outputs_changed": row.num_changed if row.paired else None,
            "examples": row.num_examples,
        }
        for row in compared
        if (shown := row.after or row.before)
    ]


def _compared(old: ProblemScores, new: ProblemScores) -> ProblemComparison:
    asked = [
        [(sample.index, sample.references) for sample in result.samples]
        for result in (old, new)
    ]
    if old.split != new.split or asked[0] != asked[1]:
        raise ValueError(
            f"{old.problem}: the two runs were not scored on the same examples; give "
            "the data of both with --data_dir."
        )
    first, second = ([s.output for s in result.samples] for result in (old, new))
    references = [sample.references for sample in new.samples]
    return ProblemComparison(
        problem=new.problem,
        before=old.scores[0],
        after=new.scores[0],
        paired=compare_outputs(new.scores[0].name, first, second, references),
        num_changed=sum(one != two for one, two in zip(first, second, strict=True)),
        num_examples=new.num_examples,
    )


def _alone(result: ProblemScores, is_before: bool) -> ProblemComparison:
    score = result.scores[0]
    return ProblemComparison(
        problem=result.problem,
        before=score if is_before else None,
        after=None if is_before else score,
        paired=None,
        num_changed=0,
        num_examples=result.num_examples,
    )
