"""Trains one model on several problems at once.

  t2t-trainer --problems=mini_eight --data_dir=data --output_dir=run

trains the set multimodel_tiny on the eight problems of the miniature world. The
same command goes on where it was stopped; Ctrl-C and SIGTERM end a step, save and exit
with status 130 and 143 (docs/resuming.md has the details).

  t2t-trainer --problems=parse_mini,image_mini --data_dir=data --output_dir=run \\
      --hparams_set=multimodel_small --hparams="depth=192,dropout=0.2"

Hyper-parameters come from the named set, then from --gin_file and --gin_bindings
("hparams.depth = 192"), then from --hparams; a run's folder holds what took effect in
hparams.gin, which --gin_file reads back, and in config.json. To look before leaping,

  t2t-trainer --problems=mini_eight --data_dir=data --dry_run --memory_limit=8GB

predicts and tries the memory and the time that the run needs, and proposes what fits if
it does not; it writes nothing.

--mixture says how the problems share the steps, in pieces with commas between them:

  uniform                       all alike (the default)
  proportional                  by the number of training examples
  temperature=2,cap=50000       by that number, at most the cap, to the power 1/2
  parse_mini=2                  twice as often as by the piece above
  parse_mini=step(1@0,4@2000)   1, and 4 from step 2000 on; also linear(...), a line
                                between such points, and exp(...), a geometric one
  parse_mini=1@500..3000        only from step 500 to before step 3000
  evenly                        rates that never change come out exactly

Given to a run that goes on, another mixture holds from there on (docs/training.md).

To begin with what another run has learnt, here one of parse_mini alone, and to train
only what is new:

  t2t-trainer --problems=parse_mini,image_mini --mixture=parse_mini=0 --data_dir=data \\
      --output_dir=grown --warm_start_from=parsing --train_parts=new

To end the run when a figure on dev data gets no better, keep its best checkpoint in
run/best, skip losses that are no numbers, and see decoded dev examples on the way:

  t2t-trainer --problems=parse_mini,image_mini --data_dir=data --output_dir=run \\
      --eval_steps=500 --stop_on=parse_mini/bracketing_f1 --on_nonfinite=skip \\
      --sample_steps=500 --hparams="stop_patience=3"

docs/training.md tells of all that.

Several processes train one model when each runs the same command with TF_CONFIG set,
on machines that share data and output folder (docs/scaling.md). On this machine,

  t2t-trainer --problems=mini_eight --data_dir=data --output_dir=run --local_workers=2

starts them, and starts all again from the newest checkpoint when one is lost. A worker
that lost another one ends with status 75.

TensorBoard: tensorboard --logdir=run. Scores on decoded output: t2t-eval.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from t2t_multimodel import api, quiet
from t2t_multimodel.bin import program
from t2t_multimodel.training import launcher
from t2t_multimodel.training.cluster import (
    Cluster,
    WorkerLostError,
    choose_strategy,
    read_cluster,
)

if TYPE_CHECKING:
    from t2t_multimodel.training.config import HParams

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
FLAGS.set_default("seed", None)
for define, flag_name, default, text in (
    (flags.DEFINE_string, "output_dir", None, "The run's folder."),
    (flags.DEFINE_string, "hparams_set", "multimodel_tiny", "A named set."),
    (flags.DEFINE_string, "hparams", None, 'Changes: "depth=192,dropout=0.2".'),
    (
        flags.DEFINE_bool,
        "list_hparams",
        False,
        "Show the named sets, and each hyper-parameter with its value in the one that "
        "these flags give and what it is for; exit.",
    ),
    (flags.DEFINE_multi_string, "gin_file", None, "Binds fields of hparams."),
    (flags.DEFINE_multi_string, "gin_bindings", None, '"hparams.depth = 192".'),
    (flags.DEFINE_integer, "train_steps", None, "Steps of the whole run."),
    (flags.DEFINE_integer, "save_steps", None, "Steps between two checkpoints."),
    (flags.DEFINE_integer, "eval_steps", None, "Steps between two dev losses."),
    (flags.DEFINE_string, "stop_on", None, "PROBLEM/METRIC that must get better."),
    (flags.DEFINE_string, "best_by", None, "PROBLEM/METRIC of what run/best keeps."),
    (flags.DEFINE_string, "on_nonfinite", None, "stop (default), skip or roll_back."),
    (flags.DEFINE_integer, "sample_steps", None, "Steps between decoded examples."),
    (flags.DEFINE_string, "mixture", None, "How problems share steps; see above."),
    (
        flags.DEFINE_string,
        "strategy",
        "auto",
        "one_device, mirrored (all accelerators of this machine), multi_worker (the "
        "tasks in TF_CONFIG), tpu, or auto: what TF_CONFIG and the devices suggest.",
    ),
    (
        flags.DEFINE_string,
        "tpu",
        "",
        "A TPU's name, grpc://host:port, or local; for --strategy=tpu.",
    ),
    (
        flags.DEFINE_integer,
        "local_workers",
        0,
        "Start so many workers on this machine.",
    ),
    (
        flags.DEFINE_integer,
        "max_restarts",
        3,
        "How often --local_workers starts them again when one is lost.",
    ),
    (
        flags.DEFINE_string,
        "warm_start_from",
        None,
        "Begin with the weights of another run: its folder, or a checkpoint in it. A "
        "run that goes on has its own.",
    ),
    (
        flags.DEFINE_string,
        "warm_start_parts",
        "",
        'Which parts to take: names or patterns, "encoder,text_*"; all by default.',
    ),
    (
        flags.DEFINE_string,
        "train_parts",
        None,
        'Train these parts alone: names or patterns, "image_*,commands/german", or '
        "new: what --warm_start_from leaves at random. --dry_run shows the names.",
    ),
    (
        flags.DEFINE_bool,
        "dry_run",
        False,
        "Show what the run would weigh, whether it fits and how long it takes; exit.",
    ),
    (
        flags.DEFINE_string,
        "memory_limit",
        None,
        "With --dry_run: the memory it must fit into, 8GB or 750MiB; by default what "
        "the machine, or the process's control group, has available.",
    ),
    (flags.DEFINE_string, "dry_run_json", None, "With --dry_run: findings, to a file."),
):
    define(flag_name, default, text, flag_values=FLAGS)

# Flags that are shorthand for a hyper-parameter of the same name.
FIELD_FLAGS = (
    *("train_steps", "save_steps", "eval_steps", "mixture", "train_parts", "seed"),
    *("stop_on", "best_by", "on_nonfinite", "sample_steps"),
)
EXIT_STATUS = {"SIGINT": 130, "SIGTERM": 143}


def main(arguments: Sequence[str]) -> int:
    """Trains; its exit status."""
    if arguments:
        raise ValueError(f"{arguments[0]!r} is no flag; --help shows them.")
    if FLAGS.list_hparams:
        from t2t_multimodel.bin.hparams_tables import show_hparams

        show_hparams(_hparams())
        return 0
    problem_names = program.problem_names(FLAGS)
    hparams = _hparams()
    data_dir = program.required(FLAGS, "data_dir")
    cluster = read_cluster()
    if not FLAGS.local_workers:
        choose_strategy(FLAGS.strategy, cluster, FLAGS.tpu)
    if FLAGS.dry_run:
        _dry_run(hparams, problem_names, data_dir)
        return 0
    output_dir = program.required(FLAGS, "output_dir")
    if FLAGS.local_workers:
        return _launch(cluster)
    if cluster.size > 1:  # That a worker is gone is said once, in words.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not cluster.is_chief:
        logging.getLogger("t2t_multimodel").setLevel(logging.WARNING)
    try:
        run = api.train(
            problem_names,
            data_dir,
            output_dir,
            hparams,
            strategy=FLAGS.strategy,
            command_line=sys.argv,
            warm_start_from=FLAGS.warm_start_from,
            warm_start_parts=FLAGS.warm_start_parts,
            tpu=FLAGS.tpu,
        )
    except WorkerLostError as error:
        sys.stderr.write(f"t2t-trainer: error: {error}\n")
        return launcher.LOST_STATUS
    stopped_by = run.result.stopped_by if run.result else None
    return EXIT_STATUS.get(stopped_by or "", 0)


def _dry_run(hparams: HParams, problem_names: Sequence[str], data_dir: Path) -> None:
    """Examines the run, and writes the findings where --dry_run_json says."""
    from t2t_multimodel.training.doctor.sizes import parse_size

    limit = FLAGS.memory_limit and parse_size(FLAGS.memory_limit, "--memory_limit")
    quiet.import_tensorflow()
    from t2t_multimodel.training.dry_run import dry_run
    from t2t_multimodel.training.warm_start import asked_for

    found = dry_run(
        hparams,
        problem_names,
        data_dir,
        # Of this process's devices alone, whatever TF_CONFIG says.
        "auto" if FLAGS.strategy == "multi_worker" else FLAGS.strategy,
        start=asked_for(FLAGS.warm_start_from, FLAGS.warm_start_parts),
        memory_limit=limit,
        output_dir=program.path(FLAGS, "output_dir"),
    )
    if file := program.path(FLAGS, "dry_run_json"):
        file.write_text(json.dumps(found.to_dict(), indent=1) + "\n", "utf-8")


def _launch(cluster: Cluster) -> int:
    """Starts this command as several workers; the job's exit status."""
    if cluster != Cluster():
        raise ValueError("--local_workers sets TF_CONFIG itself: unset it.")
    command = [sys.executable, "-m", "t2t_multimodel.bin.t2t_trainer", *sys.argv[1:]]
    return launcher.launch(
        [*command, "--local_workers=0"], FLAGS.local_workers, FLAGS.max_restarts
    )


def _hparams() -> HParams:
    """The named set, then gin, then --hparams, then the shorthand flags."""
    hparams = api.make_hparams(FLAGS.hparams_set)
    if FLAGS.gin_file or FLAGS.gin_bindings:
        from t2t_multimodel.training.gin_bindings import apply_gin

        hparams = apply_gin(hparams, FLAGS.gin_file or (), FLAGS.gin_bindings or ())
    hparams = hparams.override(FLAGS.hparams or "")
    given = {name: FLAGS[name].value for name in FIELD_FLAGS}
    return hparams.replace(**{k: v for k, v in given.items() if v is not None})


def run() -> None:
    """The console script."""
    program.run(main, FLAGS)


if __name__ == "__main__":
    run()
