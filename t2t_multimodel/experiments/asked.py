"""What is asked of a whole set of experiments, checked before TensorFlow is loaded."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from t2t_multimodel import registry
from t2t_multimodel.experiments.plan import Plan, Scoring, check_hparams, make_plan
from t2t_multimodel.experiments.plan_file import check_goes_on, read_plan
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.training.config import HParams

DEFAULT_STEPS = 300
DATA = "data"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be done.

    Attributes:
        experiments: Names of registered ones.
        output_dir: Where everything goes.
        problems: Names.
        hparams: The set that arms change.
        data_dir: Where the data lies; None: it is made in the output folder, which only
            problems without a source can have.
        train_steps: Steps of a problem in each arm; None: what `minutes` allow, what
            the folder was begun with, or `DEFAULT_STEPS`.
        minutes: How long all of it may take, about.
        num_seeds: How many seeds each arm is run with.
        seed: The first of them.
        rates: Problems that have so many times `train_steps`.
        scarce: How many training examples problems may use.
        scoring: How runs are scored.
        num_processes: How many runs side by side; None: as many as cores and memory
            allow.
        threads: Cores that a run uses; None: 1 for a small model, else all.
        command_line: For the report.
    """

    experiments: tuple[str, ...]
    output_dir: Path
    problems: tuple[str, ...]
    hparams: HParams
    data_dir: Path | None = None
    train_steps: int | None = None
    minutes: float | None = None
    num_seeds: int = 3
    seed: int = 0
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scarce: Mapping[str, int] = dataclasses.field(default_factory=dict)
    scoring: Scoring = dataclasses.field(default_factory=Scoring)
    num_processes: int | None = None
    threads: int | None = None
    command_line: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.train_steps and self.minutes:
            raise ValueError("give --train_steps or --minutes, not both")
        for name in ("num_seeds", "train_steps", "minutes", "num_processes", "threads"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; it must be above 0")

    def begun_plan(self) -> Plan:
        """The arms with the steps asked for, or with those that the folder has.

        Raises:
            ValueError: Something asked for does not exist, does not fit, or is not what
                the folder was begun with.
        """
        before = read_plan(self.output_dir)
        begun = before["train_steps"] if before else DEFAULT_STEPS
        plan = self.plan(self.train_steps or begun)
        if before:
            check_goes_on(before, plan, self.output_dir)
        return plan

    def plan(self, train_steps: int) -> Plan:
        """The arms with so many steps of each problem.

        Raises:
            ValueError: Something asked for does not exist or does not fit.
        """
        check_hparams(self.hparams)
        setting = Setting(
            self.problems, train_steps, self.hparams, self.scarce, self.rates
        )
        from t2t_multimodel.decoding.config import DecodeConfig
        from t2t_multimodel.decoding.threads import cores_to_decode

        DecodeConfig.from_text(self.scoring.decode_hparams)
        threads = self.threads or cores_to_decode(self.hparams.model.depth) or cores()
        return make_plan(
            self.experiments,
            setting,
            seeds=range(self.seed, self.seed + self.num_seeds),
            scoring=self.scoring,
            data_dir=self.data_dir or self.output_dir / DATA,
            threads=threads,
        )

    def check(self) -> None:
        """Asks the recipes for their arms, and whether the folder can go on with them.

        Raises:
            ValueError: It cannot, a recipe does not go with the problems, or data would
                have to be made that needs a corpus.
        """
        self.begun_plan()
        if self.data_dir is None:
            lacking = [n for n in self.problems if registry.problem(n).needs_source]
            if lacking:
                raise ValueError(
                    f"--data_dir is missing: {', '.join(lacking)} need a corpus; make "
                    "their data with t2t-datagen --source_dir=... --data_dir=... "
                    f"--problems={','.join(self.problems)}"
                )


def experiment_names(text: str) -> tuple[str, ...]:
    """The experiments that a text names, each once.

    Raises:
        ValueError: None is named, or one is unknown (near names are given).
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        known = ", ".join(registry.list_experiments())
        raise ValueError(f"--experiments is missing; there are: {known}")
    for name in names:
        registry.recipe(name)
    return tuple(dict.fromkeys(names))


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
