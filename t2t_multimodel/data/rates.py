"""How often each problem is taken, over the steps of a run: what `--mixture` says.

A mixture is a list of pieces with commas between them:

    uniform               every problem has the rate 1: the base, unless told otherwise
    proportional          the base is the number of training examples
    temperature=T         the base is that number to the power 1/T
    cap=N                 numbers above N count as N (with one of the two before)
    NAME=RATE             the problem's base is multiplied by RATE
    evenly                where no rate changes: turns stand at even distances instead
                          of in an order that chance decides, and after a number of
                          batches of which the shares are whole numbers each problem
                          has had exactly its own

RATE is a number, or one of three shapes through points RATE@STEP, of which the first
rate holds before them and the last one after them:

    step(1@0,4@2000)      1, and 4 from step 2000 on
    linear(1@0,4@2000)    a straight line between the points
    exp(2@0,0.1@3000)     a geometric one: the same factor in every step

and each may end in `@START..STOP`, either left out at will: outside these steps, of
which STOP is the first, the rate is 0. Steps count from 0.

References: mixing by capped sizes and a temperature (arXiv 1910.10683, section 3.5.2).
"""

from __future__ import annotations

import bisect
import dataclasses
import difflib
import itertools
import re
from collections.abc import Mapping, Sequence

SHAPES = ("step", "linear", "exp")
_SHAPE = re.compile(r"(\w*)\((.*)\)")
_SPAN = re.compile(r"(.*?)(?:@(\d*)\.\.(\d*))?")
_FORMS = (
    "it is 'uniform', 'proportional', 'temperature=2', 'cap=50000', 'evenly', or a "
    "problem's rate: 'a=3', 'a=linear(1@0,4@2000)', 'a=1@500..3000'"
)


@dataclasses.dataclass(frozen=True)
class Rate:
    """One problem's rate over the steps.

    Attributes:
        shape: Of `SHAPES`.
        rates: At the points, at least one.
        steps: Of the points, ascending.
        start: The first step with a rate above 0, at the earliest.
        stop: The first step after `start` that has none, if any.
    """

    shape: str
    rates: tuple[float, ...]
    steps: tuple[int, ...]
    start: int = 0
    stop: int | None = None

    def at(self, step: float) -> float:
        """The rate at a step; between two steps too."""
        if step < self.start or (self.stop is not None and step >= self.stop):
            return 0.0
        after = bisect.bisect_right(self.steps, step)
        if after == 0:
            return self.rates[0]
        if after == len(self.steps) or self.shape == "step":
            return self.rates[after - 1]
        (a, b), (first, last) = (
            values[after - 1 : after + 1] for values in (self.rates, self.steps)
        )
        done = (step - first) / (last - first)
        return a + (b - a) * done if self.shape == "linear" else a * (b / a) ** done

    def breaks(self) -> set[int]:
        """The steps between which the rate is one smooth line."""
        ends = {self.start} if self.stop is None else {self.start, self.stop}
        return {*self.steps, *ends}

    def changes_within(self, first: int, last: int) -> bool:
        """Whether it moves between two neighbouring breaks of a mixture."""
        middle = (first + last) / 2
        return self.at(first) != self.at(middle)


