"""What a reader is shown of an experiment: sentences, tables and plots, as blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from t2t_multimodel.experiments.budget import ArmBudget
from t2t_multimodel.experiments.curves import dev_plots
from t2t_multimodel.experiments.findings import (
    NOT_SHOWN,
    Difference,
    Figure,
    Findings,
)
from t2t_multimodel.experiments.measures import digits_of, span
from t2t_multimodel.experiments.plan import Plan
from t2t_multimodel.reporting.blocks import (
    Block,
    Folded,
    Heading,
    List,
    Markup,
    Prose,
    Section,
    Table,
)
from t2t_multimodel.reporting.interval_plot import Bar, interval_plot

BAND = (
    "Losses are teacher-forced, on dev data. A line is the mean over the seeds, its "
    "band goes from the lowest seed to the highest."
)


def experiment_section(
    plan: Plan,
    name: str,
    found: Findings,
    budgets: Sequence[ArmBudget],
    output_dir: Path,
) -> Section:
    """All of one experiment."""
    experiment = found.experiment
    blocks: list[Block] = [Prose(experiment.title)]
    missing = missing_runs(plan, found)
    if missing:
        blocks.append(Prose(f"Not there: {'; '.join(missing)}.", is_missing=True))
    blocks += [Heading("Found and not found"), *_answers(found)]
    if experiment.paper:
        blocks += [Heading("What the paper reports"), Prose(experiment.paper.says)]
        if experiment.paper.rows:
            blocks.append(Table(experiment.paper.head, experiment.paper.rows))
    blocks += [Heading("Scores"), *_scores(found)]
    blocks += [Heading("Differences"), *_differences(found)]
    plots = dev_plots(plan, found, output_dir)
    if plots:
        cards = f'<div class="cards">{"".join(plots)}</div>'
        blocks += [Heading("Curves"), Prose(BAND, is_small=True), Markup(cards)]
    blocks += [Heading("Budget"), *_budget(plan, found, budgets)]
    blocks += [Prose(note, is_small=True) for note in experiment.notes]
    return Section(name, blocks)


def missing_runs(plan: Plan, found: Findings) -> list[str]:
    """Arms and seeds that are not done."""
    return [
        f"{arm.name}, seed {', '.join(map(str, lost))}"
        for arm in found.experiment.arms
        if (lost := [s for s in plan.seeds if s not in found.seeds[arm.name]])
    ]


def budget_rows(budgets: Sequence[ArmBudget]) -> list[tuple[str, ...]]:
    """A row for each arm: what it will cost for one seed."""
    rows: list[tuple[str, ...]] = []
    for budget in budgets:
        minutes = f"{budget.seconds / 60:.1f}" if budget.seconds else "not known"
        rows.append(
            (
                budget.arm.name,
                str(len(budget.arm.problems)),
                f"{budget.arm.train_steps:,}",
                span(budget.examples.values()),
                f"{budget.weights / 1e6:.2f}",
                f"{budget.active / 1e6:.2f}",
                minutes,
            )
        )
    return rows


def steps_words(plan: Plan) -> str:
    """How many steps problems have, in words."""
    setting = plan.setting
    others: dict[int, list[str]] = {}
    for name in setting.problems:
        others.setdefault(setting.steps(name), []).append(name)
    if len(others) == 1:
        return f"{next(iter(others)):,} steps of each problem"
    told = [f"{steps:,} steps of {', '.join(own)}" for steps, own in others.items()]
    return f"{'; '.join(told)};"


BUDGET_HEAD = (
    *("arm", "problems", "steps", "examples of each problem"),
    *("weights (M)", "active in the body (M)", "minutes a seed (estimated)"),
)


def _answers(found: Findings) -> list[Block]:
    if not found.differences:
        return [Prose("Nothing can be compared yet.", is_missing=True)]
    blocks: list[Block] = [
        List(found.answers()),
        Prose(found.count_words(), is_small=True),
    ]
    if found.unequal:
        lines = "; ".join(found.unequal)
        blocks.append(Prose(f"Budgets were NOT equal: {lines}."))
    return blocks


def _scores(found: Findings) -> list[Block]:
    """A row for each problem and metric, a column for each title of arms."""
    titles = list(dict.fromkeys(arm.title for arm in found.experiment.arms))
    cells: dict[tuple[str, str], dict[str, Figure]] = {}
    names = {arm.name: arm.title for arm in found.experiment.arms}
    for figure in found.figures:
        row = cells.setdefault((figure.problem, figure.metric), {})
        row[names[figure.arm]] = figure
    rows = []
    for (problem, _), by_title in cells.items():
        first = next(iter(by_title.values()))
        metric = f"{first.title}{first.unit and ' ' + first.unit}"
        shown = [_figure(by_title[t]) if t in by_title else "" for t in titles]
        rows.append((problem, metric, *shown))
    lines = [Prose(line, is_small=True) for line in found.signatures]
    counts = ", ".join(f"{n} of {p}" for p, n in found.num_examples.items())
    return [
        Table(("problem", "metric", *titles), rows),
        Prose(
            "Means over the seeds with 95 % intervals over seeds and examples, on "
            f"decoded output ({counts}); log-perplexity is teacher-forced, in nats a "
            "token.",
            is_small=True,
        ),
        *lines,
    ]


def _differences(found: Findings) -> list[Block]:
    head = ("problem", "metric", "from", "to", "difference", "95 % interval", "by seed")
    rows = [
        (
            d.question.problem,
            f"{d.title}{d.unit and ' ' + d.unit}",
            d.question.baseline,
            d.question.arm,
            f"{d.mean:+.{d.digits}f}",
            " to ".join(d.bounds),
            ", ".join(f"{value:+.{d.digits}f}" for value in d.by_seed.values()),
            d.verdict,
        )
        for d in found.differences
    ]
    return [
        Markup(f'<div class="cards">{"".join(_interval_plots(found))}</div>'),
        Prose(
            "The difference of two arms, paired by seed and example. In the plots "
            "filled dots are what was found.",
            is_small=True,
        ),
        Table((*head, "the problem"), rows),
    ]


def _interval_plots(found: Findings) -> list[str]:
    """A plot for each metric that is some problem's first, of all its questions."""
    by_title: dict[str, list[Difference]] = {}
    for difference in found.told():
        by_title.setdefault(difference.title, []).append(difference)
    return [
        interval_plot(
            f"{title}: difference" + " (less is better)" * own[0].lower_is_better,
            [
                Bar(
                    f"{d.question.problem}: {d.question.thing}",
                    d.mean,
                    d.interval,
                    d.verdict != NOT_SHOWN,
                )
                for d in own
            ],
            f"{title}{own[0].unit and ' ' + own[0].unit}, with less without",
        )
        for title, own in by_title.items()
    ]


