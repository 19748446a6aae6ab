"""A look before training: what the model weighs, who uses what, one step of each.

Nothing is written to disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.feeds import Feeds
from t2t_multimodel.training.freezing import trains
from t2t_multimodel.training.part_sizes import part_sizes
from t2t_multimodel.training.run import Prepared, prepare
from t2t_multimodel.training.warm_start import WarmStartFrom, warm_start_table


def dry_run(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: str | Path,
    strategy: str = "auto",
    console: Console | None = None,
    start: WarmStartFrom | None = None,
) -> None:
    """Builds a run, shows its size, and takes one step on each problem.

    Raises:
        ValueError: As `training.run.train`.
    """
    console = console or Console()
    run = prepare(hparams, problem_names, data_dir, strategy, start)
    if run.start:
        console.print(warm_start_table(run.start, run.model))
    console.print(_weights_table(run))
    console.print(_steps_table(run))


def _weights_table(run: Prepared) -> Table:
    """Weights by part of the model, and which problems' steps use them."""
    table = Table(title=f"{run.hparams.name}: weights by part", box=None)
    table.add_column("part")
    table.add_column("weights", justify="right")
    table.add_column("trained", justify="right")
    table.add_column("used by")
    for size in part_sizes(run.model):
        table.add_row(*size.cells())
    return table


def _steps_table(run: Prepared) -> Table:
    """Examples, the first batch, and its first and second step, by problem.

    The rate is zero: the weights stay as they are.
    """
    table = Table(title="one step of each problem", box=None)
    for column in ("problem", "examples", "a batch", "loss", "first step s", "next ms"):
        is_text = column in ("problem", "a batch")
        table.add_column(column, justify="left" if is_text else "right")
    feeds = Feeds(run.corpora.streams, {})
    take_step = run.make_step(feeds.specs)
    for name, size in run.corpora.sizes.items():
        if not trains(run.model, name):
            table.add_row(name, f"{size:,}", "nothing to train")
            continue
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


def _shape(tensor: Any) -> str:
    return "x".join(str(size) for size in tensor.shape)
