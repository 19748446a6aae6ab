"""t2t-bleu: BLEU and chrF of translations that are already written.

  t2t-bleu --translation=out.de --reference=test.de
      Line by line, with 95 % intervals by bootstrap and sacreBLEU's signatures.

  t2t-bleu --translation=out.de --reference=test.de,second.de
      Against several references.

  t2t-bleu --translation=out.de --baseline=old.de --reference=test.de
      Also the difference to another system's translations, with its interval and the
      p-value of the paired bootstrap.

  t2t-bleu --translations_dir=translations --reference=test.de --event_dir=run/eval
      A folder of translations over time: a line for each file whose name ends in a
      step, such as out.de-3000 or step-3000.txt, in the order of the steps, the best
      one marked. With --event_dir, TensorBoard finds them as
      metrics-translations/bleu and metrics-translations/chrf.

Files are UTF-8, a sentence a line, not tokenised: sacreBLEU does that, the same way
for everybody (13a, cased).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_string("translation", None, "A file of translations.", flag_values=FLAGS)
flags.DEFINE_string(
    "translations_dir", None, "A folder of them, named by steps.", flag_values=FLAGS
)
flags.DEFINE_list(
    "reference", [], "The right translations; several by commas.", flag_values=FLAGS
)
flags.DEFINE_string(
    "baseline", None, "Translations to compare --translation with.", flag_values=FLAGS
)
flags.DEFINE_string(
    "event_dir", None, "Write scalars for TensorBoard here.", flag_values=FLAGS
)
flags.DEFINE_bool("json", False, "Print JSON, not text.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Scores and prints."""
    if arguments:
        raise ValueError(f"t2t-bleu takes flags only, not {arguments[0]!r}")
    if not FLAGS.reference:
        raise ValueError(f"--reference is missing: {FLAGS['reference'].help}")
    if bool(FLAGS.translation) == bool(FLAGS.translations_dir):
        raise ValueError("give --translation or --translations_dir, one of them")
    if FLAGS.translations_dir and FLAGS.baseline:
        raise ValueError("--baseline goes with --translation, not with a folder")
    if FLAGS.translation and FLAGS.event_dir:
        raise ValueError("--event_dir goes with --translations_dir: a file has no step")
    if FLAGS.translations_dir:
        _score_folder()
    else:
        _score_file()


def _score_file() -> None:
    from t2t_multimodel.evaluation import translation_files

    found = translation_files.score_file(FLAGS.translation, FLAGS.reference)
    comparisons = (
        translation_files.compare_files(
            FLAGS.baseline, FLAGS.translation, FLAGS.reference
        )
        if FLAGS.baseline
        else ()
    )
    if FLAGS.json:
        _print_json(
            {
                **_figures(found),
                "against_baseline": {
                    c.metric: {
                        "baseline": c.first,
                        "difference": c.difference,
                        "interval_95": list(c.interval),
                        "p_value": c.p_value,
                    }
                    for c in comparisons
                },
            }
        )
        return
    lines = [f"{score.with_interval}   {score.detail}" for score in found]
    lines += [
        f"{c.metric}: {c.difference:+.2f} to the baseline's {c.first:.1f}, "
        f"95 % interval {c.interval[0]:+.2f} to {c.interval[1]:+.2f}, "
        f"p = {c.p_value:.4f}"
        for c in comparisons
    ]
    _print(lines)


def _score_folder() -> None:
    from t2t_multimodel.evaluation import translation_files

    found = translation_files.score_folder(FLAGS.translations_dir, FLAGS.reference)
    if FLAGS.event_dir:
        translation_files.write_summaries(FLAGS.event_dir, found)
    if FLAGS.json:
        _print_json({str(step): _figures(scores) for step, scores in found.items()})
        return
    best = max(found, key=lambda step: found[step][0].value)
    lines = [
        f"step {step}: {', '.join(score.with_interval for score in scores)}"
        f"{'   best BLEU' if step == best else ''}"
        for step, scores in found.items()
    ]
    _print([*lines, *(score.detail for score in found[best])])


def _figures(scores: Sequence[Any]) -> dict[str, Any]:
    return {
        "scores": {score.name: score.value for score in scores},
        "intervals_95": {s.name: list(s.interval) for s in scores if s.interval},
        "signatures": {score.name: score.detail for score in scores},
    }


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _print_json(figures: dict[str, Any]) -> None:
    _print([json.dumps(figures, indent=2, ensure_ascii=False)])


def run() -> None:
    """The console script."""
    program.run(main, FLAGS, log_to=sys.stderr)


if __name__ == "__main__":
    run()
