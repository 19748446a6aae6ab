"""Decoding is what training saw, and no batch mate matters: by how much, and how often.

python benchmarks/agreement.py --output=agreement.json
    For every set of hyper-parameters: the largest difference between the logits of
    one position at a time, with the cache, and of the whole sequence at once, in
    standard deviations of the logits. The models are at random; a set of more than
    --max_weights weights is built narrower, with all its blocks.

python benchmarks/agreement.py --run=DIR
    Also decodes each problem's dev split with a trained run, in batches of 1, of 7
    and of 64, greedily and with a beam of 4, and counts the outputs that differ.
"""

from __future__ import annotations

import dataclasses
import json
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
flags.DEFINE_list("hparams_sets", None, "The sets; all by default.", flag_values=FLAGS)
flags.DEFINE_integer("length", 200, "Target positions compared.", flag_values=FLAGS)
flags.DEFINE_float("max_weights", 4e8, "Weights built at most.", flag_values=FLAGS)
flags.DEFINE_string("run", None, "The folder of a trained run.", flag_values=FLAGS)
flags.DEFINE_integer(
    "examples", 64, "Of each dev split.", lower_bound=1, flag_values=FLAGS
)

VOCAB_SIZE = 8192
BATCH_SIZES = (1, 7, 64)
NARROWER = {"depth": 128, "num_experts": 16, "expert_hidden_size": 128}


def main(arguments: Sequence[str]) -> None:
    """Compares, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    names = FLAGS.hparams_sets or registry.list_hparams()
    quiet.import_tensorflow()
    console = Console(highlight=False)
    found: dict[str, Any] = {"length": FLAGS.length}
    found["sets"] = [compare_set(name) for name in names]
    console.print(sets_table(found["sets"]))
    if FLAGS.run:
        found["batches"] = compare_batches()
        console.print(batches_table(found["batches"]))
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def compare_set(name: str) -> dict[str, Any]:
    """The largest difference between the cached and the full pass of a set."""
    import tensorflow as tf

    from t2t_multimodel.testing.check_decoding import largest_difference

    config = dataclasses.replace(registry.hparams(name).model, dtype_policy="float32")
    narrower = num_weights(config) > FLAGS.max_weights
    if narrower:
        config = dataclasses.replace(config, **NARROWER)
    view = make_view(config)
    encoded = tf.random.stateless_normal((2, 64, config.depth), (1, 2))
    mask = tf.sequence_mask([64, 40])
    return {
        "set": name,
        "weights": view.count_params(),
        "narrower": narrower,
        "difference": largest_difference(
            view, encoded, mask, VOCAB_SIZE, length=FLAGS.length
        ),
    }


def num_weights(config: Any) -> int:
    """About so many, nearly all of them of the experts."""
    per_expert = 2 * config.depth * config.expert_hidden_size
    return 2 * int(config.num_experts * per_expert)


def make_view(config: Any) -> Any:
    """A model for translation, its routers choosing at random instead of all alike."""
    import keras

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.models.task import Port, Task
    from t2t_multimodel.testing.small_model import randomise_routers

    keras.utils.set_random_seed(0)
    text = Port("text")
    model = MultiModel(config, [Task("translate", text, text, "german")], VOCAB_SIZE)
    model.build_views()
    randomise_routers(model)
    return model.view("translate")


def compare_batches() -> list[dict[str, Any]]:
    """How many outputs of each problem differ between batch sizes."""
    from t2t_multimodel.training.restore import load_run

    run = load_run(FLAGS.run)
    return [
        compare_problem(run, name, beam_size)
        for name in run.problem_names
        for beam_size in (1, 4)
    ]


def compare_problem(run: Any, name: str, beam_size: int) -> dict[str, Any]:
    """A problem's outputs and times at all batch sizes."""
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.jobs import jobs_of
    from t2t_multimodel.decoding.raw_inputs import RawDecoder
    from t2t_multimodel.decoding.reading import read_split

    items = read_split(run.problem(name), run.data_dir, "dev", FLAGS.examples)
    jobs = jobs_of(run, items, [name])
    decoder = RawDecoder(run, DecodeConfig(beam_size=beam_size), batch_cost=10**9)
    decoder.decode(jobs[:1])
    outputs, seconds = {}, {}
    for size in BATCH_SIZES:
        started = time.perf_counter()
        batches = [jobs[at : at + size] for at in range(0, len(jobs), size)]
        answers = [answer for batch in batches for answer in decoder.decode(batch)]
        outputs[size] = [said(answer.output) for answer in answers]
        seconds[size] = time.perf_counter() - started
    alone = outputs[BATCH_SIZES[0]]
    return {
        "problem": name,
        "beam_size": beam_size,
        "examples": len(jobs),
        "differ": {
            size: sum(a != b for a, b in zip(alone, other, strict=True))
            for size, other in outputs.items()
        },
        "seconds": seconds,
    }


def said(output: Any) -> Any:
    """The text, or the ranked classes: what has to be identical."""
    return getattr(output, "text", None) or tuple(output.classes)


def sets_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a set."""
    table = Table(title=f"cached against full pass, {FLAGS.length} positions")
    table.add_column("set")
    table.add_column("weights", justify="right")
    table.add_column("largest difference", justify="right")
    for row in rows:
        note = " (narrower)" if row["narrower"] else ""
        difference = f"{row['difference']:.1e}"
        table.add_row(row["set"] + note, f"{row['weights']:,}", difference)
    return table


def batches_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each problem and search."""
    table = Table(title="outputs that differ from those decoded one by one")
    for heading in ("problem", "beam", "examples"):
        table.add_column(heading)
    for size in BATCH_SIZES:
        table.add_column(f"batch {size}, s", justify="right")
    for size in BATCH_SIZES[1:]:
        table.add_column(f"differ at {size}", justify="right")
    for row in rows:
        table.add_row(
            *(row["problem"], str(row["beam_size"]), str(row["examples"])),
            *(f"{row['seconds'][size]:.1f}" for size in BATCH_SIZES),
            *(str(row["differ"][size]) for size in BATCH_SIZES[1:]),
        )
    return table


if __name__ == "__main__":
    program.run(main, FLAGS)
