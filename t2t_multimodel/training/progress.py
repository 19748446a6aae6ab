"""How a run shows itself: a live table or plain lines, and curves for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from t2t_multimodel.training.ledger import Interval
from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.summaries import Summaries

LOSS = "/loss"
_FILE_WIDTH = 200


class Progress(Listener):
    """Shows intervals on a console and writes them for TensorBoard.

    On a terminal a bar and a table of the problems stay in place; elsewhere every
    interval is one line. TensorBoard finds `train` and `dev` as two runs with a
    chart for each problem, `PROBLEM/loss` and so on.

    Args:
        summaries: The run's.
        train_steps: Steps of the whole run.
        console: Where to show it; standard output by default.
    """

    def __init__(
        self,
        summaries: Summaries,
        train_steps: int,
        console: Console | None = None,
    ) -> None:
        self._console = console or Console()
        self._train_steps = train_steps
        self._summaries = summaries
        self._latest: dict[str, tuple[float, float]] = {}
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        self._summaries.close()

    def say(self, line: str) -> None:
        """One line of text."""
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def show(self, table: Table) -> None:
        """A table that stays; off a terminal as wide as it has to be."""
        console = self._console
        if not console.is_terminal:
            console = Console(file=console.file, quiet=console.quiet, width=_FILE_WIDTH)
        console.print(table)

    def on_start(self, step: int, control: Control) -> None:
        if step:
            self._summaries.go_on(step)

    def on_interval(self, interval: Interval) -> None:
        for name, problem in interval.problems.items():
            self._latest[name] = (problem.loss, problem.targets_per_second)
        if self._console.is_terminal:
            self._live.update(self._table(interval), refresh=True)
        else:
            self.say(self._line(interval))
        scalars = {
            "learning_rate": interval.learning_rate,
            "steps_per_second": interval.steps_per_second,
            "input_share": interval.input_share,
        }
        for name, problem in interval.problems.items():
            scalars[f"{name}/loss"] = problem.loss
            scalars[f"{name}/tokens_per_second"] = problem.targets_per_second
            scalars[f"{name}/gradient_norm"] = problem.gradient_norm
            scalars[f"{name}/expert_balance"] = problem.balance
        self._summaries.scalars("train", interval.step, scalars)

    def on_dev(self, step: int, scores: Mapping[str, float]) -> None:
        losses = [
            f"{name.removesuffix(LOSS)} {loss:.3f}"
            for name, loss in scores.items()
            if name.endswith(LOSS)
        ]
        self.say(f"step {step}: dev loss: {', '.join(losses)}")
        figures = [
            f"{name} {value:.4g}"
            for name, value in scores.items()
            if not name.endswith(LOSS)
        ]
        if figures:
            self.say(f"step {step}: decoded dev examples: {', '.join(figures)}")
        self._summaries.scalars("dev", step, scores)

    def _line(self, interval: Interval) -> str:
        losses = ", ".join(
            f"{name} {problem.loss:.3f}"
            for name, problem in sorted(interval.problems.items())
        )
        return f"{self._headline(interval)} | loss: {losses}"

    def _headline(self, interval: Interval) -> str:
        left = self._train_steps - interval.step
        dropped = interval.dropped_share
        experts = "" if dropped is None else f"experts dropped {dropped:.1%} | "
        return (
            f"step {interval.step}/{self._train_steps} | "
            f"{interval.steps_per_second:.2f} steps/s | "
            f"waiting for input {interval.input_share:.0%} | "
            f"{experts}left {_duration(left / interval.steps_per_second)}"
        )

    def _table(self, interval: Interval) -> Group:
        table = Table(box=None, pad_edge=False)
        table.add_column("problem")
        table.add_column("loss", justify="right")
        table.add_column("targets/s", justify="right")
        for name, (loss, speed) in sorted(self._latest.items()):
            table.add_row(name, f"{loss:.3f}", f"{speed:,.0f}")
        head = Table.grid()
        head.add_row(ProgressBar(self._train_steps, interval.step, width=60))
        head.add_row(Text(self._headline(interval)))
        return Group(head, table)


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
