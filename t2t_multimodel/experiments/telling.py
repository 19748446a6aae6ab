"""The budget and the findings on the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from t2t_multimodel.evaluation.report import PLAIN_WIDTH
from t2t_multimodel.experiments.asked import cores
from t2t_multimodel.experiments.budget import ArmBudget
from t2t_multimodel.experiments.findings import Findings
from t2t_multimodel.experiments.plan import Plan
from t2t_multimodel.experiments.tables import BUDGET_HEAD, budget_rows, steps_words


def plain_console() -> Console:
    """Standard output; into a file it is wide enough for tables."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def tell_budget(
    console: Console,
    plan: Plan,
    budgets: Mapping[str, Sequence[ArmBudget]],
    processes: int,
) -> None:
    """The budget, before anything is trained."""
    for name, own in budgets.items():
        table = Table(title=f"{name}: {plan.experiments[name].title}", box=None)
        for number, column in enumerate(BUDGET_HEAD):
            table.add_column(column, justify="right" if number else "left")
        for row in budget_rows(own):
            table.add_row(*row)
        console.print(table)
    console.print(budget_line(plan, budgets, processes), soft_wrap=True)


def budget_line(
    plan: Plan, budgets: Mapping[str, Sequence[ArmBudget]], processes: int
) -> str:
    """All of the budget in a line."""
    runs = plan.runs()
    arms = {b.run.name: b for own in budgets.values() for b in own}
    wanted = sum(len(own) for own in budgets.values())
    total = sum(b.seconds or 0.0 for b in arms.values()) * len(plan.seeds)
    steps = sum(run.hparams.training.train_steps for run in runs)
    shared = f" ({wanted - len(arms)} more are shared)" * (wanted > len(arms))
    return (
        f"Budget: {steps_words(plan)} in every arm; {len(arms)} arms{shared}"
        f" x {len(plan.seeds)} seeds = {len(runs)} runs, {steps:,} steps in all; about "
        f"{total / 60 / processes:.0f} minutes, {processes} at a time with "
        f"{plan.threads} of {cores()} cores each, by a few timed steps."
    )


def tell_found(
    console: Console, found: Mapping[str, Findings], files: Sequence[Path]
) -> None:
    for name, findings in found.items():
        console.print(f"\n{name}", style="bold")
        for answer in findings.answers():
            console.print(answer, markup=False, soft_wrap=True)
        if findings.differences:
            console.print(findings.count_words(), soft_wrap=True)
        for line in findings.unequal:
            console.print(f"Budgets were not equal: {line}", soft_wrap=True)
    console.print("\n" + "\n".join(str(file) for file in files), soft_wrap=True)
