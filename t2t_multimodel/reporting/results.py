"""Sections on what a run can do: its scores, and examples to look at."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping, Sequence
from typing import Any

from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation.bootstrap import LEVEL, NUM_RESAMPLES
from t2t_multimodel.evaluation.page import examples_html
from t2t_multimodel.evaluation.saved import SavedScores
from t2t_multimodel.evaluation.score import Score, signatures
from t2t_multimodel.reporting.blocks import Block, Folded, Markup, Prose, Section, Table
from t2t_multimodel.reporting.facts import Facts

EXAMPLES = "Examples"
INTERVAL_NOTE = (
    f"Intervals: {LEVEL:.0f} %, by {NUM_RESAMPLES:,} bootstrap resamples of the "
    "examples. They say nothing of another training; one without width only says that "
    "all examples agree."
)


def scores_section(facts: Facts) -> Section:
    """Each problem's main score with its interval, and all others folded away."""
    saved = facts.scores
    if not saved:
        return Section("Scores", [Prose(_why(facts, "scores"), is_missing=True)])
    blocks: list[Block] = [
        Prose(
            "Computed on what the model writes by itself, against the raw corpus. "
            + " ".join(_how(saved))
        ),
        Table(
            ("problem", "score", "value", "95 % interval", "examples", "step"),
            [_row(name, one, one.result.scores[0]) for name, one in saved.items()],
        ),
        Prose(INTERVAL_NOTE, is_small=True),
        *(
            Prose(line, is_small=True)
            for line in signatures([one.result for one in saved.values()])
        ),
    ]
    blocks += _lacking(facts, "scores", facts.record.problem_names)
    others = [
        _row(name, one, score)
        for name, one in saved.items()
        for score in one.result.scores
    ]
    head = ("problem", "score", "value", "95 % interval", "examples", "step")
    blocks.append(Folded(f"All {len(others)} scores", [Table(head, others)]))
    return Section("Scores", blocks)


def examples_section(facts: Facts) -> Section:
    """The worst examples of each problem, and some drawn at random."""
    if not facts.examples:
        return Section(EXAMPLES, [Prose(_why(facts, "examples"), is_missing=True)])
    blocks: list[Block] = [
        Prose(
            "The worst examples show what goes wrong, those drawn at random how it "
            "mostly goes. Words that the nearest reference does not have are marked."
        )
    ]
    for name, shown in facts.examples.items():
        inside = examples_html(shown.worst, shown.drawn, shown.problem)
        blocks.append(
            Markup(
                f'<div class="problem"><h3 class="name">{html.escape(name)}</h3>'
                f"{inside}</div>"
            )
        )
    return Section(EXAMPLES, [*blocks, *_lacking(facts, "examples", facts.scores)])


def main_score(saved: SavedScores) -> str:
    """`BLEU 27.3 (25.1–29.6)`."""
    return saved.result.scores[0].with_interval


def _row(name: str, saved: SavedScores, score: Score) -> tuple[str, ...]:
    forced = " (teacher-forced)" if score.is_teacher_forced else ""
    interval = score.interval
    return (
        name,
        score.title + forced,
        f"{score.value:.2f}{score.unit and ' ' + score.unit}",
        f"{interval[0]:.1f}\u00a0–\u00a0{interval[1]:.1f}" if interval else "",
        f"{saved.result.num_examples:,} {saved.result.split}",
        f"{saved.step:,}",
    )


def _how(saved: Mapping[str, SavedScores]) -> list[str]:
    """How outputs were searched for, each way once."""
    usual = dataclasses.asdict(DecodeConfig())
    ways: dict[str, list[str]] = {}
    for name, one in saved.items():
        changed = _changed(one.decoding, usual)
        ways.setdefault(changed, []).append(name)
    if len(ways) == 1:
        return [f"Search: {next(iter(ways))}."]
    return [f"Search of {', '.join(names)}: {way}." for way, names in ways.items()]


def _changed(decoding: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    changed = [f"{k}={v}" for k, v in decoding.items() if usual.get(k) != v]
    return ", ".join(changed) or "greedy"


def _lacking(facts: Facts, what: str, names: Sequence[str] | Mapping[str, Any]) -> Any:
    """A line for each problem that has none, with the reason."""
    there = facts.scores if what == "scores" else facts.examples
    return [
        Prose(f"{name} has no {what}: {_reason(facts, what, name)}.", is_missing=True)
        for name in names
        if name not in there
    ]


def _why(facts: Facts, what: str) -> str:
    """Why there is nothing of a kind at all."""
    names = facts.record.problem_names
    reasons = dict.fromkeys(_reason(facts, what, name) for name in names)
    return f"There are no {what}: {'; '.join(reasons)}."


def _reason(facts: Facts, what: str, name: str) -> str:
    for key in (f"{what} of {name}", what, f"scores of {name}", "scores"):
        if key in facts.missing:
            return facts.missing[key]
    for key in ("checkpoint", f"data of {name}"):
        if key in facts.missing:
            return facts.missing[key]
    return "it was not evaluated"
