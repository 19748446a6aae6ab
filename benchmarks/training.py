"""What a training step costs: beside a peer, and beside what the machine can do.

  python benchmarks/training.py --output=training.json
      Seconds of a full step (forward, backward, clipping, Adam) and of a forward pass
      on a fixed batch, their useful operations, weights, peak memory, the time of the
      first step, and the rate of large products in the same rounds as the steps: the
      ceiling. cases.py has the cases.

  python benchmarks/training.py --peer=DIR --peer_python=PYTHON --peer_t2t=DIR
      Also DIR/run_peer.py's cases of the same names, by turns: Tensor2Tensor's own
      MultiModel. PYTHON runs it; the folder --peer_t2t holds the package tensor2tensor.

Each case runs in a process of its own, ours before and after the peer's and then in
bfloat16. Times of a busy machine are worth nothing; ratios within a run are.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import ceilings
import measuring
import operations
from absl import flags
from cases import (
    CASES,
    MIXED,
    QUICK,
    forward_graph,
    gradient_graph,
    hparams_of,
    known,
    make_batch,
    make_step,
)

from t2t_multimodel import quiet
from t2t_multimodel.bin import program

__all__ = ["CASES", "FLAGS", "make_batch", "make_step"]

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=10)
measuring.define_peer_flags(FLAGS)
flags.DEFINE_list("cases", None, "Which; all by default.", flag_values=FLAGS)
flags.DEFINE_bool("quick", False, "The small cases alone.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to every case's set.", flag_values=FLAGS)


_WARM_UP = 3  # steps
_CALLS = 5  # products in a round


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    if FLAGS.child:
        quiet.import_tensorflow()
        measuring.say(measure_case(FLAGS.child))
        return
    names = known(FLAGS.cases or (QUICK if FLAGS.quick else list(CASES)))
    found: dict[str, Any] = {"before": measuring.machine()}
    found["cases"] = {name: compare(name) for name in names}
    found["after"] = measuring.machine()
    found["rows"] = [
        row for name, sides in found["cases"].items() for row in rows_of(name, sides)
    ]
    measuring.finish("training steps and forward passes", found, FLAGS.output)


def compare(name: str) -> dict[str, Any]:
    """Ours, the peer's case of that name if it is asked for and has one, ours again.

    And ours in bfloat16, where there is a peer.
    """

    def ours(changes: str = "") -> dict[str, Any]:
        changes = ",".join(filter(None, (FLAGS.hparams, changes)))
        given = [f"--{key}={FLAGS[key].value}" for key in ("rounds", "seconds")]
        return measuring.in_child(__file__, name, [*given, f"--hparams={changes}"])

    sides = {"ours": ours()}
    peer = measuring.run_peer(FLAGS, name)
    if peer:
        sides["peer"] = peer
        sides["again"] = ours()
        sides["bfloat16"] = ours(MIXED)
    return sides


def measure_case(name: str) -> dict[str, Any]:
    """A step's and a forward pass's seconds, operations and memory."""
    case = CASES[name]
    policy = hparams_of(case, FLAGS.hparams).model.dtype_policy
    products = "bfloat16" if "bfloat16" in policy else "float32"
    started = time.perf_counter()
    take_step, model, batch = make_step(case, FLAGS.hparams)
    losses = [float(take_step(0).loss)]
    first = time.perf_counter() - started

    def one_more() -> None:
        losses.append(float(take_step(len(losses)).loss))

    for _ in range(_WARM_UP):
        one_more()
    peak = measuring.peak_mib()  # before the products, which need memory too
    product = ceilings.product(products)
    turns = {"step": one_more, "products": lambda: [product() for _ in range(_CALLS)]}
    seconds = measuring.in_turn(turns, FLAGS.rounds, FLAGS.seconds)
    product_s = statistics.median(seconds["products"]) / _CALLS
    forward = forward_graph(model, batch)
    forward_seconds = measuring.timed(
        lambda: float(forward(batch)[0]), FLAGS.rounds, FLAGS.seconds
    )
    gflop = operations.of_model(gradient_graph(model, batch).graph, model.config) / 1e9
    step = measuring.summed_up(seconds["step"])
    return {
        "step_s": step["median_s"],
        "step_min_s": step["min_s"],
        "rounds": step["rounds"],
        "forward_s": measuring.summed_up(forward_seconds)["median_s"],
        "first_step_s": first,
        "products": products,
        "ceiling_gflops": ceilings.PRODUCT / product_s / ceilings.GIGA,
        "params": model.count_params(),
        "gflop_per_step": gflop,
        "gflop_forward": operations.of_model(forward.graph, model.config) / 1e9,
        "achieved_gflops": gflop / step["median_s"],
        "target_tokens_per_s": case.targets / step["median_s"],
        "rss_peak_mib": peak,
        "losses": losses,
    }


def rows_of(name: str, sides: dict[str, Any]) -> list[measuring.Row]:
    """What is to be said of a case."""
    rows = []
    ours, peer = sides["ours"], sides.get("peer")

    def share(record: dict[str, Any], gflop: str, seconds: str) -> tuple[float, str]:
        # The peer computes in float32, and does not measure the machine.
        ceiling = record.get("ceiling_gflops", ours["ceiling_gflops"])
        rate = record[gflop] / record[seconds]
        return rate / ceiling, f"of {record.get('products', 'float32')} products"

    for side, record in sides.items():
        told = (f"step, {side}", record["step_s"], "s")
        rows.append(
            measuring.row(name, *told, *share(record, "gflop_per_step", "step_s"))
        )
        if peer and side != "peer":
            times = peer["step_s"] / record["step_s"]
            speed = (f"steps a second, {side}", 1 / record["step_s"], "1/s")
            rows.append(measuring.row(name, *speed, times, "times the peer"))
    forward = ("forward", ours["forward_s"], "s")
    rows.append(
        measuring.row(name, *forward, *share(ours, "gflop_forward", "forward_s"))
    )
    for what, key, unit, scale in (
        ("weights", "params", "M", 1e6),
        ("operations a step", "gflop_per_step", "GFLOP", 1.0),
        ("peak memory", "rss_peak_mib", "MiB", 1.0),
    ):
        ratio = ours[key] / peer[key] if peer else None
        to = "of the peer's" if peer else ""
        rows.append(measuring.row(name, what, ours[key] / scale, unit, ratio, to))
    first = ("first step", ours["first_step_s"], "s")
    steps = ours["first_step_s"] / ours["step_s"]
    rows.append(measuring.row(name, *first, steps, "steps"))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
