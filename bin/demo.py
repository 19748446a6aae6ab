"""make demo: eight kinds of problem, one network, from nothing.

Makes the data of the group mini_eight (speech, images, captions, parsing and four
directions of translation over one miniature world), trains one multimodel_tiny on all
of them together, scores it on scenes it has never seen, and shows what it makes of a
few of those; a report of the run, one HTML page, comes last. Run again, it goes on
where it stopped; what is done is kept.

  python -m t2t_multimodel.bin.demo --demo_dir=demo_run

Everything it does is what these commands do:

  t2t-datagen --problems=mini_eight --data_dir=demo_run/data
  t2t-trainer --problems=mini_eight --data_dir=demo_run/data --output_dir=demo_run/run
      --mixture=MIXTURE --eval_steps=1000
  t2t-eval --output_dir=demo_run/run --max_examples=200 --report_dir=demo_run/report
  t2t-report demo_run/run --noevaluate
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

from t2t_multimodel import api, quiet, registry
from t2t_multimodel.bin import program

GROUP = "mini_eight"
NUM_SCENES = 2
# For the curves of the report dev losses are taken so many times, unless the set says.
NUM_DEV_LOSSES = 4
# Sentences are learnt soonest, pictures last: the steps go where they are needed.
MIXTURE = (
    "caption_mini=4.5,image_mini=4.5,speech_mini=2,parse_mini=0.4,"
    "translate_ende_mini=0.5,translate_deen_mini=0.5,"
    "translate_enfr_mini=0.5,translate_defr_mini=0.5"
)

FLAGS = flags.FlagValues()
flags.DEFINE_string("demo_dir", "demo_run", "Where everything goes.", flag_values=FLAGS)
flags.DEFINE_string(
    "hparams_set", "multimodel_tiny", "The model and its training.", flag_values=FLAGS
)
flags.DEFINE_string(
    "hparams", "", 'Changes to the set: "depth=64,num_experts=4".', flag_values=FLAGS
)
flags.DEFINE_string(
    "mixture", MIXTURE, "Which problem gets how many steps.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "train_steps",
    None,
    "Steps of training; the set's by default.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_examples",
    None,
    "Generate at most so many examples of each problem and split.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "eval_examples",
    200,
    "Score so many examples of each problem.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "Seed of all that is random.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    """Generates, trains, evaluates, shows."""
    if arguments:
        raise ValueError(f"the demo takes flags only, not {arguments[0]!r}")
    hparams = registry.hparams(FLAGS.hparams_set)
    if FLAGS.hparams:
        hparams = hparams.override(FLAGS.hparams)
    console = Console(highlight=False)
    root = Path(FLAGS.demo_dir)
    started = time.perf_counter()
    quiet.import_tensorflow()
    _generate(console, root)
    if not _train(console, root, hparams):
        return 130
    results = _evaluate(console, root)
    _show_scenes(console, results)
    page = _report(console, root)
    minutes = (time.perf_counter() - started) / 60
    run = root / "run"
    for line in (
        f"\nAll of it took {minutes:.1f} minutes and is in {root}.",
        f"Scores and all outputs: {root / 'report'}",
        f"The run on one page, to look at or to attach to a mail: {page}",
        f"Curves of each problem: tensorboard --logdir={run}",
        f"A sentence of your own: t2t-decoder --output_dir={run} "
        '--problem=translate_ende_mini "..."',
    ):
        console.print(line, soft_wrap=True)
    return 0


def _generate(console: Console, root: Path) -> None:
    limit = f" --max_examples={FLAGS.max_examples}" if FLAGS.max_examples else ""
    _say(
        console,
        "1. A miniature world: its data",
        f"t2t-datagen --problems={GROUP} --data_dir={root / 'data'}{limit}"
        f" --seed={FLAGS.seed}",
    )
    started = time.perf_counter()
    api.generate(
        GROUP,
        root / "data",
        max_examples=FLAGS.max_examples,
        num_workers=os.cpu_count() or 1,
        seed=FLAGS.seed,
    )
    console.print(f"{time.perf_counter() - started:.0f} seconds")


def _train(console: Console, root: Path, hparams: Any) -> bool:
    """Trains to the end; False where the user stopped it."""
    changes = f' --hparams="{FLAGS.hparams}"' if FLAGS.hparams else ""
    training = hparams.training
    fields = {"mixture": FLAGS.mixture, "seed": FLAGS.seed}
    if FLAGS.train_steps:
        fields["train_steps"] = FLAGS.train_steps
    steps = FLAGS.train_steps or training.train_steps
    fields["eval_steps"] = training.eval_steps or -(-steps // NUM_DEV_LOSSES)
    flags_told = "".join(f" --{name}={value}" for name, value in fields.items())
    _say(
        console,
        "2. One model learns all eight problems",
        f"t2t-trainer --problems={GROUP} --hparams_set={FLAGS.hparams_set}{changes}"
        f" --data_dir={root / 'data'} --output_dir={root / 'run'}{flags_told}",
    )
    started = time.perf_counter()
    run = api.train(GROUP, root / "data", root / "run", hparams, **fields)
    console.print(f"{time.perf_counter() - started:.0f} seconds")
    return not (run.result and run.result.stopped_by)


def _evaluate(console: Console, root: Path) -> Any:
    from t2t_multimodel.evaluation import report

    _say(
        console,
        "3. Scores on scenes it has never seen",
        f"t2t-eval --output_dir={root / 'run'} --max_examples={FLAGS.eval_examples}"
        f" --report_dir={root / 'report'}",
    )
    scores = api.evaluate(
        root / "run",
        max_examples=FLAGS.eval_examples,
        report_dir=root / "report",
        show_progress=True,
    )
    results = list(scores.values())
    report.print_table(results)
    return results


def _show_scenes(console: Console, results: Any) -> None:
    from t2t_multimodel.evaluation.gallery import show_scene

    console.print("\n[bold]4. What it makes of scenes that it has never seen[/]")
    for index in range(min(NUM_SCENES, *(r.num_examples for r in results))):
        show_scene(console, results, index)


def _report(console: Console, root: Path) -> Path:
    from t2t_multimodel.reporting.facts import Asked
    from t2t_multimodel.reporting.write import write_report

    command = f"t2t-report {root / 'run'} --noevaluate"
    _say(console, "5. A report of the run", command)
    page, _ = write_report(root / "run", asked=Asked(is_to_evaluate=False))
    return page


def _say(console: Console, heading: str, command: str) -> None:
    console.print(f"\n[bold]{heading}[/]")
    console.print(f"$ {command}", style="dim", soft_wrap=True)


def run() -> None:
    """Runs the demo as a program."""
    program.run(main, FLAGS)


if __name__ == "__main__":
    run()
