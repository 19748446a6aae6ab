"""From small batches to the worst one, and to the largest that fits.

What a step holds beside the weights is, for the batches of one shape, a line over the
number of examples once there are enough of them: the gradients it ends with, and
activations an example. With few examples the gradients alone may decide the peak, so
the true curve bends upwards, and the line goes through the largest sizes measured.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Line:
    """`base + slope * x`."""

    base: float
    slope: float

    @classmethod
    def through(cls, points: Mapping[int, float]) -> Line:
        """The line through the two points of largest x, which nowhere is below zero.

        Neither does memory shrink with the batch, nor is there less than none without
        one: what looks so is a bend between the two, and then the larger one counts.
        """
        if not points:
            raise ValueError("a line needs at least one point")
        *others, last = sorted(points)
        slope = points[last] / last
        if others:
            rise = points[last] - points[others[-1]]
            slope = min(slope, max(0.0, rise / (last - others[-1])))
        return cls(points[last] - slope * last, slope)

    def at(self, x: float) -> float:
        return self.base + self.slope * x

    def largest(self, most: float) -> float:
        """The largest whole x whose value is at most `most`; infinity on a level."""
        if self.slope == 0:
            return math.inf if self.base <= most else 0
        return max(0, math.floor((most - self.base) / self.slope + 1e-9))


@dataclasses.dataclass(frozen=True)
class Shape:
    """A bucket of a problem: batches of one shape.

    Attributes:
        batch_size: Examples in a batch (B).
        inputs, targets: Shapes of a batch's tensors, for people: "11x74240".
        cost: Of an example, padded, in the unit of `batch_cost_*`.
        num_batches: In an epoch.
    """

    batch_size: int
    inputs: str
    targets: str
    cost: int
    num_batches: int


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket and what a step on so many of its examples holds at most, in bytes."""

    shape: Shape
    held: Mapping[int, float]

    @property
    def predicted(self) -> float:
        """What a step on a whole batch will hold, from the smaller ones measured."""
        return self.line.at(self.shape.batch_size)

    @property
    def line(self) -> Line:
        size = self.shape.batch_size
        smaller = {n: held for n, held in self.held.items() if n < size}
        return Line.through(smaller or self.held)


def worst(buckets: Sequence[Bucket]) -> int:
    """The number of the bucket whose whole batches hold the most."""
    return max(range(len(buckets)), key=lambda number: buckets[number].predicted)


def largest_batch_cost(buckets: Sequence[Bucket], room: float, cost: int) -> int:
    """The largest `batch_cost_*` up to `cost` with which all buckets fit.

    Args:
        buckets: Of all problems that the field decides.
        room: Bytes that a step may hold.
        cost: The field's value now.

    Returns:
        0 if a batch of a single example is too large.
    """
    for bucket in buckets:
        most = bucket.line.largest(room)
        if most < 1:
            return 0
        if bucket.shape.batch_size > most:
            # A batch holds `batch_cost // cost of an example` examples.
            cost = min(cost, (int(most) + 1) * bucket.shape.cost - 1)
    return cost
