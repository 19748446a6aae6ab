"""Which problem supplies which step: a pure function of the seed and the step.

Steps come in windows of as many steps as there are problems. In each window the
problems stand in the proportion of their rates, up to rounding; what rounding takes in
one window it gives back in a later one. With equal rates every window holds each
problem once, in an order of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Successive multiples of it, modulo 1, fill the unit interval most evenly.
_GOLDEN = (5**0.5 - 1) / 2
_CHUNK = 65536


class Mixture:
    """Shares steps out among problems.

    Args:
        names: The problems.
        sizes: Training examples of each.
        rates: "uniform"; "proportional" (to the sizes); "temperature=2" (to the sizes
            to the power of 1/2); or rates by name, "parse_mini=2,image_mini=0.5"
            (those not named: 1).
        seed: Decides the order.

    Attributes:
        probabilities: Each problem's share of the steps, by name.

    Raises:
        ValueError: The rates cannot be understood, or name a problem that is not here.
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Mapping[str, int],
        rates: str = "uniform",
        seed: int = 0,
    ) -> None:
        if not names:
            raise ValueError("a mixture needs at least one problem")
        self.names = tuple(names)
        weights = np.array(_weights(self.names, sizes, rates), np.float64)
        shares = weights / weights.sum()
        self.probabilities = dict(zip(self.names, shares.tolist(), strict=True))
        self._seed = seed
        self._start = float(np.random.default_rng(seed).random())
        self._bounds = np.cumsum(shares)[:-1]

    def problem_at(self, step: int) -> str:
        """The problem whose batch step `step` (from 0) takes."""
        window, turn = divmod(step, len(self.names))
        return self.names[self._window(window)[turn]]

    def counts_before(self, step: int) -> dict[str, int]:
        """How many batches of each problem the steps before `step` take."""
        window, turn = divmod(step, len(self.names))
        counts = np.bincount(self._window(window)[:turn], minlength=len(self.names))
        for first in range(0, window, _CHUNK):
            windows = np.arange(first, min(first + _CHUNK, window))
            slots = self._slots(windows).ravel()
            counts = counts + np.bincount(slots, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def _window(self, window: int) -> np.ndarray:
        """Numbers of the problems of a window in their order, `[N]`."""
        slots = self._slots(np.array([window]))[0]
        return np.random.default_rng([self._seed, window]).permutation(slots)

    def _slots(self, windows_W: np.ndarray) -> np.ndarray:
        """Numbers of the problems of some windows, in ascending order, `[W, N]`.

        Systematic sampling: N equidistant points on the line on which each problem
        has a stretch as long as its share; the points' start moves between windows.
        """
        count = len(self.names)
        start_W1 = ((self._start + windows_W * _GOLDEN) % 1.0)[:, np.newaxis]
        points_WN = (np.arange(count) + start_W1) / count
        return np.searchsorted(self._bounds, points_WN, side="right")


def _weights(names: Sequence[str], sizes: Mapping[str, int], rates: str) -> list[float]:
    """A positive number for each problem, or zero for one that gets no step."""
    text = rates.strip()
    if text == "uniform":
        return [1.0 for _ in names]
    if text == "proportional":
        return [float(sizes[name]) for name in names]
    pairs = [item.partition("=")[::2] for item in text.split(",")]
    values = {name.strip(): _number(value, rates) for name, value in pairs}
    if set(values) == {"temperature"}:
        if values["temperature"] <= 0:
            raise ValueError(f"mixture {rates!r}: a temperature is above 0")
        return [sizes[name] ** (1 / values["temperature"]) for name in names]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ValueError(
            f"mixture {rates!r} names {unknown[0]!r}, which is not among the problems: "
            f"{', '.join(names)}"
        )
    weights = [values.get(name, 1.0) for name in names]
    if not any(weights):
        raise ValueError(f"mixture {rates!r} gives no problem a step")
    return weights


def _number(text: str, rates: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(
            f"mixture {rates!r}: it is 'uniform', 'proportional', 'temperature=2' or "
            f"rates of 0 and above by problem, 'a=3,b=1'"
        )
    return value
