"""What a token costs: with and without the cache, and beside another implementation.

  python benchmarks/decode.py --output=decode.json
      Milliseconds a token at several positions, all in one process and in turn, with
      the cache and with the whole prefix read again. The model is multimodel_tiny with
      a vocabulary of 8,192 pieces and weights at random: no time depends on them.

  python benchmarks/decode.py --peer=DIR --peer_python=PYTHON --peer_t2t=DIR
      Also decodes 4 sentences of 64 tokens to 32 and to 128 tokens, greedily, by turns
      with the peer: DIR/run_peer.py, which measures Tensor2Tensor's own MultiModel.
      PYTHON runs it; the folder --peer_t2t holds the package tensor2tensor.

Times of a busy machine are worth nothing, ratios within a run are: everything is
measured in turn, several times, and the median is kept.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measuring
from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program
from t2t_multimodel.decoding.threads import cores_to_decode, use_cores

FLAGS = flags.FlagValues()
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)
flags.DEFINE_string(
    "hparams_set", "multimodel_tiny", "The model's size.", flag_values=FLAGS
)
flags.DEFINE_list(
    "positions", ["16", "256", "1024"], "Where to measure.", flag_values=FLAGS
)
flags.DEFINE_list(
    "batch_sizes", ["1", "4"], "Sentences at a time there.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "batch_size", 4, "Sentences at a time beside the peer.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "threads",
    None,
    "Cores that share an operation; 0: all. By default as the programs have it.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_integer("source_length", 64, "Tokens of a sentence.", flag_values=FLAGS)
flags.DEFINE_integer(
    "rounds", 9, "How often each is measured.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_list(
    "lengths", ["32", "128"], "Tokens decoded beside the peer.", flag_values=FLAGS
)
measuring.define_peer_flags(FLAGS)
flags.DEFINE_integer(
    "peer_k", 2, "Experts a token of the peer; 2 as it ships.", flag_values=FLAGS
)

VOCAB_SIZE = 8192
STRETCH = 32  # tokens timed around a position

# The peer's own cases stop at 32 tokens; this asks it for others.
PEER_CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import run_peer
case = dict(hp="tiny", k=int(sys.argv[2]), batch=int(sys.argv[3]), li=int(sys.argv[4]))
run_peer.CASES["asked"] = ("decode", dict(case, tokens=int(sys.argv[5])))
print(json.dumps(run_peer.run_case("asked")))
"""


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    positions = sorted(int(position) for position in FLAGS.positions)
    quiet.import_tensorflow()
    depth = registry.hparams(FLAGS.hparams_set).model.depth
    cores = cores_to_decode(depth, FLAGS.threads)
    use_cores(cores)
    model = make_model()
    console = Console(highlight=False)
    found: dict[str, Any] = {
        "hparams_set": FLAGS.hparams_set,
        "threads": cores,
        "source_length": FLAGS.source_length,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "positions": [],
    }
    for size in map(int, FLAGS.batch_sizes):
        rows = measure_positions(model, positions, size)
        console.print(position_table(rows, size))
        found["positions"] += rows
    if FLAGS.peer:
        found["peer"] = [measure_beside_peer(model, int(n)) for n in FLAGS.lengths]
        console.print(peer_table(found["peer"]))
    found["load_after"] = os.getloadavg()
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def make_model() -> Any:
    """A model for translation, its routers choosing at random instead of all alike."""
    import keras

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.models.task import Port, Task
    from t2t_multimodel.testing.small_model import randomise_routers

    keras.utils.set_random_seed(0)
    text = Port("text")
    config = registry.hparams(FLAGS.hparams_set).model
    model = MultiModel(config, [Task("translate", text, text, "german")], VOCAB_SIZE)
    randomise_routers(model)
    return model.view("translate")


def measure_positions(
    view: Any, positions: Sequence[int], size: int
) -> list[dict[str, Any]]:
    """Milliseconds a token at each position, with the cache and without."""
    cached = cached_steps(view, positions, size)
    full = full_passes(view, positions, size)
    times = measuring.in_turn(
        {
            **{("cached", p): f for p, f in cached.items()},
            **{("full", p): f for p, f in full.items()},
        },
        FLAGS.rounds,
        warm_up=2,
    )
    return [
        {
            "batch_size": size,
            "position": position,
            "cached_ms": 1000 * statistics.median(times["cached", position]) / STRETCH,
            "full_pass_ms": 1000 * statistics.median(times["full", position]),
            # Of the same round, so that the load of a moment is in both.
            "to_first": statistics.median(
                later / first
                for later, first in zip(
                    times["cached", position],
                    times["cached", positions[0]],
                    strict=True,
                )
            ),
        }
        for position in positions
    ]


