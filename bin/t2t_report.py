"""t2t-report: a report of a run, as one HTML page to attach to a mail.

  t2t-report run
      Scores the newest checkpoint on the first 200 examples of each problem and writes
      run/report.html: scores with intervals, curves, data, configuration, weights,
      environment, commands to do it all again, and the worst examples and some drawn
      at random, with pictures, sound and trees. Beside it lies run/model_card.md, the
      same facts in Markdown.

  t2t-report run --noevaluate
      Decodes nothing: shows the scores that the run remembers of its last t2t-eval,
      each problem's by itself.

  t2t-report run --output=mail/report.html --max_examples=1000
  t2t-report run --checkpoint=3000 --decode_hparams="beam_size=4,alpha=0.6"
  t2t-report run --data_dir=data
      Where the data has moved since the run read it.

The page needs no network, no server and no script, and can load nothing. It shows no
path, no name of the machine and none of its user. What a run lacks, as one that ended
before its first checkpoint, is left out with a word why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from t2t_multimodel import api
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "output_dir", None, "The folder of the run; may stand alone.", flag_values=FLAGS
)
flags.DEFINE_string(
    "data_dir",
    None,
    "The folder with the generated data; by default where the run read it.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "t2t_usr_dir",
    None,
    "A folder with problems of your own, imported first.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output", None, "The page; report.html in the run's folder.", flag_values=FLAGS
)
flags.DEFINE_string(
    "checkpoint",
    None,
    "A step or a checkpoint's name; the newest by default.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "evaluate",
    True,
    "Score the run now; else show the scores that it remembers.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_examples",
    200,
    "Score the first so many examples of each problem; 0: all.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "seed", 0, "Seed of what is drawn: examples, samples.", flag_values=FLAGS
)
program.define_decode_hparams(FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Writes the report and says where it is."""
    given = [*arguments, *([FLAGS.output_dir] if FLAGS.output_dir else [])]
    if len(given) != 1:
        raise ValueError(
            f"t2t-report takes one run, as in t2t-report run, not {len(given)}"
        )
    config = program.decode_config(FLAGS)
    output_dir = Path(given[0]).expanduser()
    program.import_tensorflow_to_decode(FLAGS, output_dir)
    paths = api.report(
        output_dir,
        program.path(FLAGS, "output"),
        is_to_evaluate=FLAGS.evaluate,
        max_examples=FLAGS.max_examples or None,
        decode_hparams=config,
        checkpoint=FLAGS.checkpoint,
        data_dir=program.path(FLAGS, "data_dir"),
        seed=FLAGS.seed,
    )
    for path in paths:
        sys.stdout.write(f"{path}\n")


def run() -> None:
    """The console script."""
    program.run(main, FLAGS, log_to=sys.stderr)


if __name__ == "__main__":
    run()