@dataclasses.dataclass(frozen=True)
class Rates:
    """What a mixture's text says.

    Attributes:
        text: The text without blanks.
        power: The base is a size to this power: 0 for "uniform".
        cap: Sizes above it count as it; None: as they are.
        by_name: The rates of the problems that are named.
        is_even: Whether rates that never change are shared out evenly and exactly.
    """

    text: str
    power: float
    cap: float | None
    by_name: Mapping[str, Rate]
    is_even: bool = False

    @classmethod
    def parse(cls, text: str) -> Rates:
        """Reads a mixture's text.

        Raises:
            ValueError: It cannot be understood; the piece that cannot is named.
        """
        text = "".join(text.split())
        powers: dict[str, float] = {}
        cap: float | None = None
        by_name: dict[str, Rate] = {}
        is_even = False
        for piece in _pieces(text):
            name, equals, value = piece.partition("=")
            if piece in ("uniform", "proportional"):
                powers[piece] = float(piece == "proportional")
            elif piece == "evenly":
                is_even = True
            elif not equals or not name:
                raise _error(piece, _FORMS)
            elif name == "temperature":
                powers[piece] = 1.0 / _above_zero(piece, value, "temperature")
            elif name == "cap":
                cap = _above_zero(piece, value, "cap")
            elif name in by_name:
                raise _error(piece, f"{name} has a rate already")
            else:
                by_name[name] = _rate(piece, value)
        if len(powers) > 1:
            raise _error(list(powers)[1], f"the base is {next(iter(powers))} already")
        power = next(iter(powers.values()), 0.0)
        if cap is not None and not power:
            raise _error(
                f"cap={cap:g}", "it needs 'proportional' or 'temperature=2' beside it"
            )
        return cls(text, power, cap, by_name, is_even)

    @property
    def is_constant(self) -> bool:
        """Whether the rates are the same at all steps."""
        return all(len(rate.breaks()) == 1 for rate in self.by_name.values())

    def check_names(self, names: Sequence[str]) -> None:
        """Checks that the text names only problems of a run.

        Raises:
            ValueError: It names another one.
        """
        for name in self.by_name:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
                known = f"near it: {', '.join(near)}" if near else ", ".join(names)
                raise ValueError(
                    f"mixture: {name!r} is not among the problems: {known}"
                )

    def at(self, step: float, sizes: Mapping[str, int]) -> list[float]:
        """The rates of all problems, in the order of `sizes`, at a step."""
        cap = float("inf") if self.cap is None else self.cap
        bases = [min(float(size), cap) ** self.power for size in sizes.values()]
        named = [self.by_name.get(name) for name in sizes]
        return [
            base * (1.0 if rate is None else rate.at(step))
            for base, rate in zip(bases, named, strict=True)
        ]

    def breaks(self) -> list[int]:
        """The steps between which all rates are smooth lines, ascending."""
        return sorted({0}.union(*(rate.breaks() for rate in self.by_name.values())))

    def changes_within(self, first: int, last: int) -> bool:
        """Whether a rate moves between two neighbouring breaks."""
        return any(rate.changes_within(first, last) for rate in self.by_name.values())


def _pieces(text: str) -> list[str]:
    """The text cut at the commas outside brackets."""
    pieces, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += char
        if depth not in (0, 1):
            break
    if depth:
        raise _error(pieces[-1], "a bracket is not closed, or closed twice")
    return pieces


def _rate(piece: str, text: str) -> Rate:
    """A rate such as "3", "linear(1@0,4@2000)" or "1@500..3000"."""
    span = _SPAN.fullmatch(text)
    assert span is not None  # Anything matches, at worst without a span.
    shape, start, stop = span.groups()
    rate = _shape(piece, shape)
    rate = dataclasses.replace(
        rate, start=int(start or 0), stop=int(stop) if stop else None
    )
    if rate.stop is not None and rate.stop <= rate.start:
        raise _error(piece, f"it stops at {rate.stop}, not after {rate.start}")
    return rate


def _shape(piece: str, text: str) -> Rate:
    found = _SHAPE.fullmatch(text)
    if found is None:
        return Rate("step", (_number(piece, text),), (0,))
    name, points = found.groups()
    if name not in SHAPES:
        raise _error(piece, f"there is no {name!r}; there are {', '.join(SHAPES)}")
    rates, steps = [], []
    for point in points.split(","):
        rate, at, step = point.partition("@")
        if not at or not step.isdecimal():
            raise _error(piece, f"{point!r} is not of the form RATE@STEP")
        rates.append(_number(piece, rate))
        steps.append(int(step))
    for one, other in itertools.pairwise(steps):
        if other <= one:
            raise _error(piece, f"step {other} does not come after step {one}")
    if name == "exp" and not all(rates):
        raise _error(piece, "exp never reaches 0; linear does, or @START..STOP")
    return Rate(name, tuple(rates), tuple(steps))


def _number(piece: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise _error(piece, f"{text!r} is no rate of 0 and above; {_FORMS}")
    return value


def _above_zero(piece: str, text: str, what: str) -> float:
    value = _number(piece, text)
    if not value:
        raise _error(piece, f"a {what} is above 0")
    return value


def _error(piece: str, reason: str) -> ValueError:
    return ValueError(f"mixture: {piece!r}: {reason}")
