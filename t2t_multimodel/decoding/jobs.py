"""Which input goes to which problem, checked and gathered into batches.

Shared by what decodes inputs and by what scores pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data.problem import Later, Problem
from t2t_multimodel.decoding.reading import ENDINGS, Item
from t2t_multimodel.decoding.request import ON_ERROR

# Inputs that take more than this together are read again when their batch comes.
_HELD_BYTES = 1 << 28


@dataclasses.dataclass(frozen=True)
class Job:
    """One input for one problem.

    Attributes:
        item: The input.
        problem: The problem, as the run was trained on it.
        number: The place of the input among all, from 0.
    """

    item: Item
    problem: Problem
    number: int


def jobs_of(run: Any, items: Sequence[Item], problem_names: Sequence[str]) -> list[Job]:
    """Which problem each input is for: input by input, problem by problem.

    Args:
        run: What `training.restore.load_run` gives.
        items: The inputs.
        problem_names: For inputs that name no problem; where it is empty too, a run of
            one problem decides.

    Raises:
        ValueError: No input has a problem. Where only some have none, or one that the
            run was not trained on, that is a fault of the input.
    """
    known = run.problem_names
    names = tuple(problem_names) or (tuple(known) if len(known) == 1 else ())
    if not names and not any(item.problem or item.fault for item in items):
        raise ValueError(f"--problem takes one of the run's: {', '.join(known)}")
    problems: dict[str, Problem] = {}
    jobs = []
    for number, item in enumerate(items):
        wanted, fault = (item.problem,) if item.problem else names, item.fault
        if not fault and not wanted:
            fault = "it names no problem, and --problem is not given"
        elif not fault and not set(wanted) <= set(known):
            fault = (
                f"the run was not trained on {', '.join(wanted)}; "
                f"it was on: {', '.join(known)}"
            )
        if fault:
            # Any problem will do for what is never decoded.
            item = dataclasses.replace(item, fault=fault)
            wanted = tuple(
                name if name in known else known[0] for name in wanted or known[:1]
            )
        for name in wanted:
            if name not in problems:
                problems[name] = run.problem(name)
            jobs.append(Job(item, problems[name], number))
    return jobs


class LoadedInputs:
    """The inputs of jobs in stored form, checked, with what they cost.

    Args:
        run: The run.
        jobs: The jobs.
        on_error: "stop" or "skip".

    Attributes:
        faults: By place among the jobs: why an input cannot be read.

    Raises:
        ValueError: An input cannot be read, and that is to stop.
    """

    def __init__(self, run: Any, jobs: Sequence[Job], on_error: str = "stop") -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error is {on_error!r}: it is stop or skip")
        self._jobs = jobs
        self._held: dict[int, Any] = {}
        self._costs: dict[int, int] = {}
        self.faults: dict[int, str] = {}
        held_bytes = 0
        for place, job in enumerate(jobs):
            feature = job.problem.inputs
            try:
                value = _load(job)
            except ValueError as error:
                if on_error == "stop":
                    raise
                self.faults[place] = str(error)
                continue
            length = feature.length(value, run.vocabulary)
            self._costs[place] = int(feature.cost(length))
            held_bytes += len(value) if isinstance(value, bytes) else 8
            if held_bytes <= _HELD_BYTES:
                self._held[place] = value

    def drop(self, place: int, fault: str) -> None:
        """Counts an input among those that cannot be read."""
        self.faults[place] = fault
        del self._costs[place]

    def raise_cost(self, place: int, cost: int) -> None:
        """For what goes through the model along with an input."""
        self._costs[place] = max(self._costs[place], cost)

    def value(self, place: int) -> Any:
        """An input in its stored form."""
        held = self._held.get(place)
        return _load(self._jobs[place]) if held is None else held

    def batches(self, batch_cost: int) -> Iterator[list[int]]:
        """Places of one problem in batches of similar cost.

        A batch costs its dearest times its size.
        """
        by_problem: dict[str, list[int]] = {}
        # From the dearest, so that the first of a batch is the one all are padded to.
        for place in sorted(self._costs, key=lambda place: -self._costs[place]):
            by_problem.setdefault(self._jobs[place].problem.name, []).append(place)
        for places in by_problem.values():
            batch: list[int] = []
            for place in places:
                if batch and (len(batch) + 1) * self._costs[batch[0]] > batch_cost:
                    yield batch
                    batch = []
                batch.append(place)
            yield batch


def raw_value(value: Any) -> Any:
    """A value that may still have to be made."""
    return value.value() if isinstance(value, Later) else value


def _load(job: Job) -> Any:
    item, feature = job.item, job.problem.inputs
    if item.fault:
        raise ValueError(f"{item.name}: {item.fault}")
    try:
        value = raw_value(item.value)
        is_path = feature.modality in ENDINGS and isinstance(value, str)
        if is_path and item.folder is not None and not Path(value).exists():
            value = str(item.folder / value)
        return feature.load(value)
    except (OSError, ValueError) as error:
        raise ValueError(f"{item.name}: {error}") from error
