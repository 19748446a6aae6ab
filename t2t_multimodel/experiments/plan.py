"""What is to be run: every arm once for every seed, arms that are the same once.

Two experiments often ask for the same run (parsing alone is an arm of tables 2 and 3).
A run's name is made of what it does, so that it is trained once, and found again when
the same command is given again (`plan_file`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import manifest_path, sha256_of
from t2t_multimodel.experiments.recipe import Arm, Experiment
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.training.config import HParams, TrainingConfig

FORMAT = 2
# Points of a curve: dev losses of a run. A checkpoint is saved at each.
POINTS = 10
_LINES_A_POINT = 4
# Hyper-parameters that experiments decide, and what a user gives in place of them.
_DECIDED = {
    "mixture": "--mixture=PROBLEM=RATE",
    "train_examples": "--scarce=PROBLEM:NUMBER",
    "seed": "--seed",
    "stop_on": "nothing: every arm has its whole budget",
    "best_by": "nothing: of each run the last checkpoint is scored",
    "on_nonfinite": "nothing: an arm that skipped steps would have had fewer",
}
# In an arm's changes a mixture of its own may stand.
_NOT_CHANGED = frozenset({*_DECIDED, "train_steps"} - {"mixture"})
# What decides which examples stand in which batch, beside the seed.
_BATCHES = (
    *("batch_cost_text", "batch_cost_image", "batch_cost_audio", "max_length"),
    *("max_frames", "num_buckets", "batches_per_step"),
)


@dataclasses.dataclass(frozen=True)
class Scoring:
    """How runs are scored.

    Attributes:
        split: Which split.
        max_examples: Of each problem, from the first; None: all.
        decode_hparams: How text is searched for.
    """

    split: str = "test"
    max_examples: int | None = None
    decode_hparams: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        name: Of its folder below `runs/`.
        problems: What it trains.
        hparams: All of them, its seed among them.
        title: For a reader: the first arm that wants it, and the seed.
    """

    name: str
    problems: tuple[str, ...]
    hparams: HParams
    title: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that one command does.

    Attributes:
        setting: Of the recipes.
        experiments: By name, in the order asked for.
        seeds: Of every arm.
        scoring: How runs are scored.
        data_dir: Where the data lies.
        threads: Processor cores that a run uses.
    """

    setting: Setting
    experiments: Mapping[str, Experiment]
    seeds: tuple[int, ...]
    scoring: Scoring
    data_dir: Path
    threads: int

    def run(self, arm: Arm, seed: int) -> Run:
        """The run of an arm with a seed."""
        hparams = arm_hparams(self.setting, arm, seed)
        return Run(
            run_name(arm.problems, hparams),
            arm.problems,
            hparams,
            f"{arm.name}, seed {seed}",
        )

    def runs(self) -> tuple[Run, ...]:
        """All runs, each once: all arms with the first seed, then with the next."""
        found: dict[str, Run] = {}
        for seed in self.seeds:
            for experiment in self.experiments.values():
                for arm in experiment.arms:
                    run = self.run(arm, seed)
                    found.setdefault(run.name, run)
        return tuple(found.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: all that decides what is trained and scored."""
        return {
            "format": FORMAT,
            "problems": list(self.setting.problems),
            "train_steps": self.setting.train_steps,
            "rates": dict(self.setting.rates),
            "scarce": dict(self.setting.scarce),
            "hparams": self.setting.hparams.to_dict(),
            "scoring": dataclasses.asdict(self.scoring),
            "data_dir": str(self.data_dir.absolute()),
            "data": data_digests(self),
            "threads": self.threads,
            "seeds": list(self.seeds),
            "experiments": {
                name: {arm.name: _arm_dict(arm) for arm in experiment.arms}
                for name, experiment in self.experiments.items()
            },
            "runs": {run.name: _run_dict(run) for run in self.runs()},
            "usr_dirs": [str(folder) for folder in registry.usr_dirs()],
        }


