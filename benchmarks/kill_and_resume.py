"""Kills joint trainings with SIGKILL and looks whether they end as if nothing was.

  python benchmarks/kill_and_resume.py --runs=20

Every run is t2t-datagen and t2t-trainer as anyone would call them, on a picture, a
tree and a translation problem of the miniature world, with a model so small that it
takes seconds, which saves and evaluates all the time. Each run is killed up to three
times, at a moment that the seed decides: somewhere in the data generation, in the
start of the trainer, among its steps, while a checkpoint is written or during an
evaluation; then the same command is called again, until it is done.

In the end every tensor of the last checkpoint (weights, Adam's moments and counts,
moving average, step), the positions in the data, and every shard, index and vocabulary
must have the bits of a run that was never killed, and the ledger must tell the same but
for seconds. With --then the second half of the steps goes by another mixture. With
--signal=TERM or INT the processes are asked to end instead, and must do so with a
status that says so. Prints a table; exit status 1 unless all are equal. The processes
tell their phase through a file of two bytes, which is the only difference from what a
user runs.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet

PROBLEMS = "image_mini,parse_mini,translate_ende_mini"
HPARAMS = (
    "depth=16,num_heads=2,encoder_blocks=1,mixer_blocks=1,decoder_blocks=1,"
    "num_experts=4,top_k=2,expert_hidden_size=8,categorical_filters=(8,8),"
    "dropout=0.1,attention_dropout=0.1,ema_decay=0.9,num_buckets=2,eval_batches=1,"
    "batch_cost_text=64,batch_cost_image=64,log_steps=20,save_steps=5,eval_steps=4"
)
GENERATION, START, TRAINING, WRITING, EVALUATION = PHASES = (
    "data generation",
    "start",
    "training",
    "writing",
    "evaluation",
)
# Phases that come again and again; how long after one began it may be killed.
_RECURRENT = {WRITING: 0.03, EVALUATION: 0.1}
_POLL_SECONDS = 0.001
# How a process ends that was killed, and one that was asked to end: by the signal
# itself where there was nothing to save yet.
STATUSES = {"KILL": (-9,), "TERM": (143, -15), "INT": (130,)}


@dataclasses.dataclass(frozen=True)
class Aim:
    """When to kill: some seconds after a phase was entered for the n-th time."""

    phase: str
    turn: int
    delay: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A run that was killed.

    Attributes:
        kills: The phases in which the kills fell.
        differs: What is not as in the unbroken run; "" if all is.
        seconds: From the first start to the end.
    """

    kills: tuple[str, ...]
    differs: str
    seconds: float


