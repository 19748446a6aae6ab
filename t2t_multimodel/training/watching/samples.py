"""Dev examples as the model decodes them while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from t2t_multimodel.training.listener import Listener
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.evaluator import DecodedExample, Evaluator

_SHOWN = 160


class Samples(Listener):
    """Decodes the same examples every so many steps and shows them.

    On the console each is three lines; TensorBoard has a table `samples/PROBLEM`.

    Args:
        every: Steps from one time to the next.
        count: Examples of each problem, from the first of its dev split.
        problems: The run's.
        evaluator: Decodes, greedily.
        weights: A context in which the model has the weights that evaluation uses.
        say: Shows a line.
        summaries: The run's.
    """

    def __init__(
        self,
        every: int,
        count: int,
        problems: Sequence[str],
        evaluator: Evaluator,
        weights: Callable[[], AbstractContextManager[None]],
        say: Callable[[str], None],
        summaries: Summaries,
    ) -> None:
        self.every, self._count = every, count
        self._problems = tuple(problems)
        self._evaluator = evaluator
        self._weights = weights
        self._say = say
        self._summaries = summaries

    def on_turn(self, step: int) -> None:
        for problem in self._problems:
            with self._weights():
                samples = list(self._evaluator.samples(problem, self._count))
            if samples:
                self._show(step, problem, samples)

    def _show(self, step: int, problem: str, samples: Sequence[DecodedExample]) -> None:
        for inputs, right, output in samples:
            self._say(f"step {step}, {problem}: {_short(inputs)}")
            self._say(f"    right:  {_short(right)}")
            self._say(f"    output: {_short(output)}")
        self._summaries.text("dev", step, f"samples/{problem}", _table(samples))


def _table(samples: Iterable[DecodedExample]) -> str:
    head = "| inputs | right | output |\n| --- | --- | --- |\n"
    return head + "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in samples)


def _cell(text: str) -> str:
    """Text that Markdown takes for nothing else than text."""
    one_line = " ".join(text.split())
    for sign in "\\|`*_<>[]":
        one_line = one_line.replace(sign, f"\\{sign}")
    return one_line


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _SHOWN else f"{one_line[: _SHOWN - 4]} ..."
