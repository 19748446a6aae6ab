"""How long every program takes to start, and a training to its first step.

  python benchmarks/startup.py --data_dir=data --output=startup.json

`--help` of every program, in turn with a Python that does nothing. Then a training is
begun, and the same one goes on from its checkpoint, each in a new process: from the
start of the process to the end of its first step, cut into what it is made of:

  programs     Python, TensorFlow, Keras and the package are loaded
  data         the problems' manifests, indices and vocabulary are opened
  model        the weights are made, and Adam's moments (the data is opened again)
  restore      the newest checkpoint is checked (SHA-256) and read
  batch        the input pipeline is built and gives its first batch
  trace        Python builds the graph of the step
  first step   TensorFlow optimises the graph and runs it
  step         the second step, for comparison
"""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import measuring
from absl import flags

from t2t_multimodel import bin as programs
from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=5)
flags.DEFINE_string("data_dir", None, "The generated data.", flag_values=FLAGS)
flags.DEFINE_string(
    "problems", "translate_ende_mini", "What is trained.", flag_values=FLAGS
)
flags.DEFINE_string("hparams_set", "multimodel_tiny", "The model.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to the set.", flag_values=FLAGS)
flags.DEFINE_string("output_dir", None, "Used by the program.", flag_values=FLAGS)
flags.DEFINE_float("spawned", 0.0, "Used by the program.", flag_values=FLAGS)

HELP_AIM = 0.5  # seconds
STAGES = (
    *("programs", "data", "model", "restore", "batch", "trace", "first step"),
    "step",
)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    if FLAGS.child:
        measuring.say(train(Path(FLAGS.data_dir), Path(FLAGS.output_dir)))
        return
    found: dict[str, Any] = {"before": measuring.machine(), "help": helps()}
    found["rows"] = help_rows(found["help"])
    if FLAGS.data_dir:
        with tempfile.TemporaryDirectory() as folder:
            found["fresh"] = first_step(folder)
            found["resumed"] = first_step(folder)
        found["rows"] += first_step_rows(found)
    measuring.finish("start", found, FLAGS.output)


def names_of_programs() -> list[str]:
    """Modules of all programs."""
    folder = Path(next(iter(programs.__path__)))
    return ["demo", *sorted(file.stem for file in folder.glob("t2t_*.py"))]


def helps() -> dict[str, dict[str, float]]:
    """Seconds of `--help` of every program, and of a Python that does nothing."""
    commands = {"python": [sys.executable, "-c", "pass"]} | {
        name: [sys.executable, "-m", f"t2t_multimodel.bin.{name}", "--help"]
        for name in names_of_programs()
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    processor: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(-1, FLAGS.rounds):
        for name, command in commands.items():
            with _clock() as clock:
                measuring.run_quietly(command)
            if number >= 0:
                seconds[name].append(clock["seconds"])
                processor[name].append(clock["cpu_seconds"])
    return {
        name: {
            **measuring.summed_up(seconds[name]),
            "cpu_s": measuring.summed_up(processor[name])["median_s"],
        }
        for name in commands
    }


@contextlib.contextmanager
def _clock() -> Iterator[dict[str, float]]:
    """Seconds that pass inside, and those of a processor that children took."""
    told: dict[str, float] = {}
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield told
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told["seconds"] = time.perf_counter() - started
    told["cpu_seconds"] = sum(after[:2]) - sum(before[:2])


def help_rows(told: dict[str, dict[str, float]]) -> list[measuring.Row]:
    """A row a program."""
    return [
        measuring.row(
            name,
            "--help" if name != "python" else "nothing",
            record["median_s"],
            "s",
            record["median_s"] / HELP_AIM,
            "of half a second",
        )
        for name, record in told.items()
    ]


def first_step(folder: str) -> dict[str, float]:
    """Stages of a process that trains two steps and saves."""
    given = [f"--{k}={FLAGS[k].value}" for k in ("data_dir", "problems", "hparams_set")]
    given += [f"--hparams={FLAGS.hparams}", f"--output_dir={folder}"]
    return measuring.in_child(__file__, "train", [*given, f"--spawned={time.time()}"])


def train(data_dir: Path, output_dir: Path) -> dict[str, float]:
    """Two steps, from the newest checkpoint if there is one; seconds by stage."""
    stages: dict[str, float] = {}
    last = FLAGS.spawned

    def ends(stage: str) -> None:
        nonlocal last
        now = time.time()
        stages[stage] = now - last
        last = now

    quiet.import_tensorflow()
    from t2t_multimodel.training.checkpoint import Checkpoints
    from t2t_multimodel.training.corpora import open_corpora
    from t2t_multimodel.training.feeds import Feeds
    from t2t_multimodel.training.run import prepare

    ends("programs")
    hparams = registry.hparams(FLAGS.hparams_set).override(FLAGS.hparams)
    names = registry.parse_problems([FLAGS.problems])
    open_corpora(names, data_dir, hparams.training)
    ends("data")
    run = prepare(hparams, names, data_dir)
    ends("model")
    output_dir.mkdir(exist_ok=True)
    with Checkpoints(output_dir, run.model, run.optimizer, None, 1) as checkpoints:
        step, state = checkpoints.restore()
        ends("restore")
        feeds = Feeds(run.corpora.streams, state.get("positions", {}))
        batches = {name: feeds.next_batch(name) for name in names}
        ends("batch")
        take_step = run.make_step(feeds.specs)
        trace(take_step, names)
        ends("trace")
        for stage in ("first step", "step"):
            for name in names:
                step += 1
                float(take_step(name, step, 1e-4, batches[name]).loss)
            ends(stage)
        checkpoints.save(step, {"positions": dict(feeds.positions)})
        checkpoints.wait()
    stages["step number"] = step
    return stages


def trace(take_step: Any, names: Sequence[str]) -> None:
    """Builds the graphs of steps, which a run does within the first step of each."""
    for name in names:
        view = take_step._views[name]
        if view.signature not in take_step._graphs:
            take_step._graphs[view.signature] = take_step._graph(view)
        take_step._graphs[view.signature].get_concrete_function()


def first_step_rows(found: dict[str, Any]) -> list[measuring.Row]:
    """A row for each stage, fresh and resumed."""
    rows = []
    for kind in ("fresh", "resumed"):
        record = found[kind]
        whole = sum(record[stage] for stage in STAGES[:-1])
        to_first = ("to the end of the first step", whole, "s")
        steps = whole / record["step"]
        rows.append(measuring.row(f"training, {kind}", *to_first, steps, "steps"))
        for stage in STAGES:
            told = (stage, record[stage], "s", record[stage] / whole, "of that")
            rows.append(measuring.row(f"training, {kind}", *told))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
