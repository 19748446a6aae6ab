"""An evaluation as one HTML page: the scores, and examples to look at and listen to.

One file without scripts that needs no network and no server: a policy in its head
forbids it to load anything. It follows the reader's choice of dark or light, and fits a
telephone's width.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data.features import Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.trees import words_of
from t2t_multimodel.evaluation.chosen import Chosen, choose
from t2t_multimodel.evaluation.media import audio_tag, image_tag, tree_tag
from t2t_multimodel.evaluation.score import ProblemScores, Sample, signatures

STYLE = """
:root { --ink: #1c1e21; --dim: #5c636b; --paper: #fbfbfa;
  --card: #ffffff; --edge: #d9dce0; --good: #1a6b35; --bad: #a11d1d; --mark: #fde3b5; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 16px; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
h1, h2, h3 { line-height: 1.25; } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
a { color: inherit; } nav a { margin-right: 1rem; }
.small, dt { color: var(--dim); font-size: .875rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--edge); overflow-wrap: normal; }
td.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.cards { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); }
.cards.wide { grid-template-columns: 100%; }
article { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: 12px; min-width: 0; }
.facts { display: flex; flex-wrap: wrap; gap: 0 2rem; }
article p { margin: .25rem 0; } dl { margin: .5rem 0 0; } dd { margin: 0 0 .5rem; }
.right { color: var(--good); } .wrong { color: var(--bad); }
mark { background: var(--mark); color: inherit; text-decoration: underline;
  text-underline-offset: 3px; }
img { display: block; max-width: 100%; border-radius: 4px; }
img.small { width: 256px; image-rendering: pixelated; }
img.photo { width: 100%; height: auto; }
img.spectrogram { width: 100%; height: 96px; } audio { width: 100%; margin-top: 6px; }
svg text { font: 13px ui-monospace, monospace; fill: currentColor; }
svg text.label { font-weight: 700; } svg text.tag { fill: var(--dim); }
svg line { stroke: var(--dim); stroke-width: 1; }
"""
DARK = """
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e7e9; --dim: #a2a9b1;
  --paper: #15171a; --card: #1e2125; --edge: #3a3f46; --good: #79c98f; --bad: #f08f86;
  --mark: #5b430e; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
NOTHING = '<span class="wrong">(nothing)</span>'


def save_page(
    path: str | Path,
    title: str,
    facts: Mapping[str, Any],
    results: Sequence[ProblemScores],
    problems: Mapping[str, Problem],
    seed: int = 0,
) -> Path:
    """Writes the page.

    Args:
        path: The file.
        title: What was evaluated.
        facts: What a reader must know to do it again, shown as a list.
        results: Scores, one entry a problem.
        problems: Each problem by its name, as the run was trained on it.
        seed: Of the examples drawn at random.

    Returns:
        The path.
    """
    links = " ".join(
        f'<a href="#{_anchor(r.problem)}">{html.escape(r.problem)}</a>' for r in results
    )
    listed = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in facts.items()
    )
    sections = "".join(_section(r, problems[r.problem], seed) for r in results)
    body = (
        f"<h1>{html.escape(title)}</h1><nav>{links}</nav>"
        f'<dl class="facts">{listed}</dl>{sections}'
    )
    path = Path(path)
    path.write_text(page_html(title, body, STYLE + DARK), "utf-8")
    return path


