"""The section on the mixture: what each problem has had of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from t2t_multimodel.reporting.blocks import Block, Markup, Prose, Section, Table
from t2t_multimodel.reporting.facts import Facts
from t2t_multimodel.reporting.plot import Line, line_plot
from t2t_multimodel.training.ledger_file import NAME

TITLE = "Mixture"
HEAD = (
    *("problem", "batches", "share", "asked", "examples", "epochs", "targets"),
    *("padding", "seconds", "share of time"),
)
_COUNTS = ("batches", "examples", "targets", "padded_targets", "seconds")


def mixture_section(facts: Facts) -> Section:
    """Batches, examples, epochs, targets and seconds by problem."""
    told = facts.missing.get("ledger")
    if not facts.ledger:
        why = (
            told or f"the run has no {NAME}; it is of an older version, or took no step"
        )
        return Section(TITLE, [Prose(f"Nothing was counted: {why}.", is_missing=True)])
    lines = [line["problems"] for line in facts.ledger if "problems" in line]
    totals = {name: _total(name, lines) for name in facts.record.problem_names}
    whole = {key: sum(own[key] for own in totals.values()) for key in _COUNTS}
    rows = [_row(name, own, whole, _asked(facts, name)) for name, own in totals.items()]
    blocks: list[Block] = [
        Prose(f"Asked for: {facts.record.hparams.training.mixture}."),
        *(
            Prose(
                f"From step {line['step']:,} on: {line['mixture']['new']}; before: "
                f"{line['mixture']['old']}."
            )
            for line in facts.ledger
            if "mixture" in line
        ),
        Table(HEAD, [*rows, _row("all", {**whole, "epochs": None}, whole, "")]),
        Prose(
            "Share: part of the batches; asked: the mean of what the mixture asks for, "
            "over the steps. Targets are tokens or labels; padding is what was "
            "computed beside them. Seconds are of steps alone.",
            is_small=True,
        ),
        Markup(f'<div class="cards">{"".join(_plots(facts))}</div>'),
    ]
    return Section(TITLE, blocks)


def training_seconds(facts: Facts) -> float | None:
    """How long all steps took; None where that was not counted."""
    counted = [line["problems"] for line in facts.ledger if "problems" in line]
    if not counted:
        return None
    return float(sum(own["seconds"] for line in counted for own in line.values()))


def _total(name: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A problem's sums over the intervals; `epochs` as they stood last."""
    own = [line[name] for line in lines if name in line]
    sums: dict[str, Any] = {key: sum(found[key] for found in own) for key in _COUNTS}
    return {**sums, "epochs": own[-1]["epochs"] if own else 0.0}


def _row(
    name: str, own: Mapping[str, Any], whole: Mapping[str, Any], asked: str
) -> tuple[str, ...]:
    padding = 1 - own["targets"] / max(1, own["padded_targets"])
    return (
        name,
        f"{own['batches']:,}",
        f"{own['batches'] / max(1, whole['batches']):.1%}",
        asked,
        f"{own['examples']:,}",
        "" if own["epochs"] is None else f"{own['epochs']:.2f}",
        f"{own['targets']:,}",
        f"{padding:.0%}",
        f"{own['seconds']:,.1f}",
        f"{own['seconds'] / max(1e-9, whole['seconds']):.1%}",
    )


def _asked(facts: Facts, name: str) -> str:
    """The mean share asked for over the steps, as far as the curves tell."""
    before, sums = 0, [0.0, 0.0]
    for step, share in facts.curves.get("train", f"{name}/share_asked"):
        sums = [sums[0] + share * (step - before), sums[1] + step - before]
        before = step
    return f"{sums[0] / sums[1]:.1%}" if sums[1] else ""


def _plots(facts: Facts) -> list[str]:
    def each(figure: str) -> list[Line]:
        return [
            Line(name, facts.curves.get("train", f"{name}/{figure}"))
            for name in facts.record.problem_names
        ]

    return [
        line_plot("Share of the batches", each("share"), "part of an interval", "step"),
        line_plot("Epochs", each("epochs"), "epochs so far", "step"),
        line_plot("Time", each("seconds"), "seconds so far", "step"),
    ]