def make_plan(
    names: Sequence[str],
    setting: Setting,
    *,
    seeds: Sequence[int],
    scoring: Scoring,
    data_dir: Path,
    threads: int,
) -> Plan:
    """Asks the recipes for their arms.

    Raises:
        ValueError: An experiment is unknown or does not go with the setting.
    """
    experiments = {}
    for name in names:
        recipe = registry.recipe(name)
        try:
            experiments[name] = recipe(setting)
            for arm in experiments[name].arms:
                if lost := sorted(_NOT_CHANGED & arm.changes.keys()):
                    raise ValueError(f"arm {arm.name!r} cannot change {lost[0]}")
        except ValueError as error:
            raise ValueError(f"experiment {name}: {error}") from error
    return Plan(setting, experiments, tuple(seeds), scoring, data_dir, threads)


def arm_hparams(setting: Setting, arm: Arm, seed: int) -> HParams:
    """The hyper-parameters of a run of an arm.

    Problems are mixed as the setting's rates say, unless the arm has another mixture.
    The schedule of the learning rate is stretched to the arm's own length: the warm-up
    has the same part of its steps as in the setting's set.
    """
    base = setting.hparams.replace(**arm.changes)
    steps = arm.train_steps
    warmup = round(base.training.warmup_steps * steps / base.training.train_steps)
    every = max(1, -(-steps // POINTS))
    return base.replace(
        train_steps=steps,
        warmup_steps=warmup,
        mixture=arm.changes.get("mixture") or setting.mixture(arm.problems),
        seed=seed,
        train_examples=_limits(setting, arm),
        eval_steps=every,
        save_steps=every,
        log_steps=max(1, every // _LINES_A_POINT),
        keep_checkpoints=1,
        keep_checkpoint_every=0,
        stop_on="",
        best_by="",
        sample_steps=0,
        cosine_steps=0,
    )


def check_hparams(hparams: HParams) -> None:
    """Checks that a set leaves to experiments what they decide.

    Raises:
        ValueError: It does not; what to give instead.
    """
    own, usual = hparams.training, TrainingConfig()
    for name, instead in _DECIDED.items():
        if (value := getattr(own, name)) != getattr(usual, name):
            raise ValueError(
                f"{hparams.name} has {name}={value}, which experiments decide; give "
                f"{instead}"
            )
    if hparams.name in registry.list_hparams():
        steps = registry.hparams(hparams.name).training.train_steps
        if own.train_steps != steps:
            raise ValueError(
                f"{hparams.name} has train_steps={own.train_steps}, from which an "
                "experiment stretches its schedule; give --train_steps"
            )


def have_same_batches(plan: Plan) -> bool:
    """Whether a problem has the same batches, for a seed, wherever it is trained."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for experiment in plan.experiments.values():
        for arm in experiment.arms:
            training = arm_hparams(plan.setting, arm, 0).training
            sizes = tuple(getattr(training, name) for name in _BATCHES)
            for name in arm.problems:
                limit = {**plan.setting.scarce, **arm.train_examples}.get(name)
                found.setdefault(name, set()).add((*sizes, limit))
    return all(len(kinds) == 1 for kinds in found.values())


def data_digests(plan: Plan) -> dict[str, str]:
    """By which the data of each problem, with its vocabulary, are known again."""
    found = {}
    for name in plan.setting.problems:
        path = manifest_path(plan.data_dir, name)
        found[name] = sha256_of(path) if path.exists() else ""
    return found


def run_name(problems: Sequence[str], hparams: HParams) -> str:
    """The folder of a run: what a reader knows it by, and a digest of all it does."""
    training = hparams.training
    told = json.dumps([list(problems), hparams.to_dict()], sort_keys=True)
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    what = problems[0] if len(problems) == 1 else f"{len(problems)}_problems"
    return f"{what}-{training.train_steps}_steps-seed_{training.seed}-{digest}"


def _limits(setting: Setting, arm: Arm) -> str:
    numbers = {**setting.scarce, **arm.train_examples}
    named = [name for name in arm.problems if numbers.get(name)]
    return ",".join(f"{name}={numbers[name]}" for name in named)


def _arm_dict(arm: Arm) -> dict[str, Any]:
    return {
        "problems": list(arm.problems),
        "train_steps": arm.train_steps,
        "changes": dict(arm.changes),
        "train_examples": dict(arm.train_examples),
    }


def _run_dict(run: Run) -> dict[str, Any]:
    return {
        "problems": list(run.problems),
        "hparams": run.hparams.to_dict(),
        "title": run.title,
    }
