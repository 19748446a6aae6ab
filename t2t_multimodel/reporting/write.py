"""Writes a report of a run: one HTML page to attach to a mail, and a model card."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

from t2t_multimodel.evaluation.page import STYLE, page_html
from t2t_multimodel.reporting import about, commands, learning, results
from t2t_multimodel.reporting.blocks import (
    Block,
    Prose,
    Section,
    Table,
    body_html,
    markdown_text,
    section_markdown,
)
from t2t_multimodel.reporting.experts_section import experts_section
from t2t_multimodel.reporting.facts import Asked, Facts, gather
from t2t_multimodel.reporting.mixture_section import mixture_section, training_seconds

PAGE, CARD = "report.html", "model_card.md"

REPORT_STYLE = """
:root { color-scheme: light; }
body { padding-bottom: 4rem; }
nav { position: sticky; top: 0; padding: .5rem 0; background: var(--paper);
  border-bottom: 1px solid var(--edge); white-space: nowrap;
  overflow-x: auto; z-index: 1; }
section, h2 { scroll-margin-top: 3rem; }
h2 { border-bottom: 2px solid var(--edge); }
th { font-weight: 600; } thead th { border-bottom-width: 2px; }
th.number { text-align: right; }
td { min-width: 4.5rem; }
@media (max-width: 480px) { table { font-size: .8125rem; }
  th, td { min-width: 0; padding-right: .5rem; } }
.missing { color: var(--dim); font-style: italic; }
pre { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: 12px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8125rem; }
pre .flag { white-space: nowrap; }
details { margin: .75rem 0; } summary { cursor: pointer; }
.scroll + .cards { margin-top: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; padding: 8px; min-width: 0; break-inside: avoid; }
figcaption { font-weight: 600; margin: 0 0 4px 4px; }
svg.plot { display: block; width: 100%; height: auto; }
svg.plot text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg.map { display: block; } svg.map text { font: 12px system-ui, sans-serif;
  fill: var(--ink); } svg.map rect { stroke: #fff; stroke-width: .5; }
section > figure + figure, figure + .scroll { margin-top: 1rem; }
svg .grid { stroke: var(--edge); } svg .axis { stroke: var(--dim); fill: none; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.legend { margin: 4px 4px 0; font-size: .8125rem; line-height: 1.35; }
.legend span { display: inline-block; margin-right: 1rem; }
svg.key { width: 26px; height: 8px; margin-right: 5px; }
h3.name { font-size: 1.125rem; margin-top: 2.5rem; }
@media print { body { font-size: 10pt; max-width: none; padding: 0; background: none; }
  nav, audio { display: none; } .scroll { overflow: visible; } article, tr, figure
  { break-inside: avoid; } h2, h3 { break-after: avoid; } table { font-size: 8.5pt; } }
"""


def write_report(
    output_dir: str | Path,
    output: str | Path | None = None,
    asked: Asked | None = None,
) -> tuple[Path, Path]:
    """Writes the report and the model card of a run.

    Args:
        output_dir: The run's folder.
        output: The page's file; by default `report.html` in the run's folder. The card
            is written beside it.
        asked: How the run is to be looked at.

    Returns:
        The paths of the page and of the card.

    Raises:
        ValueError: The folder is no run's.
    """
    output_dir = Path(output_dir)
    page = Path(output) if output else output_dir / PAGE
    facts = gather(output_dir, asked or Asked())
    sections = report_sections(facts)
    page.parent.mkdir(parents=True, exist_ok=True)
    _write(page, report_html(facts, sections))
    card = page.parent / CARD
    _write(card, report_markdown(facts, sections))
    return page, card


def report_sections(facts: Facts) -> list[Section]:
    """All sections, in the order of reading."""
    return [
        results.scores_section(facts),
        learning.curves_section(facts),
        mixture_section(facts),
        experts_section(facts),
        about.data_section(facts),
        about.configuration_section(facts),
        about.parameters_section(facts),
        about.environment_section(facts),
        commands.commands_section(facts),
        results.examples_section(facts),
    ]


def report_html(facts: Facts, sections: Sequence[Section]) -> str:
    """The report as a page."""
    title = _title(facts)
    body = body_html(title, _lead(facts), headline_of(facts), sections)
    return page_html(title, body, STYLE + REPORT_STYLE)


def report_markdown(facts: Facts, sections: Sequence[Section]) -> str:
    """The model card: the same facts, without plots and examples."""
    rows = list(headline_of(facts).items())
    first: list[Block] = [Prose(_lead(facts)), Table(("", ""), rows)]
    parts = [
        f"# {markdown_text(_title(facts))}",
        section_markdown(Section("At a glance", first)),
        *(section_markdown(s) for s in sections if s.title != results.EXAMPLES),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline_of(facts: Facts) -> dict[str, str]:
    """The few facts that a reader wants first."""
    record, training = facts.record, facts.record.hparams.training
    size = facts.sizes[-1]
    step = f"{facts.run.step:,} of {training.train_steps:,}" if facts.run else "none"
    vocabulary = (
        f"{record.vocabulary_size:,} pieces, {record.vocabulary_fingerprint}"
        if record.vocabulary_size
        else "none: no problem has text"
    )
    examples = sum(
        manifest.splits["train"].examples
        for manifest in facts.manifests.values()
        if "train" in manifest.splits
    )
    seconds = training_seconds(facts)
    return {
        "checkpoint, step": step,
        "weights": f"{size.weights:,}",
        "problems": str(len(record.problem_names)),
        "time in steps": f"{seconds:,.0f} seconds" if seconds else "not known",
        "training examples": f"{examples:,}" if examples else "not known",
        "set": record.hparams.name,
        "seed": str(training.seed),
        "vocabulary": vocabulary,
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _title(facts: Facts) -> str:
    return f"Report of {facts.name}"


def _lead(facts: Facts) -> str:
    names = facts.record.problem_names
    what = f"One MultiModel for {len(names)} problem{'s' * (len(names) > 1)}"
    told = f"{what}: {', '.join(names)}."
    if facts.run is None:
        told += f" There is no checkpoint to look at: {facts.missing['checkpoint']}"
    return told


def _write(path: Path, text: str) -> None:
    """Writes a file that is either whole or not there."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
