"""Several workers on this machine: started together, and together again when one fails.

    t2t-trainer ... --local_workers=2

Every worker is the same command with a TF_CONFIG of its own, on free ports of the
loopback address. A job whose worker was killed, or lost another one, is started again
from its newest checkpoint; one that ends by the user's or the data's fault is not.
Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from t2t_multimodel.training.cluster import VARIABLE

# A worker that lost another one ends with it: start all of them again. (EX_TEMPFAIL)
LOST_STATUS = 75
SECONDS_TO_END = 90.0
_POLL_SECONDS = 0.05
_STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}

_log = logging.getLogger(__name__)


def launch(
    command: Sequence[str],
    num_workers: int,
    max_restarts: int = 3,
    seconds_to_end: float = SECONDS_TO_END,
) -> int:
    """Runs a command as `num_workers` workers until the job is done.

    SIGTERM and SIGINT go on to all workers, which stop after the same step.

    Args:
        command: What each worker runs.
        num_workers: How many there are.
        max_restarts: How often the job is started again after a loss.
        seconds_to_end: How long the workers may live on once one of them has ended.

    Returns:
        The job's exit status: 0 when done, that of the first worker that failed by
        itself, or 75 when the restarts are used up.

    Raises:
        ValueError: There is to be no worker.
    """
    if num_workers < 1:
        raise ValueError(f"--local_workers={num_workers}: it takes at least 1.")
    with _Signals() as signals:
        for restarts in range(max_restarts + 1):
            # Ctrl-C reaches this process alone, which hands it on once.
            job = [
                subprocess.Popen(
                    command,
                    env={**os.environ, VARIABLE: config},
                    start_new_session=True,
                )
                for config in configs(free_addresses(num_workers))
            ]
            statuses = _ended(job, signals, seconds_to_end)
            status = job_status(statuses)
            if status != LOST_STATUS or signals.stopped_by:
                break
            if restarts < max_restarts:
                _log.warning(
                    "Workers ended with status %s; starting all %d again (%d of %d).",
                    ", ".join(map(str, statuses)),
                    num_workers,
                    restarts + 1,
                    max_restarts,
                )
    if status and signals.stopped_by:
        return _STOPPED[signals.stopped_by]
    return status


def job_status(statuses: Sequence[int]) -> int:
    """A job's exit status from its workers', negative for the signal that killed one.

    75 says that it is worth starting again.
    """
    if not any(statuses):
        return 0
    lost = [status for status in statuses if status < 0 or status == LOST_STATUS]
    own = [status for status in statuses if status > 0 and status != LOST_STATUS]
    if own:
        return own[0]
    return LOST_STATUS if lost else 0


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine at which nobody listens now."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            found.append(f"127.0.0.1:{server.getsockname()[1]}")
    return found


def configs(addresses: Sequence[str]) -> Iterator[str]:
    """TF_CONFIG of each worker."""
    for index in range(len(addresses)):
        yield json.dumps(
            {
                "cluster": {"worker": list(addresses)},
                "task": {"type": "worker", "index": index},
            }
        )


def _ended(
    job: Sequence[subprocess.Popen[bytes]], signals: _Signals, seconds: float
) -> list[int]:
    """Waits for all workers; what outlives the first one for too long is killed."""
    deadline = None
    try:
        while None in [worker.poll() for worker in job]:
            if signals.pending and signals.stopped_by:
                signals.pending = False
                for worker in job:
                    worker.send_signal(signals.stopped_by)
            if deadline is None and any(worker.returncode for worker in job):
                deadline = time.monotonic() + seconds
            if deadline is not None and time.monotonic() > deadline:
                _log.warning("Workers outlived the job by %d s: killed.", seconds)
                break
            time.sleep(_POLL_SECONDS)
    finally:
        for worker in job:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
    return [worker.returncode for worker in job]


class _Signals:
    """While entered, SIGINT and SIGTERM are noted, to be handed on."""

    def __init__(self) -> None:
        self.stopped_by: signal.Signals | None = None
        self.pending = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for number in _STOPPED:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: object) -> None:
        self.stopped_by = signal.Signals(number)
        self.pending = True
