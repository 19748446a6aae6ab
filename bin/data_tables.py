"""What t2t-datagen shows: tables of problems and of generated data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.data.problem import Problem

# Piped output has no width of its own; tables then must not be cut.
_PIPED_WIDTH = 160


def show_problems() -> None:
    """All problems and groups: `--list`."""
    table = Table("problem", "inputs", "targets", "command", "train", "source")
    table.columns[4].justify = "right"
    for name in registry.list_problems():
        problem = registry.problem(name)
        size = problem.sizes.get("train")
        table.add_row(
            name,
            problem.inputs.describe(),
            problem.targets.describe(),
            problem.command,
            f"{size:,}" if size else "",
            problem.source,
        )
    console = make_console()
    console.print(table)
    for name in registry.list_groups():
        console.print(f"group [bold]{name}[/bold]: {', '.join(registry.group(name))}")


def show_made(manifests: Sequence[Manifest]) -> None:
    """What there is of each problem: counts, lengths, size."""
    table = Table("problem", "split", "examples", "skipped", "inputs", "targets", "MB")
    for column in table.columns[2:]:
        column.justify = "right"
    for manifest in manifests:
        for name, split in manifest.splits.items():
            table.add_row(
                manifest.problem,
                name,
                f"{split.examples:,}",
                f"{sum(split.skipped.values()):,}",
                *(
                    f"{lengths.min} - {lengths.mean:.1f} - {lengths.max}"
                    for lengths in (split.inputs, split.targets)
                ),
                f"{sum(shard.bytes for shard in split.shards) / 1e6:.1f}",
            )
    make_console().print(table)


def describe(names: Sequence[str], source_dir: Path | None) -> None:
    """What problems are, whether they are generated or not: `--describe`."""
    console = make_console()
    for name in names:
        problem = registry.problem(name)
        command = f"t2t-datagen --problems={name}"
        if problem.needs_source:
            command += f" --source_dir={source_dir or 'FOLDER'}"
        about = (type(problem).__doc__ or "").strip().split("\n")[0]
        options = ", ".join(registry.problem_options(name))
        sizes = ", ".join(f"{n:,} {split}" for split, n in problem.sizes.items() if n)
        console.print(f"[bold]{name}[/bold]")
        _print_lines(
            console,
            ("about", about),
            ("features", _features(problem)),
            ("command", problem.command),
            ("metrics", ", ".join(problem.metrics)),
            ("source", problem.source),
            ("licence", problem.licence),
            ("stand-in", problem.stand_in),
            ("layout", problem.layout),
            ("examples", sizes),
            ("options", options),
            ("twin", f"the records of {problem.twin}" if problem.twin else ""),
            ("make it", f"{command} --data_dir=data"),
        )


def _features(problem: Problem) -> str:
    return f"{problem.inputs.describe()} -> {problem.targets.describe()}"


def _print_lines(console: Console, *lines: tuple[str, str]) -> None:
    for title, text in lines:
        for number, line in enumerate(text.strip().split("\n") if text else ()):
            shown = f"  {'' if number else title:<10}  {line}"
            console.print(shown, highlight=False, markup=False, soft_wrap=True)


def describe_made(names: Sequence[str], data_dir: Path) -> None:
    """What generated problems are and where they come from: `--describe`."""
    manifests = [Manifest.load(data_dir, name) for name in names]
    console = make_console()
    for manifest in manifests:
        given = {**manifest.arguments, "generator_version": manifest.generator_version}
        # Lists, such as a thousand classes, are no reading.
        given |= {k: v for k, v in manifest.options.items() if not isinstance(v, list)}
        made_with = ", ".join(f"{k}={v}" for k, v in given.items() if v is not None)
        size, fingerprint = (manifest.vocabulary[k] for k in ("size", "fingerprint"))
        console.print(f"[bold]{manifest.problem}[/bold]")
        _print_lines(
            console,
            ("features", " -> ".join(manifest.features.values())),
            ("source", manifest.source),
            ("licence", manifest.licence),
            ("made with", made_with),
            ("records of", manifest.twin),
            ("vocabulary", f"{size} pieces, {fingerprint}"),
        )
    show_made(manifests)


def make_console() -> Console:
    """Standard output; where that is no terminal, wide enough for tables."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    return console
