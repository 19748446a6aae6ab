"""What `t2t-trainer --dry_run` predicts, and what a real training then takes.

python benchmarks/memory.py --data_dir=data --output=memory.json
    For every named set on the eight problems of the miniature world: the peak of the
    process as predicted, and as a short run of t2t-trainer has it, which saves while
    it trains. A set that does not fit is not trained.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import registry
from t2t_multimodel.bin import program
from t2t_multimodel.training.doctor.sizes import size_text

FLAGS = flags.FlagValues()
flags.DEFINE_string("data_dir", None, "The generated data.", flag_values=FLAGS)
flags.DEFINE_string("problems", "mini_eight", "Problems.", flag_values=FLAGS)
flags.DEFINE_list("sets", None, "Named sets; all by default.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to all of them.", flag_values=FLAGS)
flags.DEFINE_string("memory_limit", None, "As of t2t-trainer.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 48, "Of a real run.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Predicts, trains, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    program.required(FLAGS, "data_dir")
    rows: list[dict[str, Any]] = []
    for name in FLAGS.sets or registry.list_hparams():
        with tempfile.TemporaryDirectory() as folder:
            rows.append(compare(name, Path(folder)))
        Console(highlight=False).print(as_table(rows))
        if FLAGS.output:
            Path(FLAGS.output).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def compare(name: str, folder: Path) -> dict[str, Any]:
    """A set's predicted and measured peak, in bytes."""
    found_file = folder / "found.json"
    limit = [f"--memory_limit={FLAGS.memory_limit}"] if FLAGS.memory_limit else []
    trainer(name, "--dry_run", f"--dry_run_json={found_file}", *limit)
    found = json.loads(found_file.read_text("utf-8"))
    row = {
        "set": name,
        "problems": FLAGS.problems,
        "predicted": found["predicted_peak"],
        "trial": found["measured_peak"],
        "fits": found["fits"],
        "proposal": found["proposal"],
    }
    if found["fits"]:
        saves = max(1, FLAGS.steps // 4)
        length = [f"--train_steps={FLAGS.steps}", f"--save_steps={saves}"]
        row["measured"] = trainer(name, f"--output_dir={folder / 'run'}", *length)
        row["error"] = row["predicted"] / row["measured"] - 1
    return row


def trainer(name: str, *arguments: str) -> int:
    """Runs t2t-trainer on a set; the most memory that it took, in bytes."""
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_trainer", *arguments]
    command += [f"--hparams_set={name}", f"--problems={FLAGS.problems}"]
    command += [f"--data_dir={FLAGS.data_dir}"]
    command += [f"--hparams={FLAGS.hparams}"] if FLAGS.hparams else []
    return peak_of(command)


def peak_of(command: Sequence[str]) -> int:
    """Runs a program; the most memory that its process took, in bytes.

    Raises:
        OSError: It failed.
    """
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise OSError(f"{' '.join(command)}: exit status {process.returncode}")
    return usage.ru_maxrss * 1024


def as_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a set."""
    table = Table(title="peak of a training's process", box=None)
    for column in ("set", "predicted", "measured", "error", "what would fit"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for row in rows:
        measured = size_text(row["measured"]) if row["fits"] else "does not fit"
        error = f"{100 * row['error']:+.1f} %" if row["fits"] else ""
        predicted = size_text(row["predicted"])
        table.add_row(row["set"], predicted, measured, error, row["proposal"])
    return table


if __name__ == "__main__":
    program.run(main, FLAGS)
