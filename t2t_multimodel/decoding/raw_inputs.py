"""Decoding of what a user has at hand: sentences, image files, audio files.

Inputs are checked all before the first is decoded, decoded in batches of similar
length, and answered in the order in which they came.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.problem import Problem
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import Decoded, DecodedText, Decoder
from t2t_multimodel.decoding.grammars import grammar_of
from t2t_multimodel.decoding.jobs import Job, LoadedInputs, jobs_of
from t2t_multimodel.decoding.reading import Item

BATCH_COST = 2048


@dataclasses.dataclass(frozen=True)
class Answer:
    """What became of a job.

    Attributes:
        job: The job.
        output: What the model made of it; None where the input was skipped.
        seconds: The time of its batch, shared by the inputs in it.
        fault: Why it was skipped; "" where it was not.
    """

    job: Job
    output: Decoded | None
    seconds: float = 0.0
    fault: str = ""

    @property
    def text(self) -> str | None:
        """The output in words, a class by its name; None where there is none."""
        if self.output is None:
            return None
        if isinstance(self.output, DecodedText):
            return self.output.text
        names: Sequence[str] = self.job.problem.targets.names  # type: ignore[attr-defined]
        return names[self.output.classes[0]]


class RawDecoder:
    """Decodes inputs of any problem of a run; keeps its graphs from call to call.

    Args:
        run: What `training.restore.load_run` gives.
        config: How text is searched for; greedily by default.
        depth: How many classes a ranking holds at most.
        batch_cost: Padded positions in a batch; no output depends on it.
        data_dir: Where the training data lies, if not where the run read it.
    """

    def __init__(
        self,
        run: Any,
        config: DecodeConfig | None = None,
        depth: int = 5,
        batch_cost: int = BATCH_COST,
        data_dir: Path | None = None,
    ) -> None:
        self.run, self.config = run, config or DecodeConfig()
        self._batch_cost, self._data_dir = batch_cost, data_dir
        max_length = run.hparams.training.max_length
        self._decoder = Decoder(run.vocabulary, max_length, depth, self.config)
        self._grammars: dict[str, Any] = {}

    def decode(
        self,
        jobs: Sequence[Job],
        on_error: str = "stop",
        advance: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """What the model makes of each job, in the order of the jobs.

        Args:
            jobs: As `jobs_of` gives.
            on_error: "stop" at the first input that cannot be read, before anything is
                decoded; or "skip" it.
            advance: Called with the number of jobs of each batch done.

        Raises:
            ValueError: An input cannot be read; the message says which and why. Or a
                problem's grammar cannot be had, see `grammars.grammar_of`.
        """
        answers: dict[int, Answer] = {}
        loaded = LoadedInputs(self.run, jobs, on_error)
        for place, job in enumerate(jobs):
            if place not in loaded.faults and job.problem.name not in self._grammars:
                self._grammars[job.problem.name] = grammar_of(
                    self.run, job.problem, self.config, self._data_dir
                )
        for place, fault in loaded.faults.items():
            answers[place] = Answer(jobs[place], None, fault=fault)
        if advance is not None:
            advance(len(answers))
        for places in loaded.batches(self._batch_cost):
            started = time.perf_counter()
            problem = jobs[places[0]].problem
            values = [loaded.value(place) for place in places]
            batch = problem.inputs.batch(values, self.run.vocabulary)
            batch["index"] = np.array([jobs[place].number for place in places])
            view = self.run.model.view(problem.name)
            outputs = self._decoder.decode(view, batch, self._grammars[problem.name])
            seconds = (time.perf_counter() - started) / len(places)
            for place, output in zip(places, outputs, strict=True):
                answers[place] = Answer(jobs[place], output, seconds)
            if advance is not None:
                advance(len(places))
        return [answers[place] for place in range(len(jobs))]


def decode_items(
    run: Any,
    items: Sequence[Item],
    problem_names: Sequence[str] = (),
    *,
    on_error: str = "stop",
    batch_cost: int = BATCH_COST,
    depth: int = 5,
    advance: Callable[[int], None] | None = None,
    config: DecodeConfig | None = None,
) -> list[Answer]:
    """What a run makes of inputs from anywhere (see `reading`), for several problems.

    Arguments are those of `jobs_of` and `RawDecoder`.

    Returns:
        An answer for each input and problem, in the order of `jobs_of`.
    """
    jobs = jobs_of(run, items, problem_names)
    decoder = RawDecoder(run, config, depth, batch_cost)
    return decoder.decode(jobs, on_error, advance)


def decode_inputs(
    run: Any,
    problem: Problem,
    inputs: Sequence[Any],
    *,
    where: Sequence[str] | None = None,
    batch_cost: int = BATCH_COST,
    depth: int = 5,
    advance: Callable[[int], None] | None = None,
    config: DecodeConfig | None = None,
) -> list[Decoded]:
    """What a run makes of raw inputs for one problem.

    Args:
        run: What `training.restore.load_run` gives.
        problem: A problem of the run.
        inputs: Values that the problem's input feature takes: sentences, or paths,
            bytes or arrays of images or sound.
        where: What to call each input in an error, such as its file and line.
        batch_cost: Padded positions in a batch; no output depends on it.
        depth: How many classes a ranking holds at most.
        advance: Called with the number of inputs of each batch done.
        config: How text is searched for; greedily by default.

    Returns:
        An output for each input, in the same order.

    Raises:
        ValueError: An input cannot be read; the message says which and why. Or the
            problem's grammar cannot be had, see `grammars.grammar_of`.
    """
    names = where or [f"input {number + 1}" for number in range(len(inputs))]
    jobs = [
        Job(Item(value, name), problem, number)
        for number, (value, name) in enumerate(zip(inputs, names, strict=True))
    ]
    answers = RawDecoder(run, config, depth, batch_cost).decode(jobs, advance=advance)
    return [answer.output for answer in answers if answer.output is not None]