class Job:
    """One command, started again until it is done.

    Args:
        folder: Of the run; `data` and `run` are made in it.
        problems: What is trained on.
        trainings: The flags of one training after the other in the same folder.
        signal_name: What ends it: KILL, TERM or INT.
    """

    def __init__(
        self,
        folder: Path,
        problems: str,
        trainings: Sequence[Sequence[str]],
        signal_name: str = "KILL",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.phase_file = folder / "phase"
        self._signal = signal_name
        self._log = folder / "log"
        data = f"--data_dir={folder / 'data'}"
        named = f"--problems={problems}"
        self.generate = ["t2t_datagen", named, data, "--max_examples=60"]
        self.generate += ["--vocab_size=400", "--num_shards=4", "--num_workers=2"]
        train = ["t2t_trainer", named, data, f"--output_dir={folder / 'run'}"]
        self.trainings = [[*train, *flags] for flags in trainings]

    def run(self, command: Sequence[str], aim: Aim | None) -> str | None:
        """Runs a command to its end, or kills it; the phase in which that fell."""
        self.phase_file.write_bytes(bytes(2))
        child = [sys.executable, __file__, f"--child={self.phase_file}", *command]
        with self._log.open("ab") as log:
            # A session of its own, so that its workers can be killed with it.
            process = subprocess.Popen(
                child, stdout=log, stderr=log, start_new_session=True
            )
        phase = None
        if aim is not None and self._wait(process, aim):
            phase = self._phases()[-1]
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.killpg(process.pid, signal.Signals[f"SIG{self._signal}"])
        status = process.wait()
        if phase and status in STATUSES[self._signal]:
            return phase
        if status:
            text = self._log.read_text("utf-8", "replace").strip().splitlines()
            raise SystemExit(f"{command[0]} ended with status {status}: {text[-1]}")
        return None

    def _wait(self, process: subprocess.Popen[bytes], aim: Aim) -> bool:
        """Waits for the moment aimed at; False if the process ends before it."""
        turns, was_in = 0, False
        while process.poll() is None:
            is_in = aim.phase in self._phases()
            turns, was_in = turns + (is_in and not was_in), is_in
            if turns >= aim.turn:
                time.sleep(aim.delay)
                return process.poll() is None
            time.sleep(_POLL_SECONDS)
        return False

    def _phases(self) -> list[str]:
        """What the process does: its phase, and writing if a thread does that."""
        main, thread = self.phase_file.read_bytes()
        return [PHASES[main]] + ([PHASES[thread]] if thread else [])


def trainings(given: Any) -> list[list[str]]:
    """The flags of the trainings: one, or two if the mixture is to change."""
    hparams = f"{HPARAMS},batches_per_step={given.batches_per_step}"
    steps = [given.train_steps]
    if given.then:
        steps.insert(0, given.train_steps // 2)
    return [
        [f"--hparams={hparams}", f"--train_steps={end}", f"--mixture={mixture}"]
        for end, mixture in zip(steps, (given.mixture, given.then), strict=False)
    ]


def aims(chance: random.Random, spans: dict[str, float], number: int) -> list[Aim]:
    """When a run is to be killed, those in the data generation first."""
    found = []
    for phase in chance.choices(PHASES, k=number):
        turn = chance.randint(1, 5) if phase in _RECURRENT else 1
        found.append(Aim(phase, turn, chance.uniform(0.0, spans[phase])))
    return sorted(found, key=lambda aim: aim.phase != GENERATION)


def killed_run(job: Job, planned: Sequence[Aim]) -> tuple[str, ...]:
    """Generates and trains, killed as planned; the phases in which that fell."""
    fell = []
    generation = [aim for aim in planned if aim.phase == GENERATION]
    others, parts = planned[len(generation) :], len(job.trainings)
    commands = [(job.generate, generation)]
    commands += [(job.trainings[i], others[i::parts]) for i in range(parts)]
    for command, own in commands:
        for aim in own:
            phase = job.run(command, aim)
            if phase:
                fell.append(phase)
        job.run(command, None)
    return tuple(fell)


def difference(folder: Path, whole: Path) -> str:
    """What of a run is not as in another one; "" if all has the same bits."""
    quiet.import_tensorflow()
    import numpy as np
    import tensorflow as tf

    if _digests(folder / "data") != _digests(whole / "data"):
        return "data"
    readers = [
        tf.train.load_checkpoint(tf.train.latest_checkpoint(str(path / "run")))
        for path in (folder, whole)
    ]
    names = [set(reader.get_variable_to_shape_map()) for reader in readers]
    ledgers = [_untimed_ledger(path / "run") for path in (folder, whole)]
    if ledgers[0] != ledgers[1]:
        return "ledger"
    if names[0] != names[1]:
        return str(min(names[0] ^ names[1]))
    for name in sorted(names[0]):
        ours, theirs = (reader.get_tensor(name) for reader in readers)
        if name.startswith("state/"):  # it also holds seconds
            ours, theirs = (json.loads(value)["positions"] for value in (ours, theirs))
        if not np.array_equal(ours, theirs):
            return name
    return ""


def _untimed_ledger(output_dir: Path) -> list[dict[str, Any]]:
    from t2t_multimodel.training.ledger_file import read_ledger

    lines = read_ledger(output_dir)
    for line in lines:
        for amounts in line.get("problems", {}).values():
            del amounts["seconds"]
    return lines


def _digests(data: Path) -> dict[str, str]:
    wanted = ("*-of-*", "*.npz", "vocab.model")
    files = sorted(path for pattern in wanted for path in data.glob(pattern))
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def child(phase_file: str, program: str, flags: Sequence[str]) -> None:
    """Runs a program, telling its phase."""
    import importlib

    with open(phase_file, "r+b") as file:
        phases = mmap.mmap(file.fileno(), 2)
    module = importlib.import_module(f"t2t_multimodel.bin.{program}")
    sys.argv = [program, *flags]
    phases[0] = PHASES.index(GENERATION if program == "t2t_datagen" else START)
    if program == "t2t_trainer":
        _tell_phases(phases)
    module.run()


def _tell_phases(phases: mmap.mmap) -> None:
    from t2t_multimodel.training import checkpoint
    from t2t_multimodel.training.dev_loss import DevLoss
    from t2t_multimodel.training.step import TrainStep

    step, dev, write = TrainStep.__call__, DevLoss.__call__, checkpoint._write

    @contextlib.contextmanager
    def phase(place: int, name: str) -> Iterator[None]:
        before, phases[place] = phases[place], PHASES.index(name)
        yield
        phases[place] = before

    def told_step(*args: Any) -> Any:
        result = step(*args)
        phases[0] = PHASES.index(TRAINING)
        return result

    def told_dev(*args: Any) -> Any:
        with phase(0, EVALUATION):
            return dev(*args)

    def told_write(*args: Any) -> Any:
        with phase(1, WRITING):
            return write(*args)

    TrainStep.__call__ = told_step
    DevLoss.__call__ = told_dev
    checkpoint._write = told_write


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="how many are killed")
    parser.add_argument("--problems", default=PROBLEMS, help="of the miniature world")
    parser.add_argument("--kills", type=int, default=3, help="at most so often each")
    parser.add_argument("--train_steps", type=int, default=120, help="of each run")
    parser.add_argument("--mixture", default="uniform", help="of the problems")
    parser.add_argument("--then", help="the mixture of the second half of the steps")
    parser.add_argument("--batches_per_step", type=int, default=1, help="of an update")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--signal", default="KILL", choices=STATUSES, help="what ends")
    parser.add_argument("--json", help="write the outcomes into this file")
    given = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = compare(Path(folder), given, console)
    console.print(table(outcomes))
    counts = Counter(phase for outcome in outcomes for phase in outcome.kills)
    console.print(", ".join(f"{counts[phase]} in {phase}" for phase in PHASES))
    equal = sum(not outcome.differs for outcome in outcomes)
    console.print(f"{equal} of {len(outcomes)} runs end as the unbroken one.")
    if given.json:
        values = [dataclasses.asdict(outcome) for outcome in outcomes]
        Path(given.json).write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    return 0 if equal == len(outcomes) else 1


def compare(folder: Path, given: Any, console: Console) -> list[Outcome]:
    """The unbroken run, then all others beside it."""
    whole = Job(folder / "whole", given.problems, trainings(given))
    spans = dict(_RECURRENT)
    started = time.perf_counter()
    whole.run(whole.generate, None)
    spans[GENERATION] = time.perf_counter() - started
    started = time.perf_counter()
    for training in whole.trainings:
        whole.run(training, None)
    # Tracing the first steps takes about as long as the start and all the others.
    seconds = (time.perf_counter() - started) / len(whole.trainings)
    spans[START] = spans[TRAINING] = seconds / 2
    chance = random.Random(given.seed)
    outcomes = []
    for number in range(given.runs):
        planned = aims(chance, spans, chance.randint(1, given.kills))
        started = time.perf_counter()
        path = folder / str(number)
        job = Job(path, given.problems, trainings(given), given.signal)
        kills = killed_run(job, planned)
        differs = difference(path, folder / "whole")
        seconds = time.perf_counter() - started
        outcomes.append(Outcome(kills, differs, seconds))
        told = ", ".join(kills) or "nowhere"
        console.print(f"run {number}: killed in {told}: {differs or 'equal'}")
    return outcomes


def table(outcomes: Sequence[Outcome]) -> Table:
    """A row a run."""
    made = Table("run", "killed in", "seconds", "differs in")
    for number, outcome in enumerate(outcomes):
        kills = ", ".join(outcome.kills) or "-"
        row = str(number), kills, f"{outcome.seconds:.0f}", outcome.differs or "nothing"
        made.add_row(*row)
    return made


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("--child="):
        child(sys.argv[1].partition("=")[2], sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
