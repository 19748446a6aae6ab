"""Sections on how a run learnt: its curves, problem by problem."""

from __future__ import annotations

import re
from collections.abc import Sequence

from t2t_multimodel.reporting.blocks import Block, Markup, Prose, Section, Table
from t2t_multimodel.reporting.curves import Curves
from t2t_multimodel.reporting.facts import Facts
from t2t_multimodel.reporting.plot import Line, line_plot
from t2t_multimodel.training.watching.best_file import FOLDER, Best
from t2t_multimodel.training.watching.evaluator import LOSS

STEP = "step"
LOSS_AXIS = "loss (nats a target, smoothed)"
_SCORE = re.compile(r"metrics-(?P<problem>.+)/(?P<metric>[^/]+)")


def curves_section(facts: Facts) -> Section:
    """Losses on train and dev, the rate and the speed over the steps."""
    curves, names = facts.curves, facts.record.problem_names
    plots = [
        line_plot(
            name,
            [
                Line("train", curves.get("train", f"{name}/loss")),
                Line("dev", curves.get("dev", f"{name}/loss")),
            ],
            LOSS_AXIS,
            STEP,
        )
        for name in names
    ]
    plots = [plot for plot in plots if plot]
    if not plots:
        why = "The run left no curves: it ended before its first interval (log_steps)."
        return Section("Curves", [Prose(why, is_missing=True)])
    blocks: list[Block] = [
        Prose(
            "Losses are teacher-forced: the model is shown the right targets so far. A "
            "point on train is the mean since the one before; one on dev looks at "
            "eval_batches batches."
        )
    ]
    if not any(curves.get("dev", f"{name}/loss") for name in names):
        why = "There is no loss on dev: eval_steps is 0, or there is no dev data."
        blocks.append(Prose(why, is_missing=True))
    blocks.append(_last_losses(curves, names))
    if facts.best:
        blocks.append(Prose(_kept(facts.best)))
    elif "best" in facts.missing:
        why = f"No best checkpoint is named: {facts.missing['best']}"
        blocks.append(Prose(why, is_missing=True))
    figures = [
        *plots,
        *_shared(curves, names),
        *_watched(curves, names),
        *_scores(curves, names),
    ]
    blocks.append(Markup(_figures(figures)))
    return Section("Curves", blocks)


def _shared(curves: Curves, names: Sequence[str]) -> list[str]:
    """What is not one problem's: the rate, the speed, the gradients."""

    def each(figure: str) -> list[Line]:
        return [Line(n, curves.get("train", f"{n}/{figure}")) for n in names]

    rate = [Line("", curves.get("train", "learning_rate"))]
    steps = [Line("", curves.get("train", "steps_per_second"))]
    return [
        line_plot("Learning rate", rate, "learning rate", STEP),
        line_plot("Speed", steps, "steps a second", STEP),
        line_plot(
            "Speed by problem", each("tokens_per_second"), "targets a second", STEP
        ),
        line_plot(
            "Gradients before clipping", each("gradient_norm"), "global norm", STEP
        ),
    ]


def _watched(curves: Curves, names: Sequence[str]) -> list[str]:
    """What decoding gave while the run trained (`stop_on`, `best_by`), by metric."""
    lines: dict[str, list[Line]] = {}
    for name in curves.names("dev"):
        problem, _, metric = name.partition("/")
        if problem in names and metric != LOSS:
            points = curves.get("dev", name)
            lines.setdefault(metric, []).append(Line(problem, points))
    return [
        line_plot(f"{metric} on dev while training", own, metric, STEP)
        for metric, own in lines.items()
    ]


def _kept(best: Best) -> str:
    """In words, which checkpoint the run keeps as its best."""
    on = f"{best.num_examples:,} dev examples" if best.num_examples else "dev batches"
    return (
        f"By {best.problem}/{best.metric} on {on} the best checkpoint is that of step "
        f"{best.step:,}, with {best.value:.4g}; it is kept in the run's folder "
        f"{FOLDER}, which t2t-eval and t2t-report read as a run of its own."
    )


def _scores(curves: Curves, names: Sequence[str]) -> list[str]:
    """Scores of several checkpoints (`t2t-eval --checkpoint=all`), by metric."""
    lines: dict[str, list[Line]] = {}
    for name in curves.names("eval"):
        found = _SCORE.fullmatch(name)
        points = curves.get("eval", name)
        if found and found["problem"] in names and len(points) > 1:
            lines.setdefault(found["metric"], []).append(Line(found["problem"], points))
    return [
        line_plot(f"{metric} on decoded output", own, metric, STEP)
        for metric, own in lines.items()
    ]


def _last_losses(curves: Curves, names: Sequence[str]) -> Table:
    def last(part: str, name: str) -> str:
        points = curves.get(part, f"{name}/loss")
        return f"{points[-1][1]:.3f}" if points else ""

    rows = [(name, last("train", name), last("dev", name)) for name in names]
    if not any(dev for _, _, dev in rows):
        return Table(("problem", "last train loss"), [row[:2] for row in rows])
    return Table(("problem", "last train loss", "last dev loss"), rows)


def _figures(plots: Sequence[str]) -> str:
    return f'<div class="cards">{"".join(plots)}</div>'
