"""What arms will cost, told before anything is trained, and what they had in the end.

Asked: steps, examples, weights and minutes of every arm, from the data's index, from
the model's shapes and from a few steps that were timed. Had: from each run's ledger.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.experiments.plan import POINTS, Plan, Run
from t2t_multimodel.experiments.recipe import Arm
from t2t_multimodel.training.ledger_file import read_ledger

# Of more batches the examples are counted on these and extrapolated.
_COUNTED = 2000
# What a run takes beside its steps, by trials on the miniature world: the program
# starts; dev losses, search and teacher-forced figures need graphs of their own, in all
# so many times as long in the making as that of the step; and in parts of a step, a
# batch of dev data and an example that is decoded.
_START_SECONDS = 12.0
_GRAPHS = 4.5
_DEV_BATCH = 0.35
_DECODED = 0.15
# A run that saves needs more memory than one that only takes steps.
_SAVING = 1.25


@dataclasses.dataclass(frozen=True)
class ArmBudget:
    """What an arm costs, for one seed.

    Attributes:
        arm: Which.
        run: Its run with the first seed.
        examples: How many of each problem it sees, with repetition.
        weights: How many numbers its model holds.
        active: How many of the body's a position meets: all but those of the experts
            that are not chosen.
        seconds: Estimated, with start-up and scoring; None if no step was timed.
    """

    arm: Arm
    run: Run
    examples: Mapping[str, int]
    weights: int
    active: int
    seconds: float | None


def arm_budgets(
    plan: Plan, timing: Mapping[str, Any] | None
) -> dict[str, list[ArmBudget]]:
    """The budgets of the arms of every experiment, by its name."""
    known: dict[str, ArmBudget] = {}
    found: dict[str, list[ArmBudget]] = {}
    for name, experiment in plan.experiments.items():
        found[name] = []
        for arm in experiment.arms:
            run = plan.run(arm, plan.seeds[0])
            if run.name not in known:
                known[run.name] = _budget(plan, arm, run, timing)
            found[name].append(dataclasses.replace(known[run.name], arm=arm))
    return found


def seconds_of(
    timing: Mapping[str, Any],
    steps: Mapping[str, float],
) -> float:
    """How long a run takes in all, by what was timed.

    Args:
        timing: Of `one_run.time_steps`.
        steps: That each problem of the run has, with `steps_beside`.
    """
    kinds = {timing["kind"][name] for name in steps}
    first = sum(timing["first"][kind] for kind in kinds)
    build = timing["built"] * len(steps) / len(timing["step"])
    start = _START_SECONDS + build + _GRAPHS * first
    taken = sum(timing["step"][name] * count for name, count in steps.items())
    return float(start + taken)


def steps_beside(plan: Plan) -> float:
    """What dev losses and scoring take of each problem, in steps, at most about."""
    dev = POINTS * plan.setting.hparams.training.eval_batches
    return _DEV_BATCH * dev + _DECODED * num_scored(plan)


def steps_within(
    plan: Plan, timing: Mapping[str, Any], minutes: float, num_processes: int
) -> int:
    """How many steps, those of a problem with the rate 1, fit into some minutes.

    Raises:
        ValueError: Not even one does.
    """
    runs = plan.runs()
    beside = steps_beside(plan)
    rests = [seconds_of(timing, dict.fromkeys(run.problems, beside)) for run in runs]
    of_a_step = [
        sum(timing["step"][name] * plan.setting.rate(name) for name in run.problems)
        for run in runs
    ]
    left = minutes * 60 * num_processes - sum(rests)
    steps = int(left / sum(of_a_step))
    if steps < 1:
        least = (sum(rests) + sum(of_a_step)) / 60 / num_processes
        raise ValueError(
            f"--minutes={minutes:g} is not enough for {len(runs)} runs: they take "
            f"{math.ceil(least)} to start up and take a step of each problem"
        )
    return steps


def num_scored(plan: Plan) -> int:
    """How many examples of a problem are decoded, on average."""
    found = []
    for name in plan.setting.problems:
        splits = Manifest.load(plan.data_dir, name).splits
        own = splits.get(plan.scoring.split)
        found.append(own.examples if own else 0)
    most = plan.scoring.max_examples
    limited = [min(count, most) if most else count for count in found]
    return round(sum(limited) / len(limited))


def processes_for(cores: int, threads: int, peak_bytes: float) -> int:
    """How many runs go side by side on so many cores and the memory that is there."""
    from t2t_multimodel.training.doctor.sizes import available_memory

    by_memory = int(available_memory() / (_SAVING * peak_bytes))
    return max(1, min(cores // threads, by_memory))


def realised(folder: Path) -> dict[str, dict[str, int]]:
    """What each problem of a run had: `{"batches": ..., "examples": ...}`."""
    totals: dict[str, dict[str, int]] = {}
    for line in read_ledger(folder):
        for name, amounts in line.get("problems", {}).items():
            own = totals.setdefault(name, {"batches": 0, "examples": 0})
            for key in own:
                own[key] += amounts[key]
    return totals


def _budget(
    plan: Plan, arm: Arm, run: Run, timing: Mapping[str, Any] | None
) -> ArmBudget:
    import tensorflow as tf

    from t2t_multimodel.training.corpora import open_corpora
    from t2t_multimodel.training.doctor.sketch import sketch

    corpora = open_corpora(run.problems, plan.data_dir, run.hparams.training)
    batches = corpora.batches(run.hparams.training)
    with tf.device("CPU:0"):
        model = sketch(run.hparams, corpora)
    return ArmBudget(
        arm=arm,
        run=run,
        examples={
            name: _num_examples(stream.plan, batches[name])
            for name, stream in corpora.streams.items()
        },
        weights=sum(math.prod(weight.shape) for weight in model.weights),
        active=_active(model, run.hparams.model),
        seconds=(
            seconds_of(timing, {n: b + steps_beside(plan) for n, b in batches.items()})
            if timing
            else None
        ),
    )


def _num_examples(plan: Any, num_batches: int) -> int:
    counted = min(num_batches, _COUNTED)
    found = sum(len(plan.batch(number).places) for number in range(counted))
    return round(found * num_batches / counted) if counted else 0


def _active(model: Any, config: Any) -> int:
    """Weights of the body that one position meets."""
    from t2t_multimodel.training.checkpoint import weights_by_part

    parts = weights_by_part(model)
    body = [w for part in ("encoder", "mixer", "decoder") for w in parts.get(part, ())]
    share = config.top_k / config.num_experts
    total = 0.0
    for weight in body:
        # A kernel or a bias of all experts has them as its first of three dimensions.
        is_experts = len(weight.shape) == 3 and weight.shape[0] == config.num_experts
        is_experts = is_experts and weight.name in _OF_EXPERTS
        total += math.prod(weight.shape) * (share if is_experts else 1.0)
    return round(total)


_OF_EXPERTS = ("hidden_kernel", "hidden_bias", "output_kernel", "output_bias")
