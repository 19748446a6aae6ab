"""A look before a long run: whether it fits, how long it takes, who uses what.

Nothing is written to disk.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.doctor import report
from t2t_multimodel.training.doctor.examine import Findings, examine
from t2t_multimodel.training.precision import resolved
from t2t_multimodel.training.warm_start import WarmStartFrom

_log = logging.getLogger(__name__)


def dry_run(
    hparams: HParams,
    problem_names: Sequence[str],
    data_dir: str | Path,
    strategy: str = "auto",
    console: Console | None = None,
    start: WarmStartFrom | None = None,
    memory_limit: int | None = None,
    output_dir: str | Path | None = None,
    apart: bool = True,
) -> Findings:
    """Predicts what a run needs, tries it if that fits, and shows what was found.

    Args:
        hparams: Of the model and its training.
        problem_names: Names of registered problems; each must have data.
        data_dir: Where t2t-datagen put the data.
        strategy: See `make_strategy`.
        console: Where to; standard output by default.
        start: From which run to take weights, or None.
        memory_limit: Bytes of the host's memory; by default what is available.
        output_dir: Where the run is to be: is there room for it?
        apart: Whether the trial has a process of its own. Without one it knows problems
            of a notebook, but what this process holds already is counted as the run's.

    Raises:
        ValueError: As `training.run.train`.
    """
    console = console or Console(highlight=False)
    output_dir = Path(output_dir) if output_dir else None
    hparams = resolved(hparams, output_dir, strategy)
    with console.status("") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                _log.info("%s ...", text)

        found = examine(
            hparams,
            tuple(problem_names),
            Path(data_dir),
            strategy,
            start,
            memory_limit,
            say,
            lambda told: console.print(
                told.warm_start, end="\n" * bool(told.warm_start)
            ),
            apart,
        )
    console.print(report.weights_table(hparams.name, found.model))
    if found.trial:
        console.print(report.memory_table(found))
        if found.seconds is not None:
            console.print(report.time_table(found))
    for line in report.lines(found, output_dir):
        console.print(line, soft_wrap='--hparams="' in line)
    return found
