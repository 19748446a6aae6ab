"""t2t-experiment: claims about joint training, each as a command that anyone can run.

An experiment is a few arms, ways to train, each run with several seeds on equal
budgets, and questions that compare two arms. What was found, what was not, and how sure
that is, comes as one HTML page, as Markdown and as JSON:

  t2t-experiment --experiments=parsing_transfer --output_dir=tables --minutes=20

asks whether parsing gains from images and from all eight problems of the miniature
world, whose data it makes itself. To see first what it would do, and what that costs:

  t2t-experiment --list
  t2t-experiment --describe=joint_vs_single
  t2t-experiment --experiments=joint_vs_single,parsing_transfer,ablation \\
      --output_dir=tables --train_steps=300 --scarce=parse_mini:300 --dry_run

--train_steps are those of each problem: an arm of eight problems takes eight times as
many. A problem that is slow to learn may have more, --mixture=image_mini=9 nine times
as many, alone and jointly. With --minutes as many are taken as fit into that time. Runs
that several experiments want are trained once. Ended at any moment, the same command
goes on; more seeds (--num_seeds) and other experiments may be asked for later in the
same folder, all else must stay as it was begun.

Corpora of your own: make their data together, so that they share one vocabulary, and
name their folder:

  t2t-datagen --problems=translate_ende_wmt,parse_wsj --source_dir=corpora \\
      --data_dir=data
  t2t-experiment --experiments=joint_vs_single --data_dir=data --output_dir=tables \\
      --problems=translate_ende_wmt,parse_wsj --minutes=60

Recipes are Python: one of your own is registered by a file in --t2t_usr_dir
(docs/experiments.md). Exit status: 0 all is done; 1 a fault, or a run failed (its log
is named, the others went on); 143 stopped.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from t2t_multimodel import api, quiet, registry
from t2t_multimodel.bin import program
from t2t_multimodel.experiments.asked import DEFAULT_STEPS, Asked, experiment_names
from t2t_multimodel.experiments.plan import Scoring

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
FLAGS.set_default("problems", "mini_eight")
for define, flag_name, default, text in (
    (flags.DEFINE_string, "experiments", None, "Names, with commas; see --list."),
    (flags.DEFINE_string, "output_dir", None, "Where runs and report go."),
    (flags.DEFINE_bool, "list", False, "Show the experiments there are; exit."),
    (flags.DEFINE_string, "describe", None, "Show an experiment's recipe; exit."),
    (flags.DEFINE_bool, "dry_run", False, "Show the arms and their budget; exit."),
    (flags.DEFINE_string, "hparams_set", "multimodel_tiny", "A named set."),
    (flags.DEFINE_string, "hparams", "", 'Changes for all arms: "depth=64".'),
    (
        flags.DEFINE_integer,
        "train_steps",
        None,
        f"Steps of a problem in every arm; {DEFAULT_STEPS} without --minutes.",
    ),
    (
        flags.DEFINE_float,
        "minutes",
        None,
        "How long all may take, about; the steps follow from a short timing.",
    ),
    (flags.DEFINE_integer, "num_seeds", 3, "With how many seeds, from --seed on."),
    (
        flags.DEFINE_list,
        "scarce",
        [],
        "Few training examples of a problem: parse_mini:300, with commas between.",
    ),
    (
        flags.DEFINE_list,
        "mixture",
        [],
        "More steps for some problems: image_mini=9,speech_mini=4; 1 for others.",
    ),
    (flags.DEFINE_string, "split", "test", "What is scored: test or dev."),
    (
        flags.DEFINE_integer,
        "max_examples",
        None,
        "Score so many examples of each problem; all by default.",
    ),
    (
        flags.DEFINE_string,
        "decode_hparams",
        "",
        'How to search, such as "beam_size=4,alpha=0.6"; greedily by default.',
    ),
    (
        flags.DEFINE_integer,
        "num_processes",
        None,
        "Runs side by side; by default as many as cores and memory allow.",
    ),
    (
        flags.DEFINE_integer,
        "threads",
        None,
        "Cores of a run; by default 1 for a model of depth 128 or less, else all.",
    ),
):
    define(flag_name, default, text, flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    """Conducts experiments; the exit status."""
    if arguments:
        raise ValueError(f"{arguments[0]!r} is no flag; --help shows them.")
    if FLAGS.list:
        _list()
        return 0
    if FLAGS.describe:
        _describe(FLAGS.describe)
        return 0
    wanted = asked()
    wanted.check()
    quiet.import_tensorflow()
    from t2t_multimodel.experiments.conduct import conduct

    return conduct(wanted, is_dry=FLAGS.dry_run).status


def asked() -> Asked:
    """What the flags ask for.

    Raises:
        ValueError: Something is missing, or does not exist.
    """
    hparams = api.make_hparams(FLAGS.hparams_set).override(FLAGS.hparams)
    return Asked(
        experiments=experiment_names(FLAGS.experiments or ""),
        output_dir=program.required(FLAGS, "output_dir"),
        problems=program.problem_names(FLAGS),
        hparams=hparams,
        data_dir=program.path(FLAGS, "data_dir"),
        train_steps=FLAGS.train_steps,
        minutes=FLAGS.minutes,
        num_seeds=FLAGS.num_seeds,
        seed=FLAGS.seed,
        rates=rates_of(FLAGS.mixture),
        scarce=scarce_of(FLAGS.scarce),
        scoring=Scoring(FLAGS.split, FLAGS.max_examples, FLAGS.decode_hparams),
        num_processes=FLAGS.num_processes,
        threads=FLAGS.threads,
        command_line=tuple(sys.argv),
    )


def scarce_of(texts: Sequence[str]) -> dict[str, int]:
    """Reads `["parse_mini:300"]`.

    Raises:
        ValueError: One is not of this form.
    """
    found = {}
    for text in texts:
        name, _, number = text.partition(":")
        if not name or not number.isdecimal() or not int(number):
            raise ValueError(
                f"--scarce={text!r} is not of the form PROBLEM:EXAMPLES, such as "
                "parse_mini:300"
            )
        found[name] = int(number)
    return found


def rates_of(texts: Sequence[str]) -> dict[str, float]:
    """Reads `["image_mini=9"]`.

    Raises:
        ValueError: One is not of this form.
    """
    found = {}
    for text in texts:
        name, _, rate = text.partition("=")
        try:
            found[name] = float(rate)
        except ValueError:
            found[name] = 0.0
        if not name or not 0 < found[name] < float("inf"):
            raise ValueError(
                f"--mixture={text!r} is not of the form PROBLEM=RATE, such as "
                "image_mini=9"
            )
    return found


def _list() -> None:
    for name in registry.list_experiments():
        about = (inspect.getdoc(registry.recipe(name)) or "").splitlines()
        sys.stdout.write(f"{name:20} {about[0] if about else ''}\n")


def _describe(name: str) -> None:
    """Shows the file that has the recipe: that is what one changes."""
    recipe = registry.recipe(name)
    path = Path(inspect.getsourcefile(recipe) or "")
    sys.stdout.write(f"# {recipe.__module__}\n{path.read_text('utf-8')}")


def run() -> None:
    """The console script."""
    program.run(main, FLAGS)


if __name__ == "__main__":
    run()