def page_html(title: str, body: str, style: str) -> str:
    """A whole page that may load nothing.

    Args:
        title: As text.
        body: As HTML.
        style: Its style sheet.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def examples_html(
    worst: Sequence[Chosen], drawn: Sequence[Chosen], problem: Problem, seed: int = 0
) -> str:
    """The worst examples and those drawn at random, each under a heading.

    An input that is None is said not to be at hand.
    """
    wide = " wide" if isinstance(problem.targets, Tree) else ""

    def cards(chosen: Sequence[Chosen]) -> str:
        inside = "".join(_card(one, problem) for one in chosen)
        return f'<div class="cards{wide}">{inside}</div>'

    return (
        f"<h3>The worst {len(worst) or ''}</h3>"
        f"{cards(worst) if worst else '<p>none is wrong</p>'}"
        f"<h3>Drawn at random (seed {seed}): {len(drawn)}</h3>{cards(drawn)}"
    )


def _section(result: ProblemScores, problem: Problem, seed: int) -> str:
    worst, drawn = choose(result, seed=seed)
    name = html.escape(result.problem)
    counted = f"{result.num_examples} examples of the {html.escape(result.split)} split"
    return (
        f'<section id="{_anchor(result.problem)}"><h2>{name}</h2>'
        f'<p class="small">{counted}, {result.seconds:.1f} seconds</p>{_table(result)}'
        f"{examples_html(worst, drawn, problem, seed)}</section>"
    )


def _table(result: ProblemScores) -> str:
    rows = []
    for score in result.scores:
        bounds = "{:.1f} to {:.1f}".format(*score.interval) if score.interval else ""
        title = f"{score.title}{' (teacher-forced)' * score.is_teacher_forced}"
        rows.append(
            f"<tr><td>{html.escape(title)}</td>"
            f'<td class="number">{score.value:.2f}{score.unit and " %"}</td>'
            f'<td class="number">{bounds}</td></tr>'
        )
    head = "<tr><th>score</th><th></th><th>95 % interval</th></tr>"
    notes = "".join(
        f'<p class="small">{html.escape(line)}</p>' for line in signatures([result])
    )
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>{notes}'


def _card(chosen: Chosen, problem: Problem) -> str:
    sample = chosen.sample
    verdict = ("wrong", "wrong") if not sample.is_right else ("right", "✓ right")
    own = f", {html.escape(chosen.metric)} {chosen.score:.1f}" if chosen.metric else ""
    head = (
        f'<p class="small">example {sample.index}: '
        f'<span class="{verdict[0]}">{verdict[1]}</span>{own}, '
        f"log-probability {sample.log_probability:.2f}</p>"
    )
    return (
        f"<article>{head}{_inputs(sample, problem)}{_texts(sample, problem)}</article>"
    )


def _inputs(sample: Sample, problem: Problem) -> str:
    modality = problem.inputs.modality
    if sample.inputs is None:
        return '<p class="small">the input is not at hand</p>'
    if modality == "image":
        return image_tag(sample.inputs)
    if modality == "audio":
        return audio_tag(sample.inputs, problem.inputs.sample_rate)  # type: ignore[attr-defined]
    return f"<dl><dt>input</dt><dd>{html.escape(str(sample.inputs))}</dd></dl>"


def _texts(sample: Sample, problem: Problem) -> str:
    """The references and the output; a right output is not shown twice."""
    if isinstance(problem.targets, Tree):
        words = words_of(str(sample.inputs))
        wanted = tree_tag(sample.reference, words)
        output = "" if sample.is_right else tree_tag(sample.output, words)
        several = "reference"
    else:
        texts = [html.escape(text) or NOTHING for text in sample.references]
        wanted = "<br>".join(texts)
        output = marked(sample.output, sample.references) or NOTHING
        if sample.is_right and len(texts) == 1:
            output = ""
        several = "reference" if len(texts) == 1 else f"{len(texts)} references"
    shown = f"<dt>output</dt><dd>{output}</dd>" if output else ""
    told = several if output else "output, as the reference"
    return f"<dl>{shown}<dt>{told}</dt><dd>{wanted}</dd></dl>"


def marked(output: str, references: Sequence[str]) -> str:
    """The output as HTML, words marked that the nearest reference does not have."""
    words = output.split()
    matchers = [
        difflib.SequenceMatcher(None, words, text.split(), autojunk=False)
        for text in references
    ]
    nearest = max(matchers, key=lambda matcher: matcher.ratio())
    parts = []
    for kind, start, end, *_ in nearest.get_opcodes():
        text = html.escape(" ".join(words[start:end]))
        if text:
            parts.append(text if kind == "equal" else f"<mark>{text}</mark>")
    return " ".join(parts)


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]", "-", name)
