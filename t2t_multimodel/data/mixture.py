"""Which problem supplies which batch: a pure function of seed, origin and number.

Batches are numbered through the run: with k batches a step, step s takes the numbers
from s k to s k + k - 1. `orders.py` says how a stretch of them is shared out; where
the rates never change there is one stretch, else a new one begins with every step at
which a problem starts or stops or a line bends.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

import numpy as np

from t2t_multimodel.data.orders import Metronomes, Order, Windows
from t2t_multimodel.data.rates import Rates

# A line is climbed on stairs: as many between two of its points, or a step each.
_STAIRS = 256


class Mixture:
    """Shares batches out among problems.

    Args:
        names: The problems.
        sizes: Training examples of each.
        rates: What `data.rates` reads: "uniform", "temperature=2,cap=50000",
            "a=linear(1@0,4@2000),b=1@500..3000".
        seed: Decides the order.
        origin: The step from which this mixture holds; the order starts anew there.
        batches_per_step: How many batches a step takes (k).
        num_steps: Steps of the run, those after which do not matter; None: all do.

    Attributes:
        starts: The steps with which its stretches begin, the origin first.

    Raises:
        ValueError: The rates cannot be understood, name a problem that is not here, or
            give no problem a rate at some steps.
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Mapping[str, int],
        rates: str = "uniform",
        seed: int = 0,
        origin: int = 0,
        batches_per_step: int = 1,
        num_steps: int | None = None,
    ) -> None:
        if not names:
            raise ValueError("a mixture needs at least one problem")
        self.names = tuple(names)
        self._sizes = {name: sizes[name] for name in names}
        self._rates = Rates.parse(rates)
        self._rates.check_names(self.names)
        self._batches_per_step = batches_per_step
        breaks = [] if self._rates.is_constant else self._rates.breaks()
        starts = [origin, *(step for step in breaks if step > origin)]
        stretches = [
            (first, last)
            for first, last in zip(starts, [*starts[1:], None], strict=True)
            if num_steps is None or first < max(num_steps, origin + 1)
        ]
        self.starts = tuple(first for first, _ in stretches)
        self._starts = [first * batches_per_step for first in self.starts]
        if self._rates.is_constant and not self._rates.is_even:
            key = (seed, origin) if origin else (seed,)
            self._orders: list[Order] = [Windows(self._shares(origin, origin), key)]
        else:
            self._orders = [self._metronomes(*ends, seed) for ends in stretches]

    def problem_at(self, number: int) -> str:
        """The problem that batch `number` of the run is of."""
        place = bisect.bisect_right(self._starts, number) - 1
        return self.names[self._orders[place].at(number - self._starts[place])]

    def counts_before(self, number: int) -> dict[str, int]:
        """How many batches of each problem lie from the origin to before `number`."""
        counts = np.zeros(len(self.names), np.int64)
        ends = [*self._starts[1:], None]
        for order, start, end in zip(self._orders, self._starts, ends, strict=True):
            last = number if end is None else min(number, end)
            if last > start:
                counts = counts + order.counts(last - start)
        return dict(zip(self.names, counts.tolist(), strict=True))

    def shares_at(self, step: int) -> dict[str, float]:
        """Each problem's share of the batches at a step, by name."""
        shares = self._shares(step, step)
        return dict(zip(self.names, shares.tolist(), strict=True))

    def _shares(self, step: float, since: int) -> np.ndarray:
        """The problems' shares at a step, float64 `[N]`, of sum 1."""
        rates = np.array(self._rates.at(step, self._sizes))
        if not rates.any():
            raise ValueError(
                f"mixture {self._rates.text!r} gives no problem a rate above 0 from "
                f"step {since} on"
            )
        return np.asarray(rates / rates.sum())

    def _metronomes(self, first: int, last: int | None, seed: int) -> Metronomes:
        """The order of the steps from `first` to before `last`."""
        stairs = 1
        if last is not None and self._rates.changes_within(first, last):
            stairs = min(_STAIRS, last - first)
        length = 1 if last is None else last - first
        edges = [length * stair / stairs for stair in range(stairs)]
        middles = [first + edge + length / stairs / 2 for edge in edges]
        shares_SN = np.array([self._shares(step, first) for step in middles])
        edges_S = np.array(edges) * self._batches_per_step
        return Metronomes(edges_S, shares_SN, (seed, first))