def cached_steps(
    view: Any, positions: Sequence[int], size: int
) -> dict[int, Callable[[], object]]:
    """Greedy steps from just before each position, `STRETCH` of them."""
    import tensorflow as tf

    from t2t_multimodel.decoding.scorer import Scorer, log_probabilities

    encoded, mask = view.encode(make_inputs(size))

    @tf.function(autograph=False, reduce_retracing=True)
    def advance(before: Any, position: Any, end: Any, state: Any) -> Any:
        stepwise = view.stepwise(encoded, mask)
        scorer = Scorer(stepwise.step, state, stepwise.past_shapes())

        def extend(position: Any, before: Any, state: Any) -> Any:
            logits, state = scorer.step(before, position, state)
            log_p = log_probabilities(logits)
            return position + 1, tf.argmax(log_p, -1, output_type=tf.int32), state

        shapes = (tf.TensorShape([]), tf.TensorShape([None]), scorer.invariants())
        return tf.while_loop(
            lambda position, *_: position < end,
            extend,
            (position, before, state),
            shapes,
        )

    state = view.stepwise(encoded, mask).start(size)
    at, before, found = tf.constant(0), tf.zeros([size], tf.int32), {}
    for position in positions:
        start = max(0, position - STRETCH // 2)
        at, before, state = advance(before, at, tf.constant(start), state)
        arguments = (before, at, tf.constant(start + STRETCH), state)
        found[position] = lambda given=arguments: advance(*given)[1].numpy()
    return found


def full_passes(
    view: Any, positions: Sequence[int], size: int
) -> dict[int, Callable[[], object]]:
    """One token after so many others, all of them read again."""
    import tensorflow as tf

    encoded, mask = view.encode(make_inputs(size))

    @tf.function(autograph=False, reduce_retracing=True)
    def last(ids: Any) -> Any:
        within = tf.ones_like(ids, tf.bool)
        logits = view.decode(encoded, mask, ids, within, training=False)
        return tf.argmax(logits[:, -1], -1, output_type=tf.int32)

    def run(ids: Any) -> Callable[[], object]:
        return lambda: last(ids).numpy()

    shapes = [(size, position) for position in positions]
    return {
        position: run(tf.random.stateless_uniform(shape, (1, 2), 3, 100, tf.int32))
        for position, shape in zip(positions, shapes, strict=True)
    }


def measure_beside_peer(view: Any, length: int) -> dict[str, Any]:
    """Sentences decoded to a length, before and after the peer does the same."""
    import tensorflow as tf

    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.decoding.graphs import relaxed_specs, search_graph

    size = FLAGS.batch_size
    inputs = make_inputs(size)
    # Nothing may end early.
    config = DecodeConfig(min_length=length + 1)
    graph = search_graph(view, relaxed_specs(inputs), config)
    limits, zeros = tf.fill([size], length), tf.zeros([size], tf.int32)
    others = tf.constant(view.command_id), limits, tf.cast(zeros, tf.int64), zeros

    def decode() -> object:
        found = graph(inputs, *others).ids.numpy()
        assert found.shape == (size, 1, length) and (found != 0).all()
        return found

    ours = measuring.timed(decode, FLAGS.rounds, math.inf, 2)
    peer = run_peer(length)
    ours += measuring.timed(decode, FLAGS.rounds, math.inf, 2)
    seconds = statistics.median(ours)
    tokens = size * length
    return {
        "length": length,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "ms_a_position": 1000 * seconds / length,
        "peer_seconds": peer["call_s"],
        "peer_tokens_per_second": tokens / peer["call_s"],
        "peer_ms_a_position": 1000 * peer["call_s"] / length,
        "times_the_peer": peer["call_s"] / seconds,
        "peer_record": peer,
    }


def run_peer(length: int) -> dict[str, Any]:
    """The peer's own record of a call.

    Raises:
        ValueError: It did not run; the end of what it said.
    """
    python = FLAGS.peer_python or sys.executable
    figures = (FLAGS.peer_k, FLAGS.batch_size, FLAGS.source_length, length)
    return measuring.run_json(
        [python, "-c", PEER_CALL, FLAGS.peer, *map(str, figures)],
        measuring.peer_environment(FLAGS),
    )


def make_inputs(size: int) -> dict[str, Any]:
    """Sentences of random tokens."""
    import tensorflow as tf

    shape = (size, FLAGS.source_length)
    ids = tf.random.stateless_uniform(shape, (3, 4), 3, VOCAB_SIZE, tf.int32)
    return {"inputs": ids, "inputs_mask": tf.ones(shape, tf.bool)}


def position_table(rows: Sequence[dict[str, Any]], size: int) -> Table:
    """A row a position."""
    table = Table(title=f"{size} sentence{'s' * (size > 1)} at a time")
    for heading in ("position", "cached, ms", "to the first", "full pass, ms", "times"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["position"]),
            f"{row['cached_ms']:.2f}",
            f"{row['to_first']:.2f}",
            f"{row['full_pass_ms']:.2f}",
            f"{row['full_pass_ms'] / row['cached_ms']:.1f}",
        )
    return table


def peer_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a length."""
    table = Table(title="greedy, tokens a second")
    for heading in ("length", "ours", "peer", "times"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["length"]),
            f"{row['tokens_per_second']:.0f}",
            f"{row['peer_tokens_per_second']:.0f}",
            f"{row['times_the_peer']:.1f}",
        )
    return table


if __name__ == "__main__":
    program.run(main, FLAGS)
