"""t2t-eval: scores of a trained run, on what it writes by itself.

Decodes every example of a split and compares the output with the raw reference: BLEU
and chrF for translations (sacreBLEU, signature shown); BLEU-1 to BLEU-4, CIDEr-D and
ROUGE-L for captions; word error rate for speech; labelled bracketing F1 and whole trees
for parsing; top-1 and top-5 for classes. Beside each stands its 95 % interval, by
bootstrap over the examples. Log-perplexity and token accuracy are teacher-forced: the
model is shown the reference up to each token, so they are no scores of what it writes.

  t2t-eval --output_dir=run
      All problems of the run, on the test splits in the data folder it was trained on,
      or on the dev split of a problem that has no test split.

  t2t-eval --output_dir=run --problems=parse_mini,speech_mini --split=dev
  t2t-eval --output_dir=run --checkpoint=3000 --max_examples=100
  t2t-eval --output_dir=run --checkpoint=all --split=dev --report_dir=report
      Every checkpoint that the run has kept, one after the other, and a table over the
      steps with the best of each problem marked; reports go to report/step-STEP, the
      table to report/checkpoints.md and report/checkpoints.json. Choose a checkpoint
      on dev, report it on test.

  t2t-eval --output_dir=run --report_dir=report
      Also writes report/scores.json, report/table.md, every output as
      report/samples/PROBLEM.jsonl, and report/index.html: a page that needs no network
      and no server, with the worst examples and some drawn at random, pictures, sound
      and trees among them.

  t2t-eval --output_dir=run --split=dev --checkpoint=all \\
      --best_dir=run_best --best_by=speech_mini
      Also copies the checkpoint with the best main score of a problem (the first in its
      row) into a folder that is a run of its own and that no training deletes. Asked
      again later, it is replaced by a better one only.

  t2t-eval --output_dir=grown --compare_to=run
      Scores the run `run` too (or a checkpoint, run/model.ckpt-3000) and shows, problem
      by problem, the main score before and after, and how many outputs have changed.

  t2t-eval --output_dir=run --decode_hparams="beam_size=4,alpha=0.6"
      Searches with a beam; greedily by default.

  t2t-eval --output_dir=run --json
      Prints JSON in place of the table.

The scores also go to OUTPUT_DIR/eval, where TensorBoard finds them as
metrics-PROBLEM/METRIC, and with all outputs, the last ones of each problem, to
OUTPUT_DIR/eval/scores, where t2t-report finds them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_multimodel import registry
from t2t_multimodel.bin import program

if TYPE_CHECKING:
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.evaluation.score import ProblemScores

ALL = "all"

_log = logging.getLogger("t2t_multimodel.bin.t2t_eval")

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
flags.DEFINE_string("output_dir", None, "The folder of the run.", flag_values=FLAGS)
flags.DEFINE_string(
    "checkpoint",
    None,
    "A step, a checkpoint's name or path, or all; the newest by default.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "split",
    None,
    ["test", "dev"],
    "What to score on; by default test, or dev where a problem has no test.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_examples",
    None,
    "Look at the first so many examples of each problem only.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "batch_cost",
    2048,
    "Padded positions in a batch, as in training; scores do not depend on it.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "report_dir",
    None,
    "Write JSON, a table, a page and all outputs here.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "best_dir", None, "Keep the best checkpoint here.", flag_values=FLAGS
)
flags.DEFINE_string(
    "best_by", None, "The problem whose main score says which.", flag_values=FLAGS
)
flags.DEFINE_string(
    "compare_to", None, "Another run, or a checkpoint in one.", flag_values=FLAGS
)
program.define_decode_hparams(FLAGS)
flags.DEFINE_bool("json", False, "Print JSON, not a table.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Evaluates and prints."""
    if arguments:
        raise ValueError(f"t2t-eval takes flags only, not {arguments[0]!r}")
    output_dir = program.required(FLAGS, "output_dir")
    given = [text for text in (FLAGS.problems, FLAGS.problem) if text]
    names = registry.parse_problems(given) if given else None
    config = program.decode_config(FLAGS)
    is_all = FLAGS.checkpoint == ALL
    if FLAGS.best_dir and not (is_all and FLAGS.best_by):
        raise ValueError("--best_dir needs --checkpoint=all and --best_by=PROBLEM")
    if FLAGS.compare_to and is_all:
        raise ValueError("--compare_to needs one checkpoint, not --checkpoint=all")
    program.import_tensorflow_to_decode(FLAGS, output_dir)
    from t2t_multimodel import api
    from t2t_multimodel.evaluation import report
    from t2t_multimodel.evaluation.comparison import comparison_json
    from t2t_multimodel.training.checkpoint_choice import whole_checkpoints
    from t2t_multimodel.training.restore import load_run

    paths: Sequence[str | None] = (FLAGS.checkpoint,)
    if is_all:
        paths = whole_checkpoints(output_dir) or (None,)  # None says that there is none
    run = load_run(output_dir, paths[0])
    asked = names or run.problem_names
    if FLAGS.best_by and FLAGS.best_by not in asked:
        raise ValueError(f"--best_by={FLAGS.best_by} is none of: {', '.join(asked)}")
    by_step: dict[int, list[ProblemScores]] = {}
    checkpoints: dict[int, str] = {}
    figures = []
    for path in paths:
        run = run.at(path) if by_step and path else run
        report_dir = _report_dir(run.step) if FLAGS.report_dir else None
        scored = api.evaluate(run, names, report_dir=report_dir, **_options(config))
        results = list(scored.values())
        if not FLAGS.json:
            _show(output_dir, run, results)
        by_step[run.step], checkpoints[run.step] = results, run.checkpoint
        figures.append(report.score_json(run, results, config))
    compared: Sequence[Any] = ()
    if FLAGS.compare_to:
        compared = _compare_to(run, asked, scored, config)
    if FLAGS.json:
        shown = {"checkpoints": figures} if is_all else figures[0]
        if compared:
            shown["compared"] = comparison_json(compared)
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    if is_all:
        _compare(by_step)
    if FLAGS.best_dir:
        _keep_best(output_dir, by_step, checkpoints)


