"""`plan.json`: what an output folder was begun with, and whether it can go on.

More seeds and other experiments may be asked for later; a command that would train or
score something else there is refused.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.experiments.plan import FORMAT, Plan

PLAN, RUNS = "plan.json", "runs"


def check_goes_on(before: Mapping[str, Any], plan: Plan, output_dir: Path) -> None:
    """Checks that what an output folder holds can go on as a plan.

    More seeds and other experiments may come; what is there must stay what it is.

    Raises:
        ValueError: It cannot; the first thing that differs, with both values.
    """
    after = plan.to_dict()
    remedy = "use the same, or another --output_dir"
    fixed = ("problems", "train_steps", "rates", "scarce", "data_dir", "threads")
    found: list[tuple[str, Any, Any]] = [(n, before[n], after[n]) for n in fixed]
    sets = before["hparams"]["name"], after["hparams"]["name"]
    found.append(("the set", *sets))
    for part in ("model", "training"):
        old, new = before["hparams"][part], after["hparams"][part]
        plain = json.loads(json.dumps(new))
        found += [(name, old.get(name, "not known"), plain[name]) for name in plain]
    for name, value in after["scoring"].items():
        found.append((name, before["scoring"][name], value))
    for name, digest in after["data"].items():
        old = before["data"].get(name)
        # It may not have been made yet; then it is checked again when it is.
        if old and digest:
            found.append((f"other data of {name} in {plan.data_dir}:", old, digest))
    for name in before["experiments"].keys() & after["experiments"].keys():
        arms = before["experiments"][name], after["experiments"][name]
        for arm in sorted({*arms[0], *arms[1]}):
            old, new = (json.loads(json.dumps(a.get(arm))) for a in arms)
            found.append((f"{name}'s arm {arm!r} as", old, new))
    for what, old, new in found:
        if old != new:
            raise ValueError(
                f"{output_dir} holds experiments with {what} {_short(old)}, not "
                f"{_short(new)}: {remedy}"
            )


def with_others(plan: Plan, before: Mapping[str, Any] | None) -> tuple[Plan, list[str]]:
    """A plan with all else that its folder was asked for before, and what is unknown.

    Args:
        plan: Of this command.
        before: What `plan.json` held when it began.

    Returns:
        The plan with the seeds and the experiments of both, and a line for each of
        those whose recipe is not known to this command.
    """
    if not before:
        return plan, []
    seeds = tuple(sorted({*plan.seeds, *before["seeds"]}))
    experiments, unknown = dict(plan.experiments), []
    for name in before["experiments"]:
        if name in experiments:
            continue
        try:
            experiments[name] = registry.recipe(name)(plan.setting)
        except ValueError as error:
            unknown.append(f"{name}, done here before, is not in the report: {error}")
    return dataclasses.replace(plan, experiments=experiments, seeds=seeds), unknown


def read_plan(output_dir: Path) -> dict[str, Any] | None:
    """What was planned in an output folder; None if nothing was.

    Raises:
        ValueError: The file is damaged.
    """
    path = output_dir / PLAN
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(
                f"another version of this program wrote it (format {values['format']}, "
                f"not {FORMAT}); use another --output_dir"
            )
        return values
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def write_plan(plan: Plan, output_dir: Path, before: Mapping[str, Any] | None) -> None:
    """Writes plan.json; of other experiments in the folder the arms are kept."""
    values = plan.to_dict()
    if before:
        values["experiments"] = {**before["experiments"], **values["experiments"]}
        values["runs"] = {**before["runs"], **values["runs"]}
        values["seeds"] = sorted({*before["seeds"], *values["seeds"]})
    write_whole(output_dir / PLAN, json.dumps(values, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file that is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return text if len(text) < 120 else f"{text[:117]}..."
