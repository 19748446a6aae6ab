"""A trained run, ready to be evaluated or to decode."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.training.checkpoint import restore_weights
from t2t_multimodel.training.checkpoint_choice import find_checkpoint
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.freezing import freeze
from t2t_multimodel.training.hearing import as_trained
from t2t_multimodel.training.record import CONFIG, RunRecord


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run's folder gives.

    Attributes:
        model: With the checkpoint's weights: their moving average where the run kept
            one (`ema_decay`).
        hparams: What took effect in training.
        problem_names: In the model's order.
        vocabulary: The run's own copy; None if no problem has text.
        data_dir: Where the run read its data.
        seed: The run's.
        step: The steps that the weights have seen.
        output_dir: The run's folder.
        checkpoint: The checkpoint's path.
        problem_options: What each problem was made with; see `Problem.options`.
    """

    model: MultiModel
    hparams: HParams
    problem_names: tuple[str, ...]
    vocabulary: Vocabulary | None
    data_dir: Path
    seed: int
    step: int
    output_dir: Path
    checkpoint: str
    problem_options: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )

    def problem(self, name: str) -> Problem:
        """A problem as the run was trained on it, with its classes for example.

        Raises:
            ValueError: The run was not trained on it.
        """
        if name not in self.problem_names:
            raise ValueError(
                f"the run in {self.output_dir} was not trained on {name!r}; it was on: "
                f"{', '.join(self.problem_names)}"
            )
        options = self.problem_options.get(name, {})
        return as_trained(name, options, self.hparams.training)

    def at(self, checkpoint: str) -> Run:
        """The run at another of its checkpoints: the same model, which changes.

        Raises:
            ValueError: There is no such checkpoint.
        """
        path = find_checkpoint(self.output_dir, checkpoint)
        averaged = self.hparams.training.ema_decay > 0
        step = restore_weights(path, self.model, averaged)
        return dataclasses.replace(self, step=step, checkpoint=path)


def load_run(output_dir: str | Path, checkpoint: str | None = None) -> Run:
    """The model of a run as it stood at a checkpoint.

    Args:
        output_dir: The run's folder.
        checkpoint: None for the newest; else a step ("3000"), a name or a path.

    Raises:
        ValueError: The folder is no run's, has no such checkpoint, or its vocabulary
            is not the one that the run was trained with.
    """
    output_dir = Path(output_dir)
    record = RunRecord.read(output_dir)
    registry.use_definitions(output_dir)
    path = find_checkpoint(output_dir, checkpoint)
    vocabulary = None
    if record.vocabulary_size:
        vocabulary = Vocabulary.load(output_dir / VOCABULARY_FILE)
        if vocabulary.fingerprint != record.vocabulary_fingerprint:
            raise ValueError(
                f"{output_dir / VOCABULARY_FILE} is vocabulary "
                f"{vocabulary.fingerprint}, but the run was trained with "
                f"{record.vocabulary_fingerprint}; put that one back."
            )
    model = untrained_model(record)
    averaged = record.hparams.training.ema_decay > 0
    return Run(
        model=model,
        hparams=record.hparams,
        problem_names=record.problem_names,
        vocabulary=vocabulary,
        data_dir=Path(record.data_dir),
        seed=record.hparams.training.seed,
        step=restore_weights(path, model, averaged),
        output_dir=output_dir,
        checkpoint=path,
        problem_options=record.problem_options,
    )


def load_run_at(source: str | Path) -> Run:
    """The run of a folder, or of the path of a checkpoint in one.

    Raises:
        ValueError: As `load_run`.
    """
    path = Path(source).expanduser()
    if not path.is_dir() and (path.parent / CONFIG).exists():
        return load_run(path.parent, path.name.removesuffix(".index"))
    return load_run(path)


def untrained_model(record: RunRecord) -> MultiModel:
    """The model that a run trains, with all its weights, at random."""
    model = MultiModel(
        record.hparams.model, record.tasks, max(3, record.vocabulary_size)
    )
    model.build_views()
    # What was frozen has no moving average of its own.
    freeze(model, record.hparams.training.train_parts)
    return model
