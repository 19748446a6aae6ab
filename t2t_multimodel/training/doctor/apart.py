"""A trial in a process of its own: its memory is its own, and so is its end.

Whatever the parent holds does not count, and should memory run out against all
prediction, it is the trial that ends, and the parent says what it was doing. TensorFlow
is not imported here, so that the child can do so quietly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from t2t_multimodel import quiet, registry
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.doctor.sizes import available_memory, own_memory

if TYPE_CHECKING:
    from t2t_multimodel.training.doctor.trial import Built, Trial

_LOOK_SECONDS = 0.02

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Request:
    """What is tried.

    Attributes:
        hparams: Of the run.
        problem_names: Its problems.
        data_dir: Where their data lies.
        strategy: See `make_strategy`.
        start: The source and the parts of a warm start, or None.
        limit: Bytes of the host's memory that the run is to fit into; a trial of parts
            of batches may go beyond, as far as this machine has room.
        only_predict: Whole batches are not run.
        reserve: Bytes that the machine's other programs are left.
    """

    hparams: HParams
    problem_names: tuple[str, ...]
    data_dir: Path
    strategy: str
    start: tuple[str, str] | None
    limit: int
    only_predict: bool = False
    reserve: float = 200e6


class TooLarge(Exception):
    """The trial would take more than it may; the message says what it was doing."""


def run_apart(request: Request, say: Say, built: Callable[[Built], None]) -> Trial:
    """As `trial.run_trial`.

    Problems must be known by name to another process: shipped, in a file of
    `import_usr_dir`, or of an entry point; not in a notebook.

    Raises:
        ValueError: As `run_trial`.
        TooLarge: The trial took more memory than it may, and was ended.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_child, args=(theirs, registry.usr_dirs(), request), daemon=True
    )
    process.start()
    theirs.close()
    doing = "starting"
    try:
        while True:
            kind, value = ours.recv()
            if kind == "says":
                doing = value
                say(value)
            elif kind == "built":
                built(value)
            elif kind == "found":
                found: Trial = value
                return found
            else:
                raise _ENDS[kind](value)
    except EOFError as error:
        process.join()
        raise TooLarge(
            f"it ended with status {process.exitcode}, perhaps for lack of memory, "
            f"at: {doing}"
        ) from error
    finally:
        process.kill()
        process.join()


_ENDS: dict[str, Any] = {"fault": ValueError, "large": TooLarge}


def _child(pipe: Connection, usr_dirs: tuple[Path, ...], request: Request) -> None:
    # Ctrl-C reaches all processes of the terminal; the parent says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Should the system have to end a process, then this one. (Linux can be told so.)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "utf-8")
    quiet.import_tensorflow()
    import tensorflow as tf

    from t2t_multimodel.training.doctor.trial import run_trial

    doing = "starting"

    def say(text: str) -> None:
        nonlocal doing
        doing = text
        pipe.send(("says", text))

    def stop() -> NoReturn:
        pipe.send(("large", f"the memory was used up, at: {doing}"))
        os._exit(1)

    _watch(request.reserve, stop)
    try:
        for folder in usr_dirs:
            registry.import_usr_dir(folder)
        found = run_trial(request, say, lambda told: pipe.send(("built", told)))
    except tf.errors.ResourceExhaustedError:
        pipe.send(("large", f"the memory of its device was used up, at: {doing}"))
    except (ValueError, OSError) as error:
        pipe.send(("fault", str(error)))
    else:
        pipe.send(("found", found))


def _watch(reserve: float, stop: Callable[[], NoReturn]) -> None:
    """Calls `stop` from a thread should all memory but `reserve` bytes be used."""

    def look() -> None:
        while True:
            if available_memory() - own_memory() < reserve:
                stop()
            time.sleep(_LOOK_SECONDS)

    threading.Thread(target=look, daemon=True).start()
