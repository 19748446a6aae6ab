"""t2t-datagen: makes the data of problems, once, before training.

What there is:
  t2t-datagen --list

A miniature world of eight problems, without any source, in under a minute:
  t2t-datagen --problems=mini_eight --data_dir=data

Translation from aligned text files train.en train.de dev.en dev.de test.en test.de:
  t2t-datagen --problems=translate_ende_wmt --source_dir=corpus --data_dir=data

Several problems at once share one vocabulary; give a folder for each in --source_dir:
  t2t-datagen --problems=parse_mini,translate_ende_wmt --source_dir=corpora \\
      --data_dir=data

Problems of your own, from a folder of Python files:
  t2t-datagen --t2t_usr_dir=my_problems --problems=sentiment_reviews \\
      --source_dir=reviews --data_dir=data

A table or a folder of your own, without Python; all programs then know its name:
  t2t-datagen --from_tsv=pairs.tsv --problems=my_pairs --data_dir=data
  t2t-datagen --from_tsv=reviews.tsv --columns=text,label --targets=label \\
      --problems=my_reviews --data_dir=data
  t2t-datagen --from_folder=photos --problems=my_photos --data_dir=data

What tensorflow-datasets has prepared, or is to download (see --tfds_data_dir):
  t2t-datagen --problems=translate_ende_wmt --source=tfds --tfds_download \\
      --data_dir=data

Other sections of the Penn Treebank than the usual ones:
  t2t-datagen --problems=parse_wsj --problem_option=parse_wsj.train_sections=02-18 \\
      --source_dir=treebank_3 --data_dir=data

What a problem needs and where it comes from, before anything is made:
  t2t-datagen --describe speech_wsj

A look at what was made, a check of every byte of it, and what can be said of it:
  t2t-datagen --describe mini_eight --data_dir=data
  t2t-datagen --verify mini_eight --data_dir=data
  t2t-datagen --report mini_eight --data_dir=data

The data directory then holds shards NAME-train-00000-of-00010, an index and a manifest
for each problem, and the vocabulary vocab.model. What is there already is kept. Ended
before it was done, by Ctrl-C or anything else, the same command goes on where it was.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from t2t_multimodel import registry
from t2t_multimodel.bin import own_data, problem_options, program, sources

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
flags.DEFINE_string(
    "source_dir",
    None,
    "The folder of the raw corpus; with several problems it may hold a folder for "
    "each, called like the problem. Problems that make their own data ignore it.",
    flag_values=FLAGS,
)
own_data.define_flags(FLAGS)
sources.define_flags(FLAGS)
flags.DEFINE_multi_string("problem_option", [], problem_options.HELP, flag_values=FLAGS)
flags.DEFINE_string(
    "tmp_dir",
    None,
    "Where unfinished files lie, on the file system of --data_dir; by default in it.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_examples",
    None,
    "Take at most so many examples of each split: some at even distances of a corpus "
    "that goes class by class, speaker by speaker or file by file, else the first.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "num_shards",
    10,
    "Files of a train split; dev and test have one.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "num_workers",
    None,
    "Processes; by default as many as there are processors. The data do not depend "
    "on it.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "max_bad_share",
    0.01,
    "The share of a split that may be at fault; such examples are left out, counted "
    "and named, and more of them are an error.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "engine",
    "processes",
    ["processes", "beam"],
    "What makes the examples: processes of this machine, or Apache Beam, for corpora "
    "that outgrow one machine (pip install 't2t-multimodel[beam]'). The data are the "
    "same.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "beam_options",
    "",
    "Options of Beam itself, such as '--runner=FlinkRunner --flink_master=host:8081'; "
    "by default it runs in this process. All machines must share --data_dir (or "
    "--tmp_dir) and the corpus.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "vocab_size", 8192, "Pieces of the vocabulary, at most.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "overwrite",
    False,
    "Make anew what is there already. The vocabulary is learned anew only if no other "
    "problem in --data_dir needs the present one.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("list", False, "Show all problems and groups.", flag_values=FLAGS)
flags.DEFINE_bool(
    "describe",
    False,
    "Show what problems are, which source they need and under which licence; with "
    "--data_dir, what was made of them. Names may follow: --describe speech_wsj",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "verify",
    False,
    "Read all: checksums, counts, whether every record holds what it should, and "
    "whether none is in two splits.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "report",
    False,
    "Show lengths, what was left out and why, how text is spelled and what is in two "
    "splits; also written to NAME.report.json in --data_dir.",
    flag_values=FLAGS,
)


def main(arguments: Sequence[str]) -> None:
    is_shown = FLAGS.describe or FLAGS.verify or FLAGS.report
    if arguments and not is_shown:
        raise ValueError(f"{arguments[0]!r} is no flag; see t2t-datagen --help")
    if FLAGS.list:
        from t2t_multimodel.bin import data_tables

        data_tables.show_problems()
        return
    if own_data.is_given(FLAGS):
        data_dir = program.required(FLAGS, "data_dir")
        name = own_data.define_problem(FLAGS)
        _generate((name,), data_dir)
        own_data.save_definition(name, data_dir)
        return
    if is_shown:
        _show(_names(arguments))
    else:
        _generate(_names(), program.required(FLAGS, "data_dir"))


def _names(arguments: Sequence[str] = ()) -> tuple[str, ...]:
    """The problems named as arguments or by flags."""
    if arguments and not (FLAGS.problems or FLAGS.problem):
        return registry.parse_problems(arguments)
    return program.problem_names(FLAGS)


def _show(names: Sequence[str]) -> None:
    from t2t_multimodel.bin import data_tables

    if FLAGS.describe and not FLAGS.data_dir:
        data_tables.describe(names, program.path(FLAGS, "source_dir"))
    elif FLAGS.describe:
        data_tables.describe_made(names, program.required(FLAGS, "data_dir"))
    if FLAGS.verify or FLAGS.report:
        _read(names, program.required(FLAGS, "data_dir"))


def _read(names: Sequence[str], data_dir: Path) -> None:
    from t2t_multimodel.bin import data_progress, data_tables, report_tables
    from t2t_multimodel.data.report import report
    from t2t_multimodel.data.stored import verify

    if FLAGS.verify:
        with data_progress.progress(data_tables.make_console()) as progress:
            made = [
                verify(registry.problem(name), data_dir, _num_workers(), progress)
                for name in names
            ]
        data_tables.show_made(made)
        sys.stdout.write("All is as it should be.\n")
    for name in names if FLAGS.report else ():
        with data_progress.progress(data_tables.make_console()) as progress:
            found = report(registry.problem(name), data_dir, _num_workers(), progress)
        report_tables.show_report(data_tables.make_console(), found)
        sys.stdout.write(f"written to {found.save(data_dir)}\n")


def _num_workers() -> int:
    given: int | None = FLAGS.num_workers
    return (os.cpu_count() or 1) if given is None else given


def _generate(names: Sequence[str], data_dir: Path) -> None:
    from t2t_multimodel import api
    from t2t_multimodel.bin import data_progress, data_tables

    options = {
        "max_examples": FLAGS.max_examples,
        "num_shards": FLAGS.num_shards,
        "num_workers": _num_workers(),
        "vocab_size": FLAGS.vocab_size,
        "seed": FLAGS.seed,
        "overwrite": FLAGS.overwrite,
        "tmp_dir": program.path(FLAGS, "tmp_dir"),
        "max_bad_share": FLAGS.max_bad_share,
        "engine": FLAGS.engine,
        "beam_options": tuple(shlex.split(FLAGS.beam_options)),
    }
    problems = problem_options.make_problems(names, FLAGS.problem_option)
    problems = sources.from_source(problems, FLAGS)
    source_dir = program.path(FLAGS, "source_dir")
    with data_progress.progress(data_tables.make_console()) as progress:
        made = api.generate(
            problems, data_dir, source_dir, progress=progress, **options
        )
    data_tables.show_made(list(made.values()))


def run() -> None:
    program.run(main, FLAGS)


if __name__ == "__main__":
    run()
