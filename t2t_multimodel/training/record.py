"""What a run's folder says of the run: config.json, hparams.gin and vocab.model.

config.json holds what reproduces the run and what evaluation and decoding need to
build its model again; hparams.gin holds the hyper-parameters alone, for
`t2t-trainer --gin_file`. A run that goes on is checked against them, field by field.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import reprlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel.data.manifest import VOCABULARY_FILE
from t2t_multimodel.models.task import Task
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.gin_bindings import to_gin

CONFIG, GIN = "config.json", "hparams.gin"
FORMAT = 1

# What `mixing.RunMixture` tells of when it changes.
_STAMPED = ("mixture", "batches_per_step")

# A run may go on with other values of these; all other fields decide the shape of
# the model or the order of the data.
CHANGEABLE = frozenset(
    (
        *("train_steps", "learning_rate", "warmup_steps", "schedule"),
        *("final_learning_rate_fraction", "adam_beta1", "adam_beta2", "adam_epsilon"),
        *("clip_norm", "log_steps", "save_steps", "eval_steps", "eval_batches"),
        *("keep_checkpoints", "keep_checkpoint_every", *_STAMPED, "on_nonfinite"),
        *("nonfinite_limit", "dead_expert_share", "cosine_steps", "sample_steps"),
        *("sample_count", "stop_on", "stop_patience", "best_by", "metric_examples"),
        "recompute",
    )
)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What config.json holds.

    Attributes:
        hparams: What took effect, the seed among it.
        tasks: The problems, as the model sees them, in the model's order.
        vocabulary_fingerprint: Of the vocabulary that made the tokens.
        vocabulary_size: Its number of pieces.
        data_dir: Where the data was read.
        command_line: The command, for a reader.
        problem_options: What each problem was made with; see `Problem.options`.
        warm_start: What was taken from another run (`WarmStart.to_dict`), or None.
        environment: What the run was last started on; see `training.environment`.
    """

    hparams: HParams
    tasks: tuple[Task, ...]
    vocabulary_fingerprint: str
    vocabulary_size: int
    data_dir: str
    command_line: tuple[str, ...] = ()
    problem_options: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    warm_start: Mapping[str, Any] | None = None
    environment: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def problem_names(self) -> tuple[str, ...]:
        """The problems, in the model's order."""
        return tuple(task.name for task in self.tasks)

    def write(self, output_dir: Path, vocabulary_file: Path) -> None:
        """Writes config.json and hparams.gin, and copies the vocabulary."""
        values = {
            "format": FORMAT,
            "hparams": self.hparams.to_dict(),
            "problems": list(self.problem_names),
            "tasks": [task.to_dict() for task in self.tasks],
            "problem_options": self.problem_options,
            "vocabulary": {
                "fingerprint": self.vocabulary_fingerprint,
                "size": self.vocabulary_size,
            },
            "warm_start": self.warm_start,
            "environment": self.environment,
            "seed": self.hparams.training.seed,
            "data_dir": self.data_dir,
            "command_line": list(self.command_line),
        }
        output_dir.mkdir(parents=True, exist_ok=True)
        copy = output_dir / VOCABULARY_FILE
        if self.vocabulary_size and not copy.exists():
            shutil.copyfile(vocabulary_file, f"{copy}.tmp")
            os.replace(f"{copy}.tmp", copy)
        _write(output_dir / GIN, to_gin(self.hparams))
        _write(output_dir / CONFIG, json.dumps(values, indent=2) + "\n")

    @classmethod
    def read(cls, output_dir: Path) -> RunRecord:
        """The record of a run's folder.

        Raises:
            ValueError: The folder is no run's, or its config.json is damaged.
        """
        path = output_dir / CONFIG
        if not path.exists():
            raise ValueError(
                f"{output_dir} has no {CONFIG}: it is not the --output_dir of a "
                "t2t-trainer run."
            )
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls(
                hparams=HParams.from_dict(values["hparams"]),
                tasks=tuple(Task.from_dict(task) for task in values["tasks"]),
                vocabulary_fingerprint=values["vocabulary"]["fingerprint"],
                vocabulary_size=values["vocabulary"]["size"],
                data_dir=values["data_dir"],
                command_line=tuple(values["command_line"]),
                problem_options=values.get("problem_options", {}),
                warm_start=values.get("warm_start"),
                environment=values.get("environment", {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    def check_goes_on(self, new: RunRecord, output_dir: Path) -> None:
        """Checks that a run recorded as `self` can go on as `new`.

        Raises:
            ValueError: It cannot; the first field that differs, with both values.
        """
        remedy = "use the same setting, or another --output_dir"
        for what, was, now in self._fixed(new):
            if was != now:
                raise ValueError(
                    f"{output_dir} holds a run with {what} {_short(was)}, not "
                    f"{_short(now)}: {remedy}."
                )
        before, after = self.hparams.fields(), new.hparams.fields()
        for field in sorted(CHANGEABLE.difference(_STAMPED)):
            if before[field] != after[field]:
                _log.info("%s: %s -> %s", field, before[field], after[field])

    def _fixed(self, new: RunRecord) -> list[tuple[str, Any, Any]]:
        before, after = self.hparams.fields(), new.hparams.fields()
        return [
            ("problems", self.problem_names, new.problem_names),
            *(
                (f"{old.name} as", old.to_dict(), task.to_dict())
                for old, task in zip(self.tasks, new.tasks, strict=False)
            ),
            *(
                (f"{name} with", options, new.problem_options.get(name))
                for name, options in self.problem_options.items()
            ),
            (
                "vocabulary",
                f"{self.vocabulary_fingerprint} ({self.vocabulary_size} pieces)",
                f"{new.vocabulary_fingerprint} ({new.vocabulary_size} pieces)",
            ),
            *(
                (field, before[field], after[field])
                for field in before
                if field not in CHANGEABLE
            ),
        ]


def _short(value: Any) -> str:
    if isinstance(value, tuple) and value:
        return ",".join(value)
    return reprlib.repr(value) if isinstance(value, Mapping) else str(value)


def _write(path: Path, text: str) -> None:
    """Writes a file that is either whole or not there."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