def _options(config: DecodeConfig) -> dict[str, Any]:
    """What the flags tell an evaluation."""
    names = ("data_dir", "split", "max_examples", "batch_cost")
    given = {name: FLAGS[name].value for name in names}
    return {**given, "decode_hparams": config, "show_progress": True}


def _compare_to(
    run: Any,
    names: Sequence[str],
    results: dict[str, ProblemScores],
    config: DecodeConfig,
) -> Sequence[Any]:
    """The other run's scores on the problems that it knows, beside these."""
    from t2t_multimodel import api
    from t2t_multimodel.evaluation.comparison import print_comparison

    options = _options(config)
    compared = api.compare(FLAGS.compare_to, run, names, results=results, **options)
    if not FLAGS.json:
        title = f"before: {FLAGS.compare_to}; after: {run.output_dir}, step {run.step}"
        print_comparison(compared, title)
    return compared


def _report_dir(step: int) -> Path:
    folder = Path(FLAGS.report_dir)
    return folder / f"step-{step}" if FLAGS.checkpoint == ALL else folder


def _show(output_dir: Path, run: Any, results: list[ProblemScores]) -> None:
    """The table of one checkpoint."""
    from t2t_multimodel.evaluation import report

    splits = ", ".join(dict.fromkeys(result.split for result in results))
    search = FLAGS.decode_hparams or "greedy"
    title = f"{output_dir}, step {run.step}, {splits} split, {search}"
    report.print_table(results, title)


def _compare(by_step: dict[int, list[ProblemScores]]) -> None:
    """The checkpoints side by side."""
    from t2t_multimodel.evaluation import history

    if FLAGS.report_dir:
        history.save_history(FLAGS.report_dir, by_step)
    if not FLAGS.json:
        history.print_history(by_step)


def _keep_best(
    output_dir: Path,
    by_step: dict[int, list[ProblemScores]],
    checkpoints: dict[int, str],
) -> None:
    """Copies the best checkpoint, unless one as good is kept already."""
    from t2t_multimodel.bin.best_checkpoint import best_of, kept_best
    from t2t_multimodel.training.run_copy import copy_checkpoint

    folder = Path(FLAGS.best_dir)
    new = best_of(by_step, FLAGS.best_by)
    kept = kept_best(folder, new)
    if kept is None or new.beats(kept):
        copy_checkpoint(checkpoints[new.step], output_dir, folder)
        new.write(folder)
        kept = new
    _log.info("%s keeps step %d: %s %.2f", folder, kept.step, kept.metric, kept.value)


def run() -> None:
    """The console script."""
    program.run(main, FLAGS, log_to=sys.stderr)


if __name__ == "__main__":
    run()
