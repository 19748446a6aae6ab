"""t2t-avg-all: the average of a run's last checkpoints, which often scores better.

  t2t-avg-all --output_dir=run --averaged_dir=run_averaged --n=5
  t2t-eval --output_dir=run_averaged

Averages the weights of the last --n checkpoints of the run and writes them as one
checkpoint into a folder of its own, with all that t2t-eval and t2t-decoder need there.
t2t-trainer cannot go on from it. A run has as many checkpoints as its hyper-parameter
keep_checkpoints says, one each save_steps:

  t2t-trainer ... --hparams="keep_checkpoints=8,save_steps=500"

Of a run that keeps a moving average (ema_decay), the moving averages are averaged;
there is then less to be won.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from t2t_multimodel import quiet
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_string("output_dir", None, "The folder of the run.", flag_values=FLAGS)
flags.DEFINE_string(
    "averaged_dir", None, "A new folder for the average.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "n",
    8,
    "How many checkpoints to average, from the newest.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "t2t_usr_dir",
    None,
    "A folder with problems of your own, imported first.",
    flag_values=FLAGS,
)

_log = logging.getLogger("t2t_multimodel.bin.t2t_avg_all")


def main(arguments: Sequence[str]) -> None:
    """Averages and says what was averaged."""
    if arguments:
        raise ValueError(f"t2t-avg-all takes flags only, not {arguments[0]!r}")
    output_dir = program.required(FLAGS, "output_dir")
    averaged_dir = program.required(FLAGS, "averaged_dir")
    quiet.import_tensorflow()
    from t2t_multimodel.training.checkpoint_average import average_checkpoints

    made, taken = average_checkpoints(output_dir, averaged_dir, FLAGS.n)
    names = ", ".join(Path(path).name for path in taken)
    _log.info("%s is the average of %d checkpoints: %s", made, len(taken), names)


def run() -> None:
    """The console script."""
    program.run(main, FLAGS)


if __name__ == "__main__":
    run()
