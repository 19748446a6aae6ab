"""Two worker processes on this machine against one: the same weights, whatever happens.

  python benchmarks/two_workers.py --steps=40 --json=result.json

Trains a small model on two problems of the miniature world, by t2t-trainer as anyone
would, three times:

  one      one process
  two      two workers under MultiWorkerMirroredStrategy on 127.0.0.1
  killed   likewise, and worker 1 is killed (SIGKILL) once the first checkpoint is there

and compares their last checkpoints, tensor by tensor. Dropout and experts are left out:
their noise is drawn for each replica. That both workers hold the same bits they check
themselves before every checkpoint; a run of two that ends with status 0 has passed it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROBLEMS = "translate_ende_mini,image_mini"
HPARAMS = (
    "depth=16,num_heads=2,encoder_blocks=1,mixer_blocks=1,decoder_blocks=1,"
    "use_experts=false,dropout=0,attention_dropout=0,categorical_filters=(8,8),"
    "image_filters=(8,8,8,8),batch_cost_text=100,batch_cost_image=96,ema_decay=0.9"
)
_POLL_SECONDS = 0.02


def make_data(folder: Path) -> None:
    """The problems' data, a few examples of each."""
    _run(
        "t2t_datagen",
        f"--problems={PROBLEMS}",
        f"--data_dir={folder}",
        "--max_examples=40",
    )


def train(
    data: Path, output: Path, steps: int, *more: str, kill: bool = False
) -> float:
    """Trains; its seconds.

    Args:
        data: Of the problems.
        output: The run's folder.
        steps: How many.
        more: Further flags.
        kill: Whether to kill worker 1 once there is a checkpoint.
    """
    command = [
        *(f"--problems={PROBLEMS}", f"--data_dir={data}", f"--output_dir={output}"),
        *(f"--hparams={HPARAMS}", f"--train_steps={steps}", "--max_restarts=1"),
        f"--save_steps={max(1, steps // 4)}",
    ]
    started = time.perf_counter()
    _run("t2t_trainer", *command, *more, watch=output if kill else None)
    return time.perf_counter() - started


def compare(one: Path, other: Path) -> dict[str, Any]:
    """How far the last checkpoints of two runs lie apart."""
    import numpy as np
    import tensorflow as tf

    readers = [
        tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
        for folder in (one, other)
    ]
    names = [
        name
        for name in readers[0].get_variable_to_shape_map()
        if name.startswith(("weights/", "average/"))
    ]
    worst, largest = 0.0, 0.0
    for name in names:
        values = [np.asarray(reader.get_tensor(name), np.float64) for reader in readers]
        worst = max(worst, float(np.abs(values[0] - values[1]).max()))
        largest = max(largest, float(np.abs(values[0]).max()))
    return {
        "tensors": len(names),
        "largest_difference": worst,
        "largest_weight": largest,
        "bit_equal": worst == 0.0,
    }


def _run(program: str, *arguments: str, watch: Path | None = None) -> None:
    command = [sys.executable, "-m", f"t2t_multimodel.bin.{program}", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    if watch is not None:
        while process.poll() is None and not list(watch.glob("model.ckpt-*.index")):
            time.sleep(_POLL_SECONDS)
        os.kill(_worker(process.pid, 1), signal.SIGKILL)
    if process.wait():
        raise SystemExit(f"{program} ended with status {process.returncode}")


def _worker(launcher: int, index: int) -> int:
    """The process id of a worker that a launcher started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    for child in children:
        environment = Path(f"/proc/{child}/environ").read_bytes()
        if f'"index": {index}'.encode() in environment:
            return int(child)
    raise SystemExit(f"worker {index} of process {launcher} is not there any more")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Trains three times, compares, and prints what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_data(root / "data")
        two = "--local_workers=2"
        seconds = {
            "one": train(root / "data", root / "one", options.steps),
            "two": train(root / "data", root / "two", options.steps, two),
            "killed": train(
                root / "data", root / "killed", options.steps, two, kill=True
            ),
        }
        found = {
            "steps": options.steps,
            "seconds": {name: round(value, 1) for name, value in seconds.items()},
            "two_against_one": compare(root / "one", root / "two"),
            "killed_against_two": compare(root / "two", root / "killed"),
        }
    text = json.dumps(found, indent=1)
    sys.stdout.write(f"{text}\n")
    if options.json:
        options.json.write_text(f"{text}\n", "utf-8")
    return found


if __name__ == "__main__":
    main()
