"""Runs jobs one after another here, or side by side in processes of their own.

Jobs may report how far they are and are told to stop when another has failed or the
user has pressed Ctrl-C. Processes are spawned: TensorFlow does not survive a fork. A
job's outcome does not depend on the number of workers.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import pickle
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from t2t_multimodel import quiet, registry

J = TypeVar("J")
R = TypeVar("R")
Progress = Callable[[int, int], None]

_POLL_SECONDS = 0.1


class Cancelled(Exception):
    """Raised inside a job that is to stop because the whole has failed."""


class Report(Protocol):
    """Given to a job: called now and then with how much it has done.

    Raises:
        Cancelled: The job is to stop.
    """

    def __call__(self, done: int) -> None: ...


def run_jobs(
    function: Callable[[J, Report], R],
    jobs: Sequence[J],
    num_workers: int,
    progress: Progress | None = None,
) -> list[R]:
    """Runs `function(job, report)` for every job.

    Args:
        function: A function of a module, so that another process can find it.
        jobs: What to run it on; picklable where there are several workers.
        num_workers: How many processes; with 1 everything runs in this one.
        progress: Called with a job's number and what it last reported.

    Returns:
        The results in the order of the jobs.

    Raises:
        Whatever the first failing job raises, after the others have stopped.
    """
    if num_workers > 1 and len(jobs) > 1:
        return _run_in_processes(function, jobs, num_workers, progress)

    def reporter(number: int) -> Report:
        return lambda done: progress(number, done) if progress else None

    return [function(job, reporter(number)) for number, job in enumerate(jobs)]


def _run_in_processes(
    function: Callable[[J, Report], R],
    jobs: Sequence[J],
    num_workers: int,
    progress: Progress | None,
) -> list[R]:
    # Pickled here and not by the executor, which may hang on what cannot be.
    calls = [pickle.dumps((function, job)) for job in jobs]
    context = multiprocessing.get_context("spawn")
    counts = context.Array("q", len(jobs))
    stop = context.Event()
    with concurrent.futures.ProcessPoolExecutor(
        min(num_workers, len(jobs)),
        mp_context=context,
        initializer=_start_worker,
        initargs=(registry.usr_dirs(), counts, stop),
    ) as executor:
        futures = [executor.submit(_work, n, call) for n, call in enumerate(calls)]
        try:
            pending: set[Any] = set(futures)
            while pending:
                done, pending = concurrent.futures.wait(
                    pending, _POLL_SECONDS, concurrent.futures.FIRST_EXCEPTION
                )
                if progress is not None:
                    for number in range(len(jobs)):
                        progress(number, counts[number])
                for future in done:
                    future.result()
        except BaseException:
            stop.set()
            executor.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


_shared: dict[str, Any] = {}


def _start_worker(usr_dirs: tuple[Path, ...], counts: Any, stop: Any) -> None:
    # Ctrl-C reaches all processes of the terminal; the parent says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet.import_tensorflow()
    for folder in usr_dirs:
        registry.import_usr_dir(folder)
    _shared.update(counts=counts, stop=stop)


def _work(number: int, call: bytes) -> Any:
    function, job = pickle.loads(call)

    def report(done: int) -> None:
        _shared["counts"][number] = done
        if _shared["stop"].is_set():
            raise Cancelled

    return function(job, report)
