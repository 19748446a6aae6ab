"""What `t2t-datagen --report` shows of generated data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from t2t_multimodel.data.report import (
    PERCENTILES,
    DataReport,
    LengthReport,
    SplitReport,
)

_BARS = "▁▂▃▄▅▆▇█"


def show_report(console: Console, found: DataReport) -> None:
    """Lengths, spelling, what was left out and what is in two splits."""
    twin = f", the records of {found.twin}" if found.twin else ""
    console.print(f"[bold]{found.problem}[/bold]{twin}")
    for table in (_lengths(found), _spelling(found)):
        if table.row_count:
            console.print(table)
    for name, split in found.splits.items():
        for line in _left_out(name, split):
            console.print(f"  {escape(line)}", highlight=False)
    for pair in found.repeated:
        console.print(f"  {pair}", highlight=False)
    if not found.repeated and len(found.splits) > 1:
        console.print("  no example is in two splits")


def _lengths(found: DataReport) -> Table:
    titles = [f"{percent} %" for percent in PERCENTILES]
    table = Table("split", "", "examples", "min", *titles, "max", "mean", "")
    for column in table.columns[2:-1]:
        column.justify = "right"
    for name, split in found.splits.items():
        for key, lengths in split.lengths.items():
            values = [lengths.min, *lengths.percentiles.values(), lengths.max]
            table.add_row(
                name,
                f"{key}, {lengths.unit}",
                f"{split.examples:,}",
                *(f"{value:,.4g}" for value in values),
                f"{lengths.mean:,.1f}",
                histogram(lengths),
            )
    return table


def _spelling(found: DataReport) -> Table:
    table = Table(
        *("split", "", "words looked at", "sub-words a word"),
        *("characters in bytes", "words in bytes", "such characters"),
    )
    for column in table.columns[2:-1]:
        column.justify = "right"
    for name, split in found.splits.items():
        for key, text in split.text.items():
            table.add_row(
                name,
                key,
                f"{text.words:,}",
                f"{text.tokens_per_word:.2f}",
                f"{100 * text.share_of_characters_in_bytes:.3f} %",
                f"{100 * text.share_of_words_in_bytes:.3f} %",
                escape(" ".join(map(_shown, list(text.characters_in_bytes)[:10]))),
            )
    return table


def histogram(lengths: LengthReport) -> str:
    """Bars, as high as they are counts; only where there is no example is no bar."""
    highest = max(lengths.counts)
    steps = [-(-count * len(_BARS) // highest) for count in lengths.counts]
    return "".join(_BARS[step - 1] if step else " " for step in steps)


def _left_out(name: str, split: SplitReport) -> Iterator[str]:
    total = split.examples + sum(split.skipped.values())
    for reason, count in split.skipped.items():
        first: Sequence[str] = split.first_skipped.get(reason, ())
        named = f"; the first: {first[0]}" if first and first[0] else ""
        yield f"{name}: {count:,} of {total:,} left out: {reason}{named}"


def _shown(character: str) -> str:
    return (
        character
        if character.isprintable() and not character.isspace()
        else (f"U+{ord(character):04X}")
    )
