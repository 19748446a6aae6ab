"""How far t2t-datagen is: bars on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Show = Callable[[str, int, int | None], None]

# Between two lines where nothing can move.
LINE_SECONDS = 60.0


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Show]:
    """Shows stages under way: share done, rate, time gone and remaining time.

    Yields:
        What to call with a stage, how much of it is done, and how much there is (None:
        not known).
    """
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Progress(*_columns(), console=console, transient=True) as bars:
        yield _Bars(bars).show


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )


class _Rate(ProgressColumn):
    """How much is done in a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


class _Bars:
    """A bar for each stage; it vanishes when all of the stage is done."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, stage: str, done: int, total: int | None) -> None:
        if done == total:
            if stage in self._tasks:
                self._bars.remove_task(self._tasks.pop(stage))
            return
        if stage not in self._tasks:
            # What was done before says nothing of the rate.
            self._tasks[stage] = self._bars.add_task(stage, total=total, completed=done)
        self._bars.update(self._tasks[stage], completed=done, total=total)


class _Lines:
    """A line a minute, on the stage that was heard of last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._started: dict[str, tuple[float, int]] = {}

    def show(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        started, done_before = self._started.setdefault(stage, (now, done))
        if done == total or now - self._last < LINE_SECONDS:
            return
        self._last = now
        rate = (done - done_before) / max(now - started, 1e-9)
        told = f"{stage}: {done:,}"
        if total is not None:
            told += f" of {total:,} ({100 * done // total} %)"
        told += f", {rate:,.0f}/s"
        if total is not None and rate:
            left = datetime.timedelta(seconds=round((total - done) / rate))
            told += f", {left} left"
        self._console.print(told, highlight=False)
