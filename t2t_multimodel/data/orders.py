"""Two ways to share a stretch of numbers out among problems, each evenly.

N problems; an order answers which of them a number of the stretch falls to, and how
often each had its turn before that, without walking there.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

# Successive multiples of it, modulo 1, fill the unit interval most evenly.
_GOLDEN = (5**0.5 - 1) / 2
_CHUNK_WINDOWS = 65536
_CHUNK_BEATS = 4096
_FOR_EVER = 2.0**50


class Order(Protocol):
    """Which problem, by its place from 0 to N - 1, a number from 0 on falls to."""

    def at(self, number: int) -> int:
        """The problem of `number`."""

    def counts(self, number: int) -> np.ndarray:
        """How often each problem came before `number`, int64 `[N]`."""


class Windows:
    """Shares that never change, in windows of N numbers.

    In each window the problems stand in the proportion of their shares, up to
    rounding; what rounding takes in one window it gives back in a later one. With
    equal shares every window holds each problem once, in an order of its own.

    Args:
        shares: Of the problems, `[N]`, of sum 1.
        key: The seed, and what else decides the order.
    """

    def __init__(self, shares: np.ndarray, key: tuple[int, ...]) -> None:
        self._count = len(shares)
        self._key = key
        self._start = float(np.random.default_rng(key[0]).random())
        self._bounds = np.cumsum(shares)[:-1]

    def at(self, number: int) -> int:
        """The problem of `number`."""
        window, turn = divmod(number, self._count)
        return int(self._window(window)[turn])

    def counts(self, number: int) -> np.ndarray:
        """How often each problem came before `number`, int64 `[N]`."""
        window, turn = divmod(number, self._count)
        counts = np.bincount(self._window(window)[:turn], minlength=self._count)
        for first in range(0, window, _CHUNK_WINDOWS):
            windows = np.arange(first, min(first + _CHUNK_WINDOWS, window))
            slots = self._slots(windows).ravel()
            counts = counts + np.bincount(slots, minlength=self._count)
        return counts

    def _window(self, window: int) -> np.ndarray:
        """The problems of a window in their order, `[N]`."""
        slots = self._slots(np.array([window]))[0]
        seed, *others = self._key
        return np.random.default_rng([seed, window, *others]).permutation(slots)

    def _slots(self, windows_W: np.ndarray) -> np.ndarray:
        """The problems of some windows, in ascending order, `[W, N]`.

        Systematic sampling: N equidistant points on the line on which each problem
        has a stretch as long as its share; the points' start moves between windows.
        """
        start_W1 = ((self._start + windows_W * _GOLDEN) % 1.0)[:, np.newaxis]
        points_WN = (np.arange(self._count) + start_W1) / self._count
        return np.searchsorted(self._bounds, points_WN, side="right")


class Metronomes:
    """Shares that change: a metronome beats for each problem, at its share's pace.

    Time runs from 0, and in the time t a problem with the shares p(t) beats whenever
    the integral of p passes a whole number plus the problem's phase. Number n falls to
    the n-th beat of all. As the shares sum up to 1 and the phases are spread evenly
    over (0, 1), beat n lies within N/2 of the time n, whatever the shares do; so a
    problem's count differs from the integral of its share by at most 1 + N/2 times its
    largest share near by. Where the
    shares do not change and the integrals come to whole numbers, counts are these.

    Args:
        edges: Where each of the S stairs begins, ascending from 0, `[S]`; the last
            one goes on without end.
        shares: On each stair, `[S, N]`, rows of sum 1. A problem has a share on every
            stair or on none.
        key: What decides the phases.
    """

    def __init__(
        self, edges: np.ndarray, shares: np.ndarray, key: tuple[int, ...]
    ) -> None:
        self._edges = np.append(edges, _FOR_EVER)
        lengths = np.diff(self._edges)[:, np.newaxis]
        begun = np.zeros([1, shares.shape[1]])
        self._reached = np.concatenate([begun, np.cumsum(shares * lengths, axis=0)])
        self._count = shares.shape[1]
        heard = np.flatnonzero(shares.any(axis=0))
        places = np.random.default_rng(key).permutation(len(heard))
        self._phase = np.full(self._count, 0.5)
        self._phase[heard] = (places + 0.5) / len(heard)
        self._chunk = -1

    def at(self, number: int) -> int:
        """The problem of `number`."""
        chunk, turn = divmod(number, _CHUNK_BEATS)
        self._load(chunk)
        return int(self._beats[self._skipped + turn])

    def counts(self, number: int) -> np.ndarray:
        """How often each problem came before `number`, int64 `[N]`."""
        chunk, turn = divmod(number, _CHUNK_BEATS)
        self._load(chunk)
        near = self._beats[: self._skipped + turn]
        return self._before + np.bincount(near, minlength=self._count)

    def _load(self, chunk: int) -> None:
        """Lists the beats around a chunk of numbers, unless they are listed."""
        if chunk == self._chunk:
            return
        first = chunk * _CHUNK_BEATS
        start, end = float(first - self._count), float(first + _CHUNK_BEATS)
        end += self._count
        spans = [
            (self._beats_before(problem, start), self._beats_before(problem, end))
            for problem in range(self._count)
        ]
        times = [self._times(i, *span) for i, span in enumerate(spans)]
        problems = np.repeat(np.arange(self._count), [len(own) for own in times])
        self._beats = problems[np.lexsort((problems, np.concatenate(times)))]
        self._before = np.array([before for before, _ in spans], np.int64)
        self._skipped = first - int(self._before.sum())
        self._chunk = chunk

    def _times(self, problem: int, first: int, last: int) -> np.ndarray:
        """When a problem's beats from `first` to before `last` come."""
        marks = np.arange(first, last) + self._phase[problem]
        return np.interp(marks, self._reached[:, problem], self._edges, right=np.inf)

    def _beats_before(self, problem: int, time: float) -> int:
        """How many beats of a problem come before a time."""
        if time <= 0:
            return 0
        reached = np.interp(time, self._edges, self._reached[:, problem])
        about = max(0, int(reached - self._phase[problem]) - 1)
        # Counted by the times themselves, so that no rounding tells otherwise.
        return about + int((self._times(problem, about, about + 4) < time).sum())
