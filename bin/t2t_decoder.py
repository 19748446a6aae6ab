"""t2t-decoder: what a trained run makes of your own inputs.

Inputs are sentences, image files or audio files, as the problem takes them:

  t2t-decoder --output_dir=run --problem=translate_ende_mini "Two red fish jump."
  t2t-decoder --output_dir=run --problem=caption_mini photo.png
  t2t-decoder --output_dir=run --problem=speech_mini hello.wav
  t2t-decoder --output_dir=run --problem=image_mini photo.png --top_k=5

or a file of them, one a line (sentences, or paths of image or audio files):

  t2t-decoder --output_dir=run --problem=translate_ende_mini \\
      --decode_from_file=sentences.txt --decode_to_file=translations.txt

  t2t-decoder --output_dir=run --problem=caption_mini photo.png \\
      --decode_hparams="temperature=1,top_p=0.9,num_samples=5,seed=1"

--decode_hparams says how to search: beam_size, alpha (of the length penalty), nbest;
temperature, top_k, top_p, num_samples, seed to draw outputs; min_length, max_length (in
tokens); constrained=False lets a parser write what is no tree.

One line comes out for each input, in the same order; where several outputs are asked
for, a line for each: the input's number from 0, the output and its score, with |||
between them. Parse trees are written in linear form (S NP NNP /NP VP VBZ /VP /S); with
--brackets, the words are put back in brackets wherever the output is a tree of the
sentence. With --top_k classes are listed with their probabilities.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
program.define_problem_flags(FLAGS)
flags.DEFINE_string("output_dir", None, "The folder of the run.", flag_values=FLAGS)
flags.DEFINE_string(
    "checkpoint",
    None,
    "A step, or a checkpoint's name or path; the newest by default.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "decode_from_file", None, "A file with one input a line.", flag_values=FLAGS
)
flags.DEFINE_string(
    "decode_to_file", None, "Write the outputs here, one a line.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "batch_cost",
    2048,
    "Padded positions in a batch; outputs do not depend on it.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "top_k",
    0,
    "List so many classes with their probabilities; 0: name the best one.",
    lower_bound=0,
    flag_values=FLAGS,
)
program.define_decode_hparams(FLAGS)
flags.DEFINE_bool(
    "brackets", False, "Write parse trees in brackets with words.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> None:
    """Reads the inputs, decodes, writes the outputs."""
    output_dir = program.required(FLAGS, "output_dir")
    if bool(arguments) == bool(FLAGS.decode_from_file):
        raise ValueError("give inputs as arguments, or --decode_from_file, one of them")
    given = [text for text in (FLAGS.problems, FLAGS.problem) if text]
    names = registry.parse_problems(given) if given else ()
    config = program.decode_config(FLAGS)
    quiet.import_tensorflow()
    from t2t_multimodel.decoding.decode import DecodedText
    from t2t_multimodel.decoding.raw_inputs import decode_inputs, read_lines
    from t2t_multimodel.decoding.rendering import render_nbest, render_output
    from t2t_multimodel.training.restore import load_run

    run = load_run(output_dir, FLAGS.checkpoint)
    problem = run.problem(_one_name(names, run.problem_names))
    inputs, where = list(arguments), None
    if FLAGS.decode_from_file:
        is_media = problem.inputs.modality != "text"
        inputs, where = read_lines(FLAGS.decode_from_file, is_media)
    outputs = decode_inputs(
        run,
        problem,
        inputs,
        where=where,
        batch_cost=FLAGS.batch_cost,
        depth=max(1, FLAGS.top_k),
        config=config,
    )
    lines: list[str] = []
    for number, (value, output) in enumerate(zip(inputs, outputs, strict=True)):
        if config.num_outputs > 1 and isinstance(output, DecodedText):
            lines += render_nbest(problem, value, output, number, FLAGS.brackets)
        else:
            lines.append(
                render_output(problem, value, output, FLAGS.top_k, FLAGS.brackets)
            )
    _write("".join(f"{line}\n" for line in lines))


def _one_name(names: Sequence[str], known: Sequence[str]) -> str:
    """The problem asked for, or the only one that the run has."""
    names = names or known
    if len(names) != 1:
        raise ValueError(f"--problem takes one of the run's: {', '.join(known)}")
    if names[0] not in known:
        raise ValueError(
            f"the run was not trained on {names[0]}; it was on: {', '.join(known)}"
        )
    return names[0]


def _write(text: str) -> None:
    """To --decode_to_file as a whole, or to standard output."""
    if not FLAGS.decode_to_file:
        sys.stdout.write(text)
        return
    path = Path(FLAGS.decode_to_file)
    partial = path.with_name(f".{path.name}.unfinished")
    partial.write_text(text, "utf-8", newline="\n")
    partial.replace(path)


def run() -> None:
    """The console script."""
    program.run(main, FLAGS, log_to=sys.stderr)


if __name__ == "__main__":
    run()
