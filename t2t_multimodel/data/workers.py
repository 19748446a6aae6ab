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


class Workers:
    """Processes that run jobs; a context manager that ends them.

    Args:
        num_workers: How many processes; with 1 everything runs in this one.
        num_jobs: How many jobs there may be in one `run`.
    """

    def __init__(self, num_workers: int, num_jobs: int) -> None:
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None
        if num_workers == 1:
            return
        context = multiprocessing.get_context("spawn")
        self._counts = context.Array("q", num_jobs)
        self._stop = context.Event()
        self._executor = concurrent.futures.ProcessPoolExecutor(
            min(num_workers, num_jobs),
            mp_context=context,
            initializer=_start_worker,
            initargs=(registry.usr_dirs(), self._counts, self._stop),
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._executor is not None:
            if kind is not None:
                self._stop.set()
            self._executor.shutdown(cancel_futures=True)

    def run(
        self,
        function: Callable[[J, Report], R],
        jobs: Sequence[J],
        progress: Progress | None = None,
    ) -> list[R]:
        """Runs `function(job, report)` for every job.

        Args:
            function: A function of a module, so that another process can find it.
            jobs: What to run it on; picklable where there are several workers.
            progress: Called with a job's number and what it last reported.

        Returns:
            The results in the order of the jobs.

        Raises:
            Whatever the first failing job raises; leaving the context stops the others.
        """
        if self._executor is None:
            return [
                function(job, _reporter(number, progress))
                for number, job in enumerate(jobs)
            ]
        self._counts[: len(jobs)] = [0] * len(jobs)
        # Pickled here and not by the executor, which may hang on what cannot be.
        calls = [pickle.dumps((function, job)) for job in jobs]
        futures = [
            self._executor.submit(_work, number, call)
            for number, call in enumerate(calls)
        ]
        pending: set[Any] = set(futures)
        while pending:
            done, pending = concurrent.futures.wait(
                pending, _POLL_SECONDS, concurrent.futures.FIRST_EXCEPTION
            )
            if progress is not None:
                for number in range(len(jobs)):
                    progress(number, self._counts[number])
            for future in done:
                future.result()
        return [future.result() for future in futures]


def _reporter(number: int, progress: Progress | None) -> Report:
    return lambda done: progress(number, done) if progress else None


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
