"""Work that is done here, or side by side in processes of their own.

A piece of work is a function of a module, something that all pieces share (sent once to
each process), and an item. Its outcome does not depend on the number of processes.
Processes are spawned, as TensorFlow does not survive a fork, and none outlives the one
that started it, however that ends.
"""

from __future__ import annotations

import concurrent.futures
import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol, TypeVar

from t2t_multimodel import quiet, registry

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]

_POLL_SECONDS = 0.1
# Items of a stream that are under way for each process: enough that a slow one does
# not keep the others waiting, few enough to be held in memory.
_AHEAD = 3


class Cancelled(Exception):
    """Raised inside a piece of work that is to stop because the whole has failed."""


class Report(Protocol):
    """Given to a piece of work: called now and then with how much of it is done.

    Raises:
        Cancelled: The work is to stop.
    """

    def __call__(self, done: int) -> None: ...


class Workers:
    """Processes that do work; a context manager that ends them.

    Args:
        num_workers: How many processes; with 1 everything is done in this one.
        shared: What all pieces of work are given; picklable where there are several
            workers.
        num_items: How many items `run` is given at most.

    Raises:
        ValueError: `shared` cannot be sent to another process.
    """

    def __init__(self, num_workers: int, shared: Any, num_items: int) -> None:
        self.num_workers = num_workers
        self._shared = shared
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None
        if num_workers == 1:
            return
        context = multiprocessing.get_context("spawn")
        self._counts = context.Array("q", num_items)
        self._stop = context.Event()
        self._executor = concurrent.futures.ProcessPoolExecutor(
            num_workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(registry.usr_dirs(), _pickled(shared), self._counts, self._stop),
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
        function: Callable[[S, T, Report], R],
        items: Sequence[T],
        progress: Progress | None = None,
    ) -> list[R]:
        """Does `function(shared, item, report)` for every item.

        Args:
            function: A function of a module, so that another process can find it.
            items: What to do it on.
            progress: Called with an item's number and what was last reported of it.

        Returns:
            The results in the order of the items.

        Raises:
            Whatever the first failing one raises; leaving the context stops the others.
        """
        if self._executor is None:
            return [
                function(self._shared, item, _reporter(number, progress))
                for number, item in enumerate(items)
            ]
        self._counts[: len(items)] = [0] * len(items)
        futures = [
            self._submit(function, item, number) for number, item in enumerate(items)
        ]
        pending: set[Any] = set(futures)
        while pending:
            done, pending = concurrent.futures.wait(
                pending, _POLL_SECONDS, concurrent.futures.FIRST_EXCEPTION
            )
            if progress is not None:
                for number in range(len(items)):
                    progress(number, self._counts[number])
            for future in done:
                _result(future)
        return [_result(future) for future in futures]

    def stream(
        self, function: Callable[[S, T, Report], R], items: Iterable[T]
    ) -> Iterator[tuple[T, R]]:
        """`function(shared, item, report)` of items that come one after another.

        Items are drawn in this process, a few more than there are processes at a time.

        Yields:
            Each item with its result, in the order of the items.

        Raises:
            Whatever `items` or the first item that fails raises.
        """
        if self._executor is None:
            for item in items:
                yield item, function(self._shared, item, _reporter(0, None))
            return
        under_way: deque[tuple[T, Any]] = deque()
        for item in items:
            under_way.append((item, self._submit(function, item, None)))
            if len(under_way) >= _AHEAD * self.num_workers:
                first, future = under_way.popleft()
                yield first, _result(future)
        for item, future in under_way:
            yield item, _result(future)

    def _submit(self, function: Any, item: Any, number: int | None) -> Any:
        assert self._executor is not None
        # Pickled here and not by the executor, which may hang on what cannot be.
        call = _pickled((function, item))
        try:
            return self._executor.submit(_work, number, call)
        except BrokenProcessPool as error:
            raise _lost(error) from error


def _pickled(value: Any) -> bytes:
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise _not_sent(error) from error


def _not_sent(error: Exception) -> ValueError:
    return ValueError(
        f"a problem or an example cannot be sent to another process ({error}); use "
        f"one process (--num_workers=1)"
    )


def _result(future: Any) -> Any:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _lost(error) from error


def _lost(error: BrokenProcessPool) -> OSError:
    return OSError(
        f"a process ended before its work was done, perhaps for lack of memory: "
        f"{error} Fewer processes need less (--num_workers)"
    )


def _reporter(number: int, progress: Progress | None) -> Report:
    return lambda done: progress(number, done) if progress else None


_state: dict[str, Any] = {}


def _start_worker(
    usr_dirs: tuple[Path, ...], shared: bytes, counts: Any, stop: Any
) -> None:
    # Ctrl-C reaches all processes of the terminal; the parent says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # If TensorFlow is needed at all, it is for decoding pictures.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with quiet.no_standard_error():  # the user's problems may load it right away
        for folder in usr_dirs:
            registry.import_usr_dir(folder)
    _state.update(pickled=shared, counts=counts, stop=stop)
    # What is there now stays; to look through it again and again would cost a tenth.
    gc.freeze()


def _end_with_parent() -> None:
    """Ends this process once the parent is gone, killed without a word perhaps."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _work(number: int | None, call: bytes) -> Any:
    try:
        if "shared" not in _state:
            _state["shared"] = pickle.loads(_state["pickled"])
        function, item = pickle.loads(call)
    except (AttributeError, ImportError) as error:
        raise _not_sent(error) from error  # it is defined in a notebook

    def report(done: int) -> None:
        if number is not None:
            _state["counts"][number] = done
        if _state["stop"].is_set():
            raise Cancelled

    return function(_state["shared"], item, report)
