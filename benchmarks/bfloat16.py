"""Whether a model trained in bfloat16 ends where one trained in float32 does.

  python benchmarks/bfloat16.py --folder=bfloat16_runs

trains the demo's model on the demo's problems for each seed in float32 and in
mixed_bfloat16, scores all of them on the same unseen scenes, and prints

- by problem and metric the mean over seeds of both, their difference, its standard
  error over seeds, and whether it lies within two of them or, where seeds hardly
  differ, within what 95 % of resamples of the examples do;
- how the loss of both goes, by steps from the start, and how far apart it is.

The defaults take about 40 minutes on two quiet cores with AMX. What is done is kept in
the folder: called again it goes on where it was stopped, and with more --seeds it adds
theirs. Every run is a process of its own, and the two policies of a seed take turns.
"""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import api, quiet
from t2t_multimodel.bin import demo, program

FLAGS = flags.FlagValues()
flags.DEFINE_string("folder", None, "Where runs and results go.", flag_values=FLAGS)
flags.DEFINE_string(
    "data_dir",
    None,
    "Data of the problems; made in the folder by default.",
    flag_values=FLAGS,
)
flags.DEFINE_string("problems", demo.GROUP, "Problems.", flag_values=FLAGS)
flags.DEFINE_string("mixture", demo.MIXTURE, "Of their steps.", flag_values=FLAGS)
flags.DEFINE_string("hparams_set", "multimodel_tiny", "A set.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to it.", flag_values=FLAGS)
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the runs.", flag_values=FLAGS)
flags.DEFINE_integer("train_steps", 3000, "Of a run.", 1, flag_values=FLAGS)
flags.DEFINE_integer("eval_examples", 200, "Of a problem.", 1, flag_values=FLAGS)
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)
flags.DEFINE_string("child", None, "Used by the program itself.", flag_values=FLAGS)

POLICIES = ("float32", "mixed_bfloat16")
LOG_STEPS = 20  # The loss is compared over so many steps.


@dataclasses.dataclass(frozen=True)
class Compared:
    """A metric of a problem, or its loss: both policies over the seeds.

    Attributes:
        name: "parse_mini/bracketing_f1".
        full, mixed: The figure of each seed, in float32 and in mixed_bfloat16.
        noise: Half the width of a run's own interval; 0 if that is not known.
    """

    name: str
    full: tuple[float, ...]
    mixed: tuple[float, ...]
    noise: float = 0.0

    @property
    def difference(self) -> float:
        """How much more it is in bfloat16."""
        return statistics.fmean(self.mixed) - statistics.fmean(self.full)

    @property
    def error(self) -> float | None:
        """The difference's standard error over seeds; None with one of them."""
        count = len(self.full)
        if count < 2:
            return None
        variances = statistics.variance(self.full) + statistics.variance(self.mixed)
        return math.sqrt(variances / count)

    @property
    def is_noise(self) -> bool | None:
        """Whether the difference may be chance; None where nothing tells."""
        if self.error is None and not self.noise:
            return None
        return abs(self.difference) <= max(2 * (self.error or 0.0), self.noise)


