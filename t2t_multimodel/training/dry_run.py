"""A look before training: what the model weighs, who uses what, one step of each.

Nothing is written to disk.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.feeds import Feeds
from t2t_multimodel.training.run import Prepared, prepare


def dry_run(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: str | Path,
    strategy: str = "auto",
    console: Console | None = None,
) -> None:
    """Builds a run, shows its size, and takes one step on each problem.

    Raises:
        ValueError: As `training.run.train`.
    """
    console = console or Console()
    run = prepare(hparams, problem_names, data_dir, strategy)
    console.print(_weights_table(run))
    console.print(_steps_table(run))


def _weights_table(run: Prepared) -> Table:
    """Weights by part of the model, with a mark for each problem that uses it."""
    model = run.model
    used = {name: _ids(model.view(name).trainable_variables) for name in model.tasks}
    table = Table(title=f"{run.hparams.name}: weights by part", box=None)
    table.add_column("part")
    table.add_column("weights", justify="right")
    for name in used:
        table.add_column(name, justify="center")
    for part, weights in _parts(model).items():
        marks = ["x" if ids & _ids(weights) else "" for ids in used.values()]
        table.add_row(part, f"{_size(weights):,}", *marks)
    shares = [
        f"{sum(_size([w]) for w in model.trainable_variables if id(w) in ids):,}"
        for ids in used.values()
    ]
    table.add_row(
        "all", f"{_size(model.trainable_variables):,}", *shares, end_section=True
    )
    return table


def _steps_table(run: Prepared) -> Table:
    """Examples, the first batch, and the first and second step of each problem."""
    table = Table(title="one step of each problem", box=None)
    for column in ("problem", "examples", "a batch", "loss", "build s", "step ms"):
        justify: Any = "left" if column in ("problem", "a batch") else "right"
        table.add_column(column, justify=justify)
    feeds = Feeds(run.corpora.streams, {})
    take_step = run.make_step(feeds.specs)
    for name, size in run.corpora.sizes.items():
        batch = feeds.next_batch(name)
        start = time.perf_counter()
        loss = float(take_step(name, 0, 0.0, batch).loss)
        built = time.perf_counter()
        float(take_step(name, 1, 0.0, batch).loss)
        step = time.perf_counter() - built
        shapes = " -> ".join(_shape(batch[key]) for key in ("inputs", "targets"))
        row = (shapes, f"{loss:.3f}", f"{built - start:.1f}", f"{step * 1000:.0f}")
        table.add_row(name, f"{size:,}", *row)
    return table


def _parts(model: Any) -> Mapping[str, list[Any]]:
    """The model's weights by the first two names of their paths."""
    parts: dict[str, list[Any]] = {}
    for weight in model.trainable_variables:
        names = weight.path.split("/")[:-1]
        parts.setdefault("/".join(names[:2]) or weight.path, []).append(weight)
    return parts


def _shape(tensor: Any) -> str:
    return "x".join(str(size) for size in tensor.shape)


def _ids(weights: Sequence[Any]) -> set[int]:
    return {id(weight) for weight in weights}


def _size(weights: Sequence[Any]) -> int:
    total = 0
    for weight in weights:
        size = 1
        for length in weight.shape:
            size *= length
        total += size
    return total
