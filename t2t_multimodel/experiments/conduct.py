"""Experiments from names to a report: what `t2t-experiment` and a notebook call.

t2t.experiment("parsing_transfer", "tables", train_steps=200, num_seeds=3)
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from t2t_multimodel import quiet, registry
from t2t_multimodel.experiments import crew, one_run
from t2t_multimodel.experiments.asked import (
    Asked,
    cores,
    experiment_names,
)
from t2t_multimodel.experiments.budget import (
    ArmBudget,
    arm_budgets,
    processes_for,
    steps_within,
)
from t2t_multimodel.experiments.findings import Findings, find
from t2t_multimodel.experiments.plan import Plan, Run
from t2t_multimodel.experiments.plan_file import (
    check_goes_on,
    read_plan,
    with_others,
    write_plan,
    write_whole,
)
from t2t_multimodel.experiments.report import write_report
from t2t_multimodel.experiments.telling import (
    plain_console,
    tell_budget,
    tell_found,
)
from t2t_multimodel.training.config import HParams

TIMING = "timing"
STOPPED = 143
# What decides how long a step takes.
_TIMED = ("problems", "hparams", "scarce", "data_dir", "threads")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Conducted:
    """What came of it.

    Attributes:
        findings: By experiment; none after a dry run.
        budgets: By experiment, for its arms.
        outcomes: Of the runs.
        files: JSON, Markdown and page; none after a dry run.
    """

    findings: Mapping[str, Findings]
    budgets: Mapping[str, Sequence[ArmBudget]]
    outcomes: Sequence[crew.Outcome] = ()
    files: tuple[Path, ...] = ()

    @property
    def status(self) -> int:
        """0: all is done; 1: a run failed; 143: it was stopped and can go on."""
        statuses = {outcome.status for outcome in self.outcomes}
        if one_run.STOPPED_STATUS in statuses:
            return STOPPED
        return 1 if 1 in statuses else 0


def experiment(
    experiments: str | Sequence[str],
    output_dir: str | Path,
    problems: str | Sequence[str] = "mini_eight",
    hparams: HParams | str = "multimodel_tiny",
    data_dir: str | Path | None = None,
    *,
    apart: bool = True,
    **asked: Any,
) -> dict[str, Findings]:
    """Runs experiments, or goes on with them, as t2t-experiment.

    Args:
        experiments: Names, with commas between them or as a list.
        output_dir: Where runs, results and report go.
        problems: Names and groups.
        hparams: A set, or the name of one.
        data_dir: Where the data lies, if it is not to be made in `output_dir`.
        apart: False: runs follow each other in this process, so that they know what
            only it knows, such as problems and recipes of a notebook.
        asked: Further fields of `Asked`.

    Returns:
        What was found, by experiment.

    Raises:
        ValueError: A name is unknown, the folder holds something else, or a run failed.
        KeyboardInterrupt: It was stopped; the same call goes on.
    """
    from t2t_multimodel import api

    names = [experiments] if isinstance(experiments, str) else experiments
    whole = Asked(
        experiments=experiment_names(",".join(names)),
        output_dir=Path(output_dir),
        problems=registry.parse_problems(problems),
        hparams=api.make_hparams(hparams),
        data_dir=Path(data_dir) if data_dir else None,
        **asked,
    )
    done = conduct(whole, apart=apart)
    if done.status == STOPPED:
        raise KeyboardInterrupt("stopped; the same call goes on")
    failed = [outcome for outcome in done.outcomes if outcome.status == 1]
    if failed:
        raise ValueError(f"{failed[0].run.title} failed: {failed[0].told}")
    return dict(done.findings)


def conduct(
    asked: Asked,
    *,
    is_dry: bool = False,
    apart: bool = True,
    console: Console | None = None,
) -> Conducted:
    """Makes the data, tells the budget, does the runs and writes the report.

    Args:
        asked: What is to be done.
        is_dry: Whether to stop when the budget was told.
        apart: Whether each run has a process of its own.
        console: Where the budget is told; standard output by default.

    Raises:
        ValueError: As `experiment`, but for runs that fail.
    """
    console = console or plain_console()
    output_dir = asked.output_dir
    before = read_plan(output_dir)
    plan = asked.begun_plan()
    asked.check()
    quiet.import_tensorflow()
    output_dir.mkdir(parents=True, exist_ok=True)
    with one_run.only_one(output_dir, waits=False):
        _make_data(asked, plan.data_dir)
        if before:  # Once more, now that all data are there.
            check_goes_on(before, plan, output_dir)
        timing = _timing(plan, output_dir / TIMING, apart)
        processes = _processes(asked, plan, timing) if apart else 1
        if asked.minutes and not before:
            plan = asked.plan(steps_within(plan, timing, asked.minutes, processes))
        budgets = arm_budgets(plan, timing)
        tell_budget(console, plan, budgets, processes)
        if is_dry:
            return Conducted({}, budgets)
        write_plan(plan, output_dir, before)
        outcomes = _do(plan, budgets, output_dir, processes, apart)
        if any(outcome.status == one_run.STOPPED_STATUS for outcome in outcomes):
            return Conducted({}, budgets, outcomes)
        found = {
            name: find(plan, one, output_dir) for name, one in plan.experiments.items()
        }
        whole, unknown = with_others(plan, before)
        every = {
            name: found[name]
            if whole.seeds == plan.seeds and name in found
            else find(whole, one, output_dir)
            for name, one in whole.experiments.items()
        }
        own = budgets if every.keys() == found.keys() else arm_budgets(whole, timing)
        files = write_report(whole, every, own, output_dir, asked.command_line)
    for line in unknown:
        _log.warning("%s", line)
    tell_found(console, found, files)
    return Conducted(found, budgets, outcomes, files)


def _make_data(asked: Asked, data_dir: Path) -> None:
    from t2t_multimodel import api

    if asked.data_dir is None:
        api.generate(asked.problems, data_dir, num_workers=cores())


def _timing(plan: Plan, folder: Path, apart: bool) -> dict[str, Any]:
    """How long steps take; measured once for a model, its problems and threads."""
    path, told = folder / one_run.TIMING, read_plan(folder)
    wanted = json.loads(json.dumps(plan.to_dict()))
    if path.exists() and told and all(told[key] == wanted[key] for key in _TIMED):
        return _read(path)
    path.unlink(missing_ok=True)
    _log.info("timing a few steps of each problem ...")
    write_plan(plan, folder, None)
    if not apart:
        write_whole(path, json.dumps(one_run.time_steps(folder)) + "\n")
    elif crew.call(folder, "--time", log := folder / one_run.LOG):
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        last = lines[-1].removeprefix("error: ") if lines else ""
        raise ValueError(f"no step could be timed: {last} (see {log})")
    return _read(path)


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return values


def _processes(asked: Asked, plan: Plan, timing: Mapping[str, Any]) -> int:
    if asked.num_processes:
        return asked.num_processes
    most = processes_for(cores(), plan.threads, timing["peak_bytes"])
    return min(most, len(plan.runs()))


def _do(
    plan: Plan,
    budgets: Mapping[str, Sequence[ArmBudget]],
    output_dir: Path,
    processes: int,
    apart: bool,
) -> list[crew.Outcome]:
    """Does all runs, of each seed the long ones first."""
    seconds = {
        budget.arm.name: budget.seconds or 0.0
        for own in budgets.values()
        for budget in own
    }
    order = sorted(
        plan.runs(),
        key=lambda run: (
            run.hparams.training.seed,
            -seconds.get(run.title.rpartition(", seed")[0], 0.0),
        ),
    )
    if apart:
        return crew.run_all(output_dir, order, processes, _say)
    outcomes: list[crew.Outcome] = []
    for run in order:
        outcomes.append(_do_here(output_dir, run))
        if outcomes[-1].status == one_run.STOPPED_STATUS:
            break
    return outcomes


def _do_here(output_dir: Path, run: Run) -> crew.Outcome:
    if one_run.is_done(output_dir, run.name):
        return crew.Outcome(run, 0)
    try:
        is_done = one_run.train_and_score(output_dir, run.name)
    except Exception as error:  # As in a process of its own: it stops no other.
        if not isinstance(error, ValueError):
            _log.exception("%s failed", run.title)
        return crew.Outcome(run, 1, told=str(error) or repr(error))
    return crew.Outcome(run, 0 if is_done else one_run.STOPPED_STATUS)


def _say(line: str) -> None:
    _log.info("%s", line)
