"""t2t-decoder: what a trained run makes of your own inputs.

Inputs are sentences, image files, audio files or folders of those:

  t2t-decoder --output_dir=run --problem=translate_ende_mini "Two red fish jump."
  t2t-decoder --output_dir=run --problem=speech_mini hello.wav recordings/
  t2t-decoder --output_dir=run --problem=image_mini photo.png --top_k=5
  t2t-decoder --output_dir=run --problems=translate_ende_mini,parse_mini "A fish ."
      Each input goes to each problem; a line then begins with the problem's name.

or come through a pipe, from a file (a folder), or from a split of the data:

  cat sentences.txt | t2t-decoder --output_dir=run --problem=translate_ende_mini
  t2t-decoder --output_dir=run --problem=translate_ende_mini \\
      --decode_from_file=sentences.txt --decode_to_file=translations.txt
  t2t-decoder --output_dir=run --decode_from_file=mixed.jsonl --output_format=jsonl
      A line is an object: {"problem": "caption_mini", "inputs": "photo.png"}. Paths are
      looked for beside the file too. Further fields come out again.
  t2t-decoder --output_dir=run --problem=parse_mini --decode_from_file=a.tsv --column=2
      TSV: the column `inputs` of a header, or the one that --column names or counts.
  t2t-decoder --output_dir=run --problem=parse_mini --split=dev --max_examples=20

or are asked for, one by one (`:help` there tells more):

  t2t-decoder --output_dir=run --problem=translate_ende_mini --decode_interactive

Given pairs are scored by the log-probability of their targets, teacher-forced:

  t2t-decoder --output_dir=run --problem=translate_ende_mini --score_file=pairs.tsv
      Inputs, a tab, targets; or a header or JSONL with `inputs` and `targets`. What
      --output_format=jsonl wrote can be scored: `output` stands in for `targets`.

--decode_hparams says how to search: beam_size, alpha (of the length penalty), nbest;
temperature, top_k, top_p, num_samples, seed to draw outputs; min_length, max_length (in
tokens); constrained=False lets a parser write what is no tree.

One line comes out for each input, in the same order; where several outputs are asked
for, a line for each: the input's number from 0, the output and its score, with |||
between them. JSONL has scores, classes or n-best, seconds, problem and input's name. An
input that cannot be read stops the run before anything is decoded; with --on_error=skip
its line is null, and what was skipped is told at the end. Trees are written in linear
form (S NP NNP /NP VP VBZ /VP /S); with --brackets in brackets, with the words.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from absl import flags

from t2t_multimodel import registry
from t2t_multimodel.bin import program
from t2t_multimodel.decoding import request

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
program.define_decode_hparams(FLAGS)
for name, meaning in {
    "output_dir": "The folder of the run.",
    "checkpoint": "A step, or a checkpoint's name or path; the newest by default.",
    "decode_from_file": "A file of inputs, a folder of media files; -: standard input.",
    "decode_to_file": "Write the outputs here; the file appears when it is whole.",
    "column": "Of TSV: the inputs' column, by its name in the header or from 1.",
    "score_file": "Score the pairs in this file (TSV or JSONL; -: standard input).",
}.items():
    flags.DEFINE_string(name, None, meaning, flag_values=FLAGS)
for name, default, values, meaning in (
    ("input_format", None, request.INPUT_FORMATS, "By default as the name ends."),
    ("output_format", "text", request.OUTPUT_FORMATS, "How outputs are written."),
    ("on_error", "stop", request.ON_ERROR, "What to do if an input cannot be read."),
    ("split", None, ("train", "dev", "test"), "Decode a split of the run's data."),
):
    choices = f"{', '.join(values)}: {meaning}"
    flags.DEFINE_enum(name, default, list(values), choices, flag_values=FLAGS)
for name, number, least, meaning in (
    ("batch_cost", 2048, 1, "Padded positions in a batch; no output depends on it."),
    ("top_k", 0, 0, "List so many classes with probabilities; 0: name the best one."),
    ("max_examples", None, 1, "The first so many inputs; of a split, of each problem."),
):
    flags.DEFINE_integer(name, number, meaning, lower_bound=least, flag_values=FLAGS)
for name, meaning in {
    "brackets": "Write parse trees in brackets with words.",
    "decode_interactive": "Ask for inputs, answer them one by one.",
}.items():
    flags.DEFINE_bool(name, False, meaning, flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Makes a request of the flags and fulfils it."""
    output_dir = program.required(FLAGS, "output_dir")
    given = [text for text in (FLAGS.problems, FLAGS.problem) if text]
    fields = [field.name for field in dataclasses.fields(request.Request)]
    asked = {name: FLAGS[name].value for name in fields if name in FLAGS}
    if not arguments and not request.names_source(asked) and request.is_piped():
        arguments = [request.STDIN]
    wanted = request.Request(
        inputs=tuple(arguments),
        problem_names=registry.parse_problems(given) if given else (),
        config=program.decode_config(FLAGS),
        **asked,
    )
    program.import_tensorflow_to_decode(FLAGS, output_dir)
    from t2t_multimodel.decoding.fulfil import fulfil
    from t2t_multimodel.training.restore import load_run

    fulfil(load_run(output_dir, FLAGS.checkpoint), wanted)


def run() -> None:
    """The console script."""
    program.run(main, FLAGS, log_to=sys.stderr)


if __name__ == "__main__":
    run()
