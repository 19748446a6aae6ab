"""A uniform sample of a stream, of bounded size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")


class Sample(Generic[T]):
    """A uniform sample of a stream, of bounded size.

    Li 1994, "Reservoir-sampling algorithms of time complexity O(n(1+log(N/n)))",
    algorithm L: how many items are passed over is drawn, not whether each is.

    Args:
        chance: What draws.
        size: How many items at most.

    Attributes:
        items: The sample so far, in no order.
    """

    def __init__(self, chance: Random, size: int) -> None:
        self._chance, self._size = chance, size
        # Items gone over, and the number of the next one that is taken, from 0.
        self._num_seen = self._next = 0
        self._log_weight = 0.0
        self.items: list[T] = []

    def add(self, items: Sequence[S], form: Callable[[S], T]) -> None:
        """Goes over the next items of the stream.

        Args:
            items: The items.
            form: What is kept of one that is taken.
        """
        while self._next < self._num_seen + len(items):
            self._take(form(items[self._next - self._num_seen]))
        self._num_seen += len(items)

    def _take(self, item: T) -> None:
        if len(self.items) < self._size:
            self.items.append(item)
        else:
            self.items[self._chance.randrange(self._size)] = item
        self._next += 1
        if len(self.items) == self._size:
            self._log_weight += self._log() / self._size
            passed_over = self._log() / math.log1p(-math.exp(self._log_weight))
            self._next += int(passed_over)

    def _log(self) -> float:
        """The logarithm of a random number above 0 and at most 1."""
        return math.log(1.0 - self._chance.random())