def _budget(plan: Plan, found: Findings, budgets: Sequence[ArmBudget]) -> list[Block]:
    rows = []
    for budget, row in zip(budgets, budget_rows(budgets), strict=True):
        had = found.had[budget.arm.name]
        rows.append((*row[:4], _had(had), *row[4:6]))
    head = (*BUDGET_HEAD[:4], "had, by the ledger", *BUDGET_HEAD[4:6])
    blocks: list[Block] = [Table(head, rows)]
    if equal := _equal_words(found):
        blocks.append(Prose(equal))
    each = [
        (b.arm.name, name, f"{number:,}")
        for b in budgets
        for name, number in b.examples.items()
    ]
    about = Table(("arm", "problem", "examples (first seed)"), each)
    blocks.append(Folded("Examples by problem", [about]))
    return blocks


def _equal_words(found: Findings) -> str:
    """Of which questions it is known that both arms saw equally many examples."""
    count = len(found.experiment.questions)
    if not found.num_compared or found.unequal:
        return ""
    every = "every question"
    if found.num_compared < count:
        every = f"{found.num_compared} of {count} questions"
    return (
        f"The two arms of {every} saw equally many examples of its problem, seed by "
        "seed, by the ledgers of the runs."
    )


def _had(had: Mapping[int, Mapping[str, Mapping[str, int]]]) -> str:
    numbers = [
        amounts["examples"] for seed in had.values() for amounts in seed.values()
    ]
    return span(numbers) if numbers else "not there"


def _figure(figure: Figure) -> str:
    digits = digits_of(figure.metric)
    low, high = figure.interval
    return f"{figure.mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