def main(arguments: Sequence[str]) -> None:
    """Trains what is missing, compares, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    folder = Path(program.required(FLAGS, "folder"))
    data_dir = Path(FLAGS.data_dir or folder / "data")
    if FLAGS.child:
        policy, seed = FLAGS.child.split(",")
        train_and_score(policy, int(seed), data_dir, folder)
        return
    if not FLAGS.data_dir:
        api.generate(FLAGS.problems, data_dir)
    console = Console(highlight=False, width=100)
    records: dict[str, list[dict[str, Any]]] = {policy: [] for policy in POLICIES}
    for seed in FLAGS.seeds:
        for policy in POLICIES:
            records[policy].append(record_of(policy, seed, folder))
        console.print(scores_table(compared(records, "scores")))
        console.print(losses_table(compared(records, "losses")))
    console.print(seconds_text(records))
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(records, indent=1) + "\n", "utf-8")


def record_of(policy: str, seed: str, folder: Path) -> dict[str, Any]:
    """What a run ended with; the run is made, or taken to its end, if it has not been.

    Raises:
        OSError: Its process failed.
    """
    file = record_file(folder, policy, seed)
    if not file.exists():
        command = [sys.executable, __file__, *FLAGS.flags_into_string().split("\n")]
        command = [*filter(None, command), f"--child={policy},{seed}"]
        status = subprocess.run(command, check=False).returncode
        if status:
            raise OSError(f"{' '.join(command)}: exit status {status}")
    record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return record


def record_file(folder: Path, policy: str, seed: str | int) -> Path:
    return folder / f"{policy}_{seed}_{FLAGS.train_steps}.json"


def train_and_score(policy: str, seed: int, data_dir: Path, folder: Path) -> None:
    """One run, and its record on the disk."""
    file = record_file(folder, policy, seed)
    hparams = api.make_hparams(FLAGS.hparams_set).override(FLAGS.hparams)
    quiet.import_tensorflow()
    started = time.perf_counter()
    run = api.train(
        FLAGS.problems,
        data_dir,
        file.with_suffix(""),
        hparams,
        dtype_policy=policy,
        seed=seed,
        mixture=FLAGS.mixture,
        train_steps=FLAGS.train_steps,
        log_steps=LOG_STEPS,
    )
    if run.result is None or run.result.stopped_by:
        raise ValueError(f"the run in {file.with_suffix('')} was stopped.")
    seconds = time.perf_counter() - started
    found = run.evaluate(max_examples=FLAGS.eval_examples)
    scores = {
        f"{problem}/{score.name}": (score.value, score.interval)
        for problem, result in found.items()
        for score in result.scores
    }
    record = {
        "scores": scores,
        "losses": losses_of(file.with_suffix("") / "ledger.jsonl"),
        "seconds": seconds,
    }
    file.write_text(json.dumps(record) + "\n", "utf-8")


def losses_of(ledger: Path) -> dict[str, tuple[float, None]]:
    """The mean loss of a target over `LOG_STEPS` steps each, by the last of them."""
    found = {}
    for text in ledger.read_text("utf-8").splitlines():
        line = json.loads(text)
        problems = line.get("problems", {}).values()
        known = [p for p in problems if p["loss"] is not None]
        targets = sum(p["targets"] for p in known)
        if targets and line["step"] % LOG_STEPS == 0:
            loss = sum(p["loss"] * p["targets"] for p in known) / targets
            found[str(line["step"])] = (loss, None)
    return found


def compared(
    records: Mapping[str, Sequence[Mapping[str, Any]]], kind: str
) -> list[Compared]:
    """The scores or the losses of all seeds, name by name."""
    full, mixed = ([record[kind] for record in records[policy]] for policy in POLICIES)
    rows = []
    for name in full[0]:
        intervals = [
            interval for record in (*full, *mixed) if (interval := record[name][1])
        ]
        widths = [(high - low) / 2 for low, high in intervals]
        values = (tuple(record[name][0] for record in side) for side in (full, mixed))
        rows.append(Compared(name, *values, noise=statistics.fmean(widths or [0.0])))
    return rows


def scores_table(rows: Sequence[Compared]) -> Table:
    """A row a metric."""
    table = Table(title=f"scores, mean of {len(rows[0].full)} seeds", box=None)
    columns = ("float32", "bfloat16", "difference", "its error", "interval", "is noise")
    table.add_column("problem and metric")
    for column in columns:
        table.add_column(column, justify="right")
    words = {True: "yes", False: "no", None: ""}
    for row in rows:
        table.add_row(
            row.name,
            f"{statistics.fmean(row.full):.2f}",
            f"{statistics.fmean(row.mixed):.2f}",
            f"{row.difference:+.2f}",
            "" if row.error is None else f"{row.error:.2f}",
            f"±{row.noise:.2f}" if row.noise else "",
            words[row.is_noise],
        )
    return table


def losses_table(rows: Sequence[Compared]) -> Table:
    """How the loss goes: each interval of the first hundred steps, then ever fewer."""
    table = Table(title=f"loss over {LOG_STEPS} steps", box=None)
    for column in ("until step", "float32", "bfloat16", "seed by seed, at most"):
        table.add_column(column, justify="right")
    shown = -1
    for place, row in enumerate(rows):
        if place >= 5 and place < 1.5 * shown and row is not rows[-1]:
            continue
        shown = place
        apart = max(abs(b / a - 1) for a, b in zip(row.full, row.mixed, strict=True))
        means = (f"{statistics.fmean(side):.4f}" for side in (row.full, row.mixed))
        table.add_row(row.name, *means, f"{100 * apart:.2f} %")
    return table


def seconds_text(records: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """How long the runs' training took."""
    means = [
        f"{policy} {statistics.fmean(record['seconds'] for record in own):.0f} s"
        for policy, own in records.items()
    ]
    return f"training took {', '.join(means)}, if it was not stopped on the way"


if __name__ == "__main__":
    program.run(main, FLAGS)
