"""A dry run's findings as tables and lines, for terminals of 80 columns and more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from t2t_multimodel.training.doctor.examine import Findings
from t2t_multimodel.training.doctor.sizes import size_text
from t2t_multimodel.training.doctor.trial import ProblemTrial
from t2t_multimodel.training.part_sizes import part_sizes


def weights_table(name: str, model: Any) -> Table:
    """Weights by part of the model, and which problems' steps use them."""
    table = _table(
        f"{name}: weights by part", "part", "weights>", "trained>", "used by"
    )
    for size in part_sizes(model):
        table.add_row(*size.cells())
    return table


def memory_table(found: Findings) -> Table:
    """What a step on every problem's worst batch holds beside what always stays."""
    table = _table(
        "memory of a step on the worst batch",
        *("problem", "examples>", "worst batch", "predicted>", "measured>", "error>"),
    )
    assert found.trial
    for problem in found.trial.problems:
        size = f"{found.corpora.sizes[problem.name]:,}"
        if not problem.buckets:
            table.add_row(problem.name, size, "nothing to train")
            continue
        worst = problem.worst
        table.add_row(
            problem.name,
            size,
            f"{worst.shape.inputs} -> {worst.shape.targets}",
            size_text(worst.predicted),
            size_text(problem.held) if problem.held is not None else "-",
            _error(worst.predicted, problem.held),
        )
    return table


def time_table(found: Findings) -> Table:
    """How long a batch of each problem takes, and how many there will be."""
    table = _table(
        "time of a step, in seconds",
        *("problem", "loss>", "first>", "worst>", "usual>", "input>"),
        *("batches>", "in all>"),
    )
    assert found.trial
    for problem in found.trial.problems:
        if problem.usual_seconds is not None:
            number = found.batches[problem.name]
            seconds = duration_text(number * problem.usual_seconds)
            table.add_row(problem.name, *_times(problem), f"{number:,}", seconds)
    return table


def _times(problem: ProblemTrial) -> Sequence[str]:
    return (
        f"{problem.loss or 0.0:.3f}",
        f"{problem.first_seconds:.1f}",
        f"{problem.worst_seconds or 0.0:.2f}",
        f"{problem.usual_seconds or 0.0:.2f}",
        f"{100 * (problem.waited or 0.0):.0f} %",
    )


def lines(found: Findings, output_dir: Path | None) -> Iterator[str]:
    """What stays in memory, the peak against the limit, the disk, the time."""
    amounts = found.amounts
    average = f", their average {size_text(amounts.average)}" if amounts.average else ""
    if amounts.sums:
        average += f", sums of gradients {size_text(amounts.sums)}"
    yield (
        f"Held all the time: weights {size_text(amounts.weights)}, Adam's moments "
        f"{size_text(amounts.moments)}{average}; in a step, gradients "
        f"{size_text(amounts.gradients)}; in a save, a copy of "
        f"{size_text(amounts.checkpoint)}."
    )
    yield from _peaks(found)
    yield _disk(found, output_dir)
    if found.seconds is not None:
        number = found.hparams.training.train_steps
        yield f"Time: {number:,} steps take about {duration_text(found.seconds)}."
    yield from _verdict(found)


def _peaks(found: Findings) -> Iterator[str]:
    trial = found.trial
    if trial is None:
        yield f"Peak of the process: at least {size_text(found.predicted)}."
        return
    if found.tried.model != found.hparams.model:
        yield (
            f"Too large to be tried: activations were measured with num_experts="
            f"{found.tried.model.num_experts}."
        )
    yield f"Peak of the process: {_both(found.predicted, trial.process_peak)}."
    if trial.predicted_device is not None:
        both = _both(trial.predicted_device, trial.device_peak)
        limit = size_text(trial.device_limit or 0)
        yield f"Peak on {trial.device}: {both}, of {limit}."


def _both(predicted: float, measured: float | None) -> str:
    if measured is None:
        return f"predicted {size_text(predicted)}"
    return (
        f"predicted {size_text(predicted)}, measured {size_text(measured)} "
        f"(error {_error(predicted, measured)})"
    )


def _disk(found: Findings, output_dir: Path | None) -> str:
    size = found.amounts.checkpoint
    kept = found.hparams.training.keep_checkpoints + 1
    needed = f"Disk: a checkpoint {size_text(size)}, up to {kept} at a time"
    if output_dir is None:
        return f"{needed}; --output_dir was not given."
    folder = output_dir.expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    few = "" if free > kept * size else ": TOO LITTLE"
    return f"{needed}; {size_text(free)} free for {output_dir}{few}."


def _verdict(found: Findings) -> Iterator[str]:
    limit = size_text(found.limit)
    if found.too_large:
        yield f"It does NOT fit into {limit}: the trial was ended; {found.too_large}."
        return
    if found.fits:
        tried = found.trial and found.trial.process_peak is not None
        untried = "" if tried else ", as predicted; this machine has no room to try it"
        yield f"It fits into {limit}{untried}."
        return
    yield f"It does NOT fit into {limit}."
    if found.proposal:
        yield f'What would: --hparams="{found.proposal}"'
    elif found.trial is None:
        yield (
            "No batch would, nor fewer experts: the weights, their moments and a "
            "checkpoint's copy are too large; take a smaller set or a larger machine."
        )
    else:
        yield (
            "Not even a batch of one example would: leave long examples out "
            "(max_length, max_frames), or take a smaller set or a larger machine."
        )
    if found.trial and not found.hparams.model.recompute:
        yield (
            "With recompute=true a step takes less memory and more time: a dry run "
            "with it tells whether that is enough."
        )


def duration_text(seconds: float) -> str:
    """A time for people."""
    for unit, factor in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * factor:
            return f"{seconds / factor:.1f} {unit}"
    return f"{seconds:.0f} s"


def _error(predicted: float, measured: float | None) -> str:
    return f"{100 * (predicted / measured - 1):+.1f} %" if measured else ""


def _table(title: str, *columns: str) -> Table:
    """A plain table; a column whose name ends in ">" is set to the right."""
    table = Table(title=title, box=None, title_justify="left", padding=(0, 1, 0, 0))
    for column in columns:
        justify: Any = "right" if column.endswith(">") else "left"
        whole = column in ("problem", "part")
        table.add_column(column.rstrip(">"), justify=justify, no_wrap=whole)
    return table
