"""Several runs side by side, each in a process of its own, and one line of each."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from t2t_multimodel.experiments.one_run import (
    LOG,
    STOPPED_STATUS,
    is_done,
    run_folder,
)
from t2t_multimodel.experiments.plan import Run
from t2t_multimodel.training.ledger_file import NAME as LEDGER

_POLL_SECONDS = 0.2
_MODULE = "t2t_multimodel.experiments.one_run"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        run: Which.
        status: 0: it is done; 1: it failed; 75: it was stopped, and can go on.
        seconds: How long it took this time; 0 if it was done before.
        told: The last line that it wrote, where it failed.
    """

    run: Run
    status: int
    seconds: float = 0.0
    told: str = ""


def run_all(
    output_dir: Path,
    runs: Sequence[Run],
    num_processes: int,
    say: Callable[[str], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Does all runs that are not done; one that fails does not stop the others.

    SIGINT and SIGTERM go on to those that run, which save and end; no other is begun.

    Args:
        output_dir: Of the experiments.
        runs: In the order in which they are begun.
        num_processes: How many run side by side.
        say: Shows a line.
        is_stopped: Asked now and then; once it says so, all is ended as by a signal.
    """
    done = [Outcome(run, 0) for run in runs if is_done(output_dir, run.name)]
    ready = {outcome.run.name for outcome in done}
    waiting = [run for run in runs if run.name not in ready]
    if done:
        say(f"{len(done)} of {len(runs)} runs are done already.")
    active: list[_Member] = []
    outcomes = list(done)
    with _signals() as stopped, _bars() as bars:
        try:
            while waiting or active:
                is_over = bool(stopped) or is_stopped()
                if is_over:
                    waiting.clear()
                    for member in active:
                        member.stop()
                while waiting and len(active) < num_processes:
                    active.append(_Member(output_dir, waiting.pop(0), bars))
                for member in [one for one in active if one.has_ended()]:
                    active.remove(member)
                    outcome = member.outcome()
                    outcomes.append(outcome)
                    say(_line(outcome, len(outcomes), len(runs), output_dir))
                time.sleep(_POLL_SECONDS)
        finally:
            for member in active:
                member.kill()
    return outcomes


def call(output_dir: Path, argument: str, log: Path) -> int:
    """Does something that is no run in a process of its own; its exit status."""
    with log.open("wb") as file:
        process = start(output_dir, argument, file)
    try:
        return process.wait()
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process at once, if it has not ended."""
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


class _Member:
    """A run that is at work."""

    def __init__(self, output_dir: Path, run: Run, bars: Progress) -> None:
        self._run = run
        self._folder = run_folder(output_dir, run.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._started = time.perf_counter()
        self._bars = bars
        steps = run.hparams.training.train_steps
        self._bar = bars.add_task(run.title, total=steps, phase="starts")
        with (self._folder / LOG).open("ab") as log:
            self._process = start(output_dir, run.name, log)
        self._is_stopped = False

    def has_ended(self) -> bool:
        """Whether it has; shows how far it is."""
        step = last_step(self._folder)
        whole = self._run.hparams.training.train_steps
        phase = "scoring" if step >= whole else "training" if step else "starts"
        self._bars.update(self._bar, completed=step, phase=phase)
        return self._process.poll() is not None

    def stop(self) -> None:
        """Lets it save and end."""
        if not self._is_stopped:
            self._is_stopped = True
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once."""
        end(self._process)

    def outcome(self) -> Outcome:
        """How it ended."""
        self._bars.remove_task(self._bar)
        status = self._process.returncode
        end(self._process)
        seconds = time.perf_counter() - self._started
        if status == 0:
            return Outcome(self._run, 0, seconds)
        if status == STOPPED_STATUS or self._is_stopped:
            return Outcome(self._run, STOPPED_STATUS, seconds)
        lines = (self._folder / LOG).read_text("utf-8", "replace").splitlines()
        told = next((line for line in reversed(lines) if line.strip()), "")
        if status < 0:
            told = f"ended by {signal.Signals(-status).name}"
        return Outcome(self._run, 1, seconds, told.removeprefix("error: "))


def start(output_dir: Path, argument: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process of `one_run`, which ends when this one does."""
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, str(output_dir), argument],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches the parent alone, which hands it on.
    )


def last_step(folder: Path) -> int:
    """How far a run's ledger goes."""
    path = folder / LEDGER
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16384))
        whole = file.read().split(b"\n")[:-1]
    for line in reversed(whole):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            values: dict[str, Any] = json.loads(line)
            return int(values["step"])
    return 0


def _line(outcome: Outcome, number: int, count: int, output_dir: Path) -> str:
    start = f"[{number} of {count}] {outcome.run.title}"
    if outcome.status == 0:
        return f"{start}: done in {outcome.seconds / 60:.1f} min"
    if outcome.status == STOPPED_STATUS:
        return f"{start}: stopped; the same command goes on"
    log = run_folder(output_dir, outcome.run.name) / LOG
    return f"{start}: failed: {outcome.told}; see {log}"


def _bars() -> Progress:
    console = Console(stderr=True)
    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        "{task.fields[phase]}",
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """While entered, SIGINT and SIGTERM are noted in the list, to be handed on."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(n, lambda n, _: noted.append(n)) for n in numbers]
    try:
        yield noted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
