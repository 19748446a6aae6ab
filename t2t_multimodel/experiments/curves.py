"""The losses on dev data of several seeds as one line with a band, over examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from t2t_multimodel.experiments.findings import Findings
from t2t_multimodel.experiments.one_run import run_folder
from t2t_multimodel.experiments.plan import Plan
from t2t_multimodel.reporting.curves import read_curves
from t2t_multimodel.reporting.plot import Line, line_plot
from t2t_multimodel.training.ledger_file import read_ledger

Points = list[tuple[float, float]]

LOSS = "dev loss (nats a target)"


def dev_plots(plan: Plan, found: Findings, output_dir: Path) -> list[str]:
    """For each problem asked about a plot with a line for each column of the table.

    A column has the same colour in all plots: "alone" is one, whatever the problem.
    """
    problems = dict.fromkeys(figure.problem for figure in found.figures)
    arms = found.experiment.arms
    plots = []
    for problem in problems:
        lines = []
        for title in dict.fromkeys(arm.title for arm in arms):
            curves = [
                dev_curve(run_folder(output_dir, plan.run(arm, seed).name), problem)
                for arm in arms
                if arm.title == title and problem in arm.problems
                for seed in found.seeds[arm.name]
            ]
            lines.append(with_band(title, [curve for curve in curves if curve]))
        plots.append(line_plot(problem, lines, LOSS, f"examples of {problem}"))
    return [plot for plot in plots if plot]


def dev_curve(folder: Path, problem: str) -> Points:
    """A run's losses on a problem's dev data, over the examples of it seen so far."""
    steps, seen = [0], [0]
    for line in read_ledger(folder):
        if "problems" in line:
            had = line["problems"].get(problem, {}).get("examples", 0)
            steps.append(line["step"])
            seen.append(seen[-1] + had)
    losses = read_curves(folder).get("dev", f"{problem}/loss")
    return [(float(np.interp(step, steps, seen)), loss) for step, loss in losses]


def with_band(name: str, curves: Sequence[Points]) -> Line:
    """The mean of several seeds' curves; the band goes from the least to the most."""
    count = min((len(curve) for curve in curves), default=0)
    if not count:
        return Line(name, ())
    x_SP = np.array([[x for x, _ in curve[:count]] for curve in curves])
    y_SP = np.array([[y for _, y in curve[:count]] for curve in curves])
    x_P, y_P = x_SP.mean(axis=0).tolist(), y_SP.mean(axis=0).tolist()
    low_P, high_P = y_SP.min(axis=0).tolist(), y_SP.max(axis=0).tolist()
    band = list(zip(x_P, low_P, high_P, strict=True)) if len(curves) > 1 else []
    return Line(name, list(zip(x_P, y_P, strict=True)), band)
