"""The curves of an experiment's arms."""

from __future__ import annotations

import re
from pathlib import Path

from t2t_multimodel.experiments.curves import dev_plots, with_band
from t2t_multimodel.experiments.findings import Figure, Findings
from t2t_multimodel.experiments.one_run import run_folder
from t2t_multimodel.experiments.plan import Scoring, make_plan
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.reporting.plot import COLOURS
from t2t_multimodel.testing.small_experiment import tiny_hparams
from t2t_multimodel.training.ledger_file import LedgerFile
from t2t_multimodel.training.summaries import Summaries

PROBLEMS = ("reversal", "length")


def test_a_line_is_the_mean_of_the_seeds_as_far_as_all_go() -> None:
    line = with_band("alone", [[(1.0, 4.0), (3.0, 2.0)], [(3.0, 2.0)]])
    assert list(line.points) == [(2.0, 3.0)]
    assert list(line.band) == [(2.0, 2.0, 4.0)]


def test_a_column_of_the_table_looks_the_same_in_all_plots(
    recipe: str, tmp_path: Path
) -> None:
    plan = make_plan(
        ["joint_vs_single"],
        Setting(PROBLEMS, 40, tiny_hparams()),
        seeds=(0,),
        scoring=Scoring(),
        data_dir=tmp_path,
        threads=1,
    )
    experiment = plan.experiments["joint_vs_single"]
    for arm in experiment.arms:
        own = run_folder(tmp_path, plan.run(arm, 0).name)
        had = {name: {"batches": 40, "examples": 640} for name in arm.problems}
        LedgerFile(own).append({"step": 40, "since": 0, "problems": had})
        summaries = Summaries(own)
        for step, loss in ((20, 2.0), (40, 1.0)):
            losses = {f"{name}/loss": loss for name in arm.problems}
            summaries.scalars("dev", step, losses)
        summaries.close()
    figures = [
        Figure(name, "", "loss", "", "", {0: 1.0}, 1.0, (1.0, 1.0)) for name in PROBLEMS
    ]
    seeds = {arm.name: (0,) for arm in experiment.arms}
    found = Findings(experiment, seeds, tuple(figures), (), {}, (), 0, (), {})
    plots = dev_plots(plan, found, tmp_path)
    assert len(plots) == len(PROBLEMS)
    for name, plot in zip(PROBLEMS, plots, strict=True):
        assert f"<figcaption>{name}</figcaption>" in plot
        colours = re.findall(r'stroke="(#\w+)".*?</svg>\s*([a-z]+)<', _legend(plot))
        assert colours == [(COLOURS[0], "alone"), (COLOURS[1], "jointly")]


def _legend(plot: str) -> str:
    return plot.partition("</svg>")[2]
