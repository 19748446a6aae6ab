"""What a report consists of, written once and shown twice: as HTML and as Markdown.

A report is a list of sections, a section a list of blocks. Plots, pictures and the like
are HTML only. Everything but `Markup` is text that is escaped here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ONE_NUMBER = r"[-+±\d][\d,.eE+-]*( ?%| s| GiB)?"
_NUMBER = re.compile(f"{_ONE_NUMBER}(\u00a0–\u00a0{_ONE_NUMBER})*")  # or a range
_LONG_WORD = re.compile(r"\S{25,}")
_FLAG = re.compile(r"(?<!\S)--\w+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~#])")


@dataclass(frozen=True)
class Prose:
    """A paragraph.

    Attributes:
        text: What it says.
        is_missing: Whether it says why something is not there.
        is_small: Whether it is a note that most readers pass over.
    """

    text: str
    is_missing: bool = False
    is_small: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class List:
    """Sentences, one a line."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows under a head; the first cell of a row names it.

    Attributes:
        head: The columns' names.
        rows: Cells, as many in each as the head has.
    """

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Code:
    """Lines to be typed into a shell."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Markup:
    """HTML that is safe already; Markdown leaves it out."""

    html: str


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader unfolds; Markdown leaves them out."""

    summary: str
    blocks: Sequence[Block]


Block = Prose | Heading | List | Table | Code | Markup | Folded


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Its heading.
        blocks: What it holds.
    """

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The name by which a link reaches it."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def body_html(
    title: str, lead: str, headline: Mapping[str, str], sections: Sequence[Section]
) -> str:
    """A page's body: what it is about, a few facts, links to the sections, these."""
    links = " ".join(
        f'<a href="#{section.anchor}">{html.escape(section.title)}</a>'
        for section in sections
    )
    facts = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in headline.items()
    )
    return (
        f"<h1>{html.escape(title)}</h1><p>{html.escape(lead)}</p>"
        f'<dl class="facts">{facts}</dl><nav>{links}</nav>'
        f"{''.join(section_html(section) for section in sections)}"
    )


def section_html(section: Section) -> str:
    """A section as HTML."""
    inside = "".join(_html(block) for block in section.blocks)
    return (
        f'<section id="{section.anchor}"><h2>{html.escape(section.title)}</h2>'
        f"{inside}</section>"
    )


def section_markdown(section: Section) -> str:
    """A section as Markdown; empty if it holds nothing that Markdown can show."""
    parts = [part for part in (_markdown(block) for block in section.blocks) if part]
    return "\n\n".join([f"## {markdown_text(section.title)}", *parts]) if parts else ""


def markdown_text(text: str) -> str:
    """A text as Markdown that shows it as it is, on one line."""
    line = " ".join(text.split())
    return _MARKDOWN.sub(r"\\\1", html.escape(line, quote=False))


def _html(block: Block) -> str:
    match block:
        case Prose(text, is_missing, is_small):
            kind = ' class="missing"' if is_missing else ' class="small"' * is_small
            return f"<p{kind}>{_breakable(text)}</p>"
        case Heading(text):
            return f"<h3>{html.escape(text)}</h3>"
        case List(items):
            return f"<ul>{''.join(f'<li>{html.escape(i)}</li>' for i in items)}</ul>"
        case Table():
            return _table_html(block)
        case Code(lines):
            shown = _unbroken_flags(_breakable("\n".join(lines)))
            return f"<pre><code>{shown}</code></pre>"
        case Markup(markup):
            return markup
        case Folded(summary, blocks):
            inside = "".join(_html(inner) for inner in blocks)
            told = html.escape(summary)
            return f"<details><summary>{told}</summary>{inside}</details>"


def _markdown(block: Block) -> str:
    match block:
        case Prose(text, is_missing):
            return f"*{markdown_text(text)}*" if is_missing else markdown_text(text)
        case Heading(text):
            return f"### {markdown_text(text)}"
        case List(items):
            return "\n".join(f"- {markdown_text(item)}" for item in items)
        case Table():
            return _table_markdown(block)
        case Code(lines):
            # Four spaces: no line can end a block that no mark begins.
            shown = "\n".join(lines).splitlines()
            return "\n".join(f"    {line}" for line in shown)
        case _:
            return ""


def _table_html(table: Table) -> str:
    numbers = _number_columns(table)
    kinds = [' class="number"' if is_number else "" for is_number in numbers]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(cell)}</th>'
        for kind, cell in zip(kinds, table.head, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{_breakable(cell)}</td>"
            for kind, cell in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _unbroken_flags(code: str) -> str:
    """Escaped code; no line of a browser ends between a flag's hyphens and its name."""
    return _FLAG.sub(r'<span class="flag">\g<0></span>', code)


def _breakable(text: str) -> str:
    """Text as HTML; a long list without blanks may go on in the next line."""
    return _LONG_WORD.sub(
        lambda word: word[0].replace(",", ",<wbr>"), html.escape(text)
    )


def _table_markdown(table: Table) -> str:
    rules = ["---:" if number else "---" for number in _number_columns(table)]
    lines = [
        [markdown_text(cell) for cell in table.head],
        rules,
        *([markdown_text(cell) for cell in row] for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number_columns(table: Table) -> list[bool]:
    """Which columns hold numbers only, and at least one."""
    found = []
    for column in range(len(table.head)):
        cells = [row[column] for row in table.rows if row[column]]
        found.append(bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells))
    return found
