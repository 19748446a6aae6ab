"""Trees by construction: how many of 1,000 outputs are trees, and what that costs.

  python benchmarks/constrained.py --output=constrained.json

A multimodel_tiny that was never trained parses sentences of the miniature world, with
the grammar and without it. Counted is what is a well-formed tree over exactly the words
of its sentence. The cost of the grammar is the time of a position with it and without,
in turn on the same batch, with one hypothesis a sentence and with four.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)
flags.DEFINE_string(
    "hparams_set", "multimodel_tiny", "The model's size.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "sentences", 1000, "How many are parsed.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "train_examples",
    1500,
    "Trees whose labels and tags are used.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "batch_size", 16, "Sentences at a time for the cost.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "rounds", 5, "How often the cost is measured.", lower_bound=1, flag_values=FLAGS
)


POSITIONS = 48


def main(arguments: Sequence[str]) -> None:
    """Counts, measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    quiet.import_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        run, problem = make_run(Path(folder))
        examples = problem.examples("train", Path())
        sentences = [
            example["inputs"] for example in itertools.islice(examples, FLAGS.sentences)
        ]
        found = {
            "sentences": len(sentences),
            "trees": {
                str(constrained): count_trees(run, problem, sentences, constrained)
                for constrained in (True, False)
            },
            "load_before": os.getloadavg(),
            "cost": [
                measure_cost(run, problem, sentences[: FLAGS.batch_size], per_sentence)
                for per_sentence in (1, 4)
            ],
            "load_after": os.getloadavg(),
        }
    console = Console(highlight=False)
    for constrained, count in found["trees"].items():
        console.print(f"constrained={constrained}: {count} of {len(sentences)} trees")
    console.print(cost_table(found["cost"]))
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def make_run(folder: Path) -> tuple[Any, Any]:
    """A run of a model at random, as if it had been trained; and its problem."""
    import keras

    from t2t_multimodel.data.generation import Options, generate
    from t2t_multimodel.data.vocabulary import Vocabulary
    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.models.task import task_of
    from t2t_multimodel.testing.small_model import randomise_routers
    from t2t_multimodel.training.restore import Run

    problem = registry.problem("parse_mini")
    generate([problem], folder, options=Options(max_examples=FLAGS.train_examples))
    vocabulary = Vocabulary.load(folder / "vocab.model")
    hparams = registry.hparams(FLAGS.hparams_set)
    keras.utils.set_random_seed(0)
    model = MultiModel(hparams.model, [task_of(problem)], vocabulary.size)
    randomise_routers(model)
    run = Run(
        model=model,
        hparams=hparams,
        problem_names=(problem.name,),
        vocabulary=vocabulary,
        data_dir=folder,
        seed=0,
        step=0,
        output_dir=folder,
        checkpoint="",
    )
    return run, problem


def count_trees(
    run: Any, problem: Any, sentences: Sequence[str], constrained: bool
) -> int:
    """How many outputs are trees over exactly the words of their sentences."""
    from t2t_multimodel.data.trees import read_linear, words_of
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.raw_inputs import decode_inputs

    config = DecodeConfig(constrained=constrained)
    count = 0
    outputs = decode_inputs(run, problem, sentences, config=config)
    for sentence, output in zip(sentences, outputs, strict=True):
        try:
            read_linear(output.text, words_of(sentence))
        except ValueError:
            continue
        count += 1
    return count


def measure_cost(
    run: Any, problem: Any, sentences: Sequence[str], per_sentence: int
) -> dict[str, Any]:
    """Milliseconds a position with the grammar and without, in turn."""
    import numpy as np
    import tensorflow as tf

    from t2t_multimodel.data.trees import words_of
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.grammars import grammar_of
    from t2t_multimodel.decoding.graphs import view_scorer
    from t2t_multimodel.decoding.scorer import repeat_rows

    view = run.model.view(problem.name)
    grammar = grammar_of(run, problem, DecodeConfig())
    assert grammar is not None
    inputs = problem.inputs.batch([s.encode() for s in sentences], run.vocabulary)
    num_words = np.array([len(words_of(s)) for s in sentences], np.int32)
    limits = np.full(len(sentences), 2 * POSITIONS, np.int32)

    def walk(constrained: bool) -> Any:
        """The likeliest piece at each position, so many positions."""

        @tf.function(autograph=False)
        def run_all() -> Any:
            scorer = view_scorer(view, inputs)
            if constrained:
                scorer = grammar.constrain(scorer, num_words, limits)

            def extend(position: Any, before: Any, state: Any) -> Any:
                log_p, state = scorer.step(before, position, state)
                return position + 1, tf.argmax(log_p, -1, output_type=tf.int32), state

            rows = len(sentences) * per_sentence
            state = repeat_rows(scorer.state, per_sentence)
            return tf.while_loop(
                lambda position, *_: position < POSITIONS,
                extend,
                (tf.constant(0), tf.zeros([rows], tf.int32), state),
                (tf.TensorShape([]), tf.TensorShape([None]), scorer.invariants()),
            )[1]

        return run_all

    graphs = {constrained: walk(constrained) for constrained in (True, False)}
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-1, FLAGS.rounds):
        for constrained, graph in graphs.items():
            started = time.perf_counter()
            graph().numpy()
            seconds = time.perf_counter() - started
            if number >= 0:
                times[constrained].append(1000 * seconds / POSITIONS)
    return {
        "hypotheses": per_sentence,
        "constrained_ms": statistics.median(times[True]),
        "free_ms": statistics.median(times[False]),
        "ratio": statistics.median(
            one / other for one, other in zip(times[True], times[False], strict=True)
        ),
    }


def cost_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each number of hypotheses."""
    table = Table(title=f"{FLAGS.batch_size} sentences at a time, ms a position")
    for heading in ("hypotheses each", "with the grammar", "without", "times"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["hypotheses"]),
            f"{row['constrained_ms']:.2f}",
            f"{row['free_ms']:.2f}",
            f"{row['ratio']:.2f}",
        )
    return table


if __name__ == "__main__":
    program.run(main, FLAGS)
