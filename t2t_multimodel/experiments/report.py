"""Results as JSON, as Markdown and as one HTML page."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.evaluation.page import STYLE, page_html
from t2t_multimodel.experiments.budget import ArmBudget
from t2t_multimodel.experiments.findings import Findings
from t2t_multimodel.experiments.intervals import NUM_RESAMPLES, stretch
from t2t_multimodel.experiments.measures import span
from t2t_multimodel.experiments.one_run import result_of
from t2t_multimodel.experiments.plan import Plan, have_same_batches
from t2t_multimodel.experiments.plan_file import write_whole
from t2t_multimodel.experiments.tables import (
    experiment_section,
    missing_runs,
    steps_words,
)
from t2t_multimodel.reporting.blocks import (
    Block,
    Code,
    Prose,
    Section,
    Table,
    body_html,
    markdown_text,
    section_markdown,
)
from t2t_multimodel.reporting.privacy import shown_command
from t2t_multimodel.reporting.write import REPORT_STYLE

JSON, MARKDOWN, PAGE = "results.json", "results.md", "report.html"
FORMAT = 1
MORE_STYLE = """
svg.plot .band { stroke: none; }
ul { padding-left: 1.2rem; } li { margin: .35rem 0; }
"""


def write_report(
    plan: Plan,
    found: Mapping[str, Findings],
    budgets: Mapping[str, Sequence[ArmBudget]],
    output_dir: Path,
    command_line: Sequence[str],
) -> tuple[Path, Path, Path]:
    """Writes all three; their paths."""
    environment = _environment(plan, output_dir)
    sections = [
        *(
            experiment_section(plan, name, findings, budgets[name], output_dir)
            for name, findings in found.items()
        ),
        _how(plan),
        _environment_section(environment),
        _command(command_line),
    ]
    values = results(plan, found, budgets, environment, command_line)
    write_whole(output_dir / JSON, json.dumps(values, indent=1) + "\n")
    write_whole(output_dir / MARKDOWN, _markdown(plan, sections))
    write_whole(output_dir / PAGE, _page(plan, sections))
    return output_dir / JSON, output_dir / MARKDOWN, output_dir / PAGE


def results(
    plan: Plan,
    found: Mapping[str, Findings],
    budgets: Mapping[str, Sequence[ArmBudget]],
    environment: Mapping[str, Any],
    command_line: Sequence[str],
) -> dict[str, Any]:
    """All that is known, as plain values; no path of the machine is in it."""
    planned = plan.to_dict()
    settings = {
        name: planned[name]
        for name in (
            "problems",
            "train_steps",
            "rates",
            "scarce",
            "seeds",
            "scoring",
            "hparams",
        )
    }
    return {
        "format": FORMAT,
        "settings": {**settings, "threads": plan.threads},
        "command": shown_command(command_line),
        "environment": dict(environment),
        "resamples": NUM_RESAMPLES,
        "experiments": {
            name: _experiment_dict(plan, findings, budgets[name])
            for name, findings in found.items()
        },
    }


def _experiment_dict(
    plan: Plan, found: Findings, budgets: Sequence[ArmBudget]
) -> dict[str, Any]:
    return {
        "title": found.experiment.title,
        "found": [difference.words() for difference in found.told()],
        "count": found.count_words(),
        "missing": missing_runs(plan, found),
        "budgets_are_equal": not found.unequal if found.num_compared else None,
        "unequal": list(found.unequal),
        "arms": [
            {
                "name": budget.arm.name,
                "problems": list(budget.arm.problems),
                "train_steps": budget.arm.train_steps,
                "changes": dict(budget.arm.changes),
                "train_examples": dict(budget.arm.train_examples),
                "weights": budget.weights,
                "active_weights": budget.active,
                "examples_asked": dict(budget.examples),
                "had": found.had[budget.arm.name],
                "runs": {
                    seed: plan.run(budget.arm, seed).name
                    for seed in found.seeds[budget.arm.name]
                },
            }
            for budget in budgets
        ],
        "figures": [dataclasses.asdict(figure) for figure in found.figures],
        "differences": [
            {**dataclasses.asdict(difference), "verdict": difference.verdict}
            for difference in found.differences
        ],
        "signatures": list(found.signatures),
        "test_examples": dict(found.num_examples),
        "paper": (
            dataclasses.asdict(found.experiment.paper)
            if found.experiment.paper
            else None
        ),
        "notes": list(found.experiment.notes),
    }


def _how(plan: Plan) -> Section:
    """What a reader must know to trust an interval, or not to."""
    count = len(plan.seeds)
    if count > 1:
        seeds = (
            f"{count} seeds are few: what comes from them is stretched by "
            f"{stretch(count):.2f} (small samples, Student's t), and more seeds give "
            "narrower intervals."
            if count < 10
            else f"What comes from the {count} seeds is stretched by "
            f"{stretch(count):.2f} (small samples, Student's t)."
        )
    else:
        seeds = (
            "There is one seed: intervals are over examples alone and say nothing of "
            "another training. Nothing is called found."
        )
    training = plan.setting.hparams.training
    same = ", with the same batches for the same seed" * have_same_batches(plan)
    scarce = ", ".join(f"{n} of {name}" for name, n in plan.setting.scarce.items())
    blocks: list[Block] = [
        Prose(
            f"There are {steps_words(plan)} in every arm that trains it{same}; "
            "problems take turns. The learning rate follows "
            f"the schedule {training.schedule!r}, stretched to each arm's own length, "
            "the warm-up with it. Of each run the last checkpoint is scored; none is "
            "chosen by dev data. All arms share one vocabulary and one set of test "
            "examples."
        ),
        Prose(
            f"Intervals: test examples are drawn anew in {NUM_RESAMPLES:,} resamples, "
            "seeds in all ways or as many, the same ones for both arms of a difference "
            "(paired bootstrap); what both do to the mean is added. "
            f"{seeds} Seeds decide weights, order of data and noise, not which "
            "examples there are."
        ),
        Prose(
            "Found: the 95 % interval of the difference excludes 0. Not shown: it "
            "includes 0, which does not say that there is no difference."
        ),
    ]
    if scarce:
        blocks.append(Prose(f"Kept scarce, in all arms that say no other: {scarce}."))
    return Section("How to read this", blocks)


def _environment(plan: Plan, output_dir: Path) -> dict[str, Any]:
    """Of the first run that is done: all of them ran on it, or it says so."""
    found: list[dict[str, Any]] = []
    for run in plan.runs():
        result = result_of(output_dir, run.name)
        if result and result["environment"] not in found:
            found.append(result["environment"])
    if not found:
        return {}
    differing = [
        key for key in found[0] if any(one.get(key) != found[0][key] for one in found)
    ]
    return {**found[0], "differed_between_runs": differing}


def _environment_section(environment: Mapping[str, Any]) -> Section:
    if not environment:
        return Section("Environment", [Prose("No run is done.", is_missing=True)])
    blocks: list[Block] = []
    if differing := environment["differed_between_runs"]:
        told = ", ".join(differing)
        blocks.append(
            Prose(
                f"Runs were NOT all made alike: {told} differed between them. Shown is "
                "what the first one had; the others' are in their result.json."
            )
        )
    versions = environment["versions"].items()
    rows = [(name, str(version)) for name, version in versions]
    rows += [
        (name.replace("_", " "), str(value))
        for name, value in environment.items()
        if name not in ("versions", "differed_between_runs") and value not in ([], None)
    ]
    return Section("Environment", [*blocks, Table(("what", "which"), rows)])


def _command(command_line: Sequence[str]) -> Section:
    lines = [shown_command(command_line)] if command_line else []
    told = Prose("The same command goes on, or writes this again.")
    return Section("Command", [told, Code(lines)] if lines else [told])


def _title(plan: Plan) -> str:
    return f"Experiments: {', '.join(plan.experiments)}"


def _headline(plan: Plan) -> dict[str, str]:
    hparams, names = plan.setting.hparams, plan.setting.problems
    return {
        "problems": str(len(names)),
        "steps of a problem": span([plan.setting.steps(n) for n in names]),
        "seeds": str(len(plan.seeds)),
        "set": hparams.name,
        "runs": str(len(plan.runs())),
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _page(plan: Plan, sections: Sequence[Section]) -> str:
    title = _title(plan)
    lead = f"On {', '.join(plan.setting.problems)}."
    body = body_html(title, lead, _headline(plan), sections)
    return page_html(title, body, STYLE + REPORT_STYLE + MORE_STYLE)


def _markdown(plan: Plan, sections: Sequence[Section]) -> str:
    first = Section("At a glance", [Table(("", ""), list(_headline(plan).items()))])
    parts = [f"# {markdown_text(_title(plan))}"]
    parts += [section_markdown(section) for section in (first, *sections)]
    return "\n\n".join(part for part in parts if part) + "\n"
