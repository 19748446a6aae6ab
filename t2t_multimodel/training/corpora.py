"""The generated data of a run: its problems, vocabulary, streams and dev batches."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import VOCABULARY_FILE, Manifest, manifest_path
from t2t_multimodel.data.mixture import Mixture
from t2t_multimodel.data.pipeline import BatchStream, eval_batches
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.dev_loss import Batches
from t2t_multimodel.training.example_limits import check_limits, parse_limits
from t2t_multimodel.training.hearing import as_heard


@dataclasses.dataclass(frozen=True)
class Corpora:
    """What a run trains on.

    Attributes:
        problems: In the order in which they were named.
        data_dir: Where their data lies.
        vocabulary: The shared vocabulary; None if no problem has text.
        streams: Training batches by problem.
    """

    problems: tuple[Problem, ...]
    data_dir: Path
    vocabulary: Vocabulary | None
    streams: dict[str, BatchStream]

    @property
    def sizes(self) -> dict[str, int]:
        """Training examples by problem."""
        return {name: stream.num_examples for name, stream in self.streams.items()}

    @property
    def problem_options(self) -> dict[str, dict[str, Any]]:
        """What each problem was made with."""
        return {problem.name: dict(problem.options) for problem in self.problems}

    @property
    def epochs(self) -> dict[str, int]:
        """Batches in an epoch, by problem."""
        return {name: s.batches_per_epoch for name, s in self.streams.items()}

    def mixture(self, config: TrainingConfig, origin: int = 0) -> Mixture:
        """Which problem each batch of a run is of, from step `origin` on."""
        return Mixture(
            tuple(self.sizes),
            self.sizes,
            config.mixture,
            config.seed,
            origin,
            config.batches_per_step,
            config.train_steps,
        )

    def batches(self, config: TrainingConfig) -> dict[str, int]:
        """How many batches of each problem a whole run takes."""
        number = config.train_steps * config.batches_per_step
        return self.mixture(config).counts_before(number)

    def dev_batches(self, config: TrainingConfig) -> dict[str, Batches]:
        """For each problem that has a dev split, what gives its first batches."""
        return {
            problem.name: functools.partial(self._dev_batches, problem, config)
            for problem in self.problems
            if "dev" in Manifest.load(self.data_dir, problem.name).splits
        }

    def _dev_batches(self, problem: Problem, config: TrainingConfig) -> tf.data.Dataset:
        return self.eval_batches(problem, config, "dev").take(config.eval_batches)

    def eval_batches(
        self, problem: Problem, config: TrainingConfig, split: str
    ) -> tf.data.Dataset:
        """Every example of a split once, in batches as large as in training."""
        return eval_batches(
            problem,
            self.data_dir,
            self.vocabulary,
            split=split,
            batch_cost=_batch_cost(problem, config),
        )


def open_corpora(
    problem_names: Sequence[str],
    data_dir: Path,
    config: TrainingConfig,
    part: tuple[int, int] = (0, 1),
    multiple_of: int = 1,
) -> Corpora:
    """Opens the data of some problems.

    Args:
        problem_names: Names of registered problems.
        data_dir: Where their data lies.
        config: Of the training.
        part: Which part of each training batch to read, of how many; see `BatchStream`.
        multiple_of: Batch sizes are multiples of it.

    Raises:
        ValueError: A problem is unknown, has no data (the command that makes it is
            given) or fewer examples than it is to use, or its data was made with
            another vocabulary.
    """
    registry.use_definitions(data_dir)
    limits = parse_limits(config.train_examples)
    check_limits(limits, problem_names)
    problems = tuple(registry.problem(name) for name in problem_names)
    missing = [
        problem.name
        for problem in problems
        if not manifest_path(data_dir, problem.name).exists()
    ]
    if missing:
        raise ValueError(
            f"{data_dir} has no data of {', '.join(missing)}; make it with: "
            f"t2t-datagen --problems={','.join(missing)} --data_dir={data_dir}"
        )
    problems = tuple(as_heard(p.with_data(data_dir), config) for p in problems)
    vocabulary = None
    if any("text" in (p.inputs.modality, p.targets.modality) for p in problems):
        vocabulary = Vocabulary.load(data_dir / VOCABULARY_FILE)
    streams = {
        problem.name: BatchStream(
            problem,
            data_dir,
            vocabulary,
            split="train",
            batch_cost=_batch_cost(problem, config),
            max_length=_max_length(problem, config),
            num_buckets=config.num_buckets,
            seed=config.seed,
            num_replicas=multiple_of,
            part=part,
            max_examples=limits.get(problem.name),
        )
        for problem in problems
    }
    return Corpora(problems, data_dir, vocabulary, streams)


def _batch_cost(problem: Problem, config: TrainingConfig) -> int:
    cost: int = getattr(config, f"batch_cost_{problem.inputs.modality}")
    return cost


def _max_length(problem: Problem, config: TrainingConfig) -> int:
    is_audio = problem.inputs.modality == "audio"
    return config.max_frames if is_audio else config.max_length
