"""One job at a time beside training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_log = logging.getLogger(__name__)


class Background:
    """Runs jobs in a thread, the next one when the last is done.

    An interpreter that exits waits for the job under way.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="background")
        self._job: Future[None] | None = None

    def start(self, job: Callable[[], None]) -> None:
        """Begins a job, once the one before it is done; raises that one's error."""
        self.wait()
        self._job = self._executor.submit(job)

    def check(self) -> None:
        """Raises the error of a job that failed; does not wait."""
        if self._job is not None and self._job.done():
            self.wait()

    def wait(self) -> None:
        """Waits for the job under way and raises its error."""
        job = self._job
        if job is None:
            return
        try:
            job.result()
        finally:
            if job.done():  # else a signal came while it was waited for
                self._job = None

    def settle(self) -> None:
        """Waits likewise, but only logs an error: another one is being raised."""
        try:
            self.wait()
        except (OSError, ValueError) as error:
            _log.warning("%s", error)
