"""What training several problems in one model costs beside training each alone.

  python benchmarks/joint.py --data_dir=data --output=joint.json

One multimodel_tiny, a batch of each problem of mini_eight as the trainer makes it, and
steps of it in two orders, by turns: one problem over and over ("alone"), and all in
turn ("joint"). The joint steps' time to the sum of the same steps alone is what
switching between problems costs: other graphs, other weights, cold caches.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import measuring
from absl import flags

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=10)
flags.DEFINE_string("data_dir", None, "The generated data.", flag_values=FLAGS)
flags.DEFINE_string("problems", "mini_eight", "Problems.", flag_values=FLAGS)
flags.DEFINE_string("hparams_set", "multimodel_tiny", "The model.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to the set.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    data_dir = program.required(FLAGS, "data_dir")
    quiet.import_tensorflow()
    seconds = measure(registry.parse_problems([FLAGS.problems]), data_dir)
    found = {
        "hparams_set": FLAGS.hparams_set,
        "seconds": seconds,
        "rows": rows_of(seconds),
        **measuring.machine(),
    }
    measuring.finish("one model for all problems", found, FLAGS.output)


def measure(names: Sequence[str], data_dir: Path) -> dict[str, dict[str, list[float]]]:
    """Seconds of every problem's steps, "alone" and "joint", round by round."""
    from t2t_multimodel.training.feeds import Feeds
    from t2t_multimodel.training.run import prepare

    hparams = registry.hparams(FLAGS.hparams_set).override(FLAGS.hparams)
    run = prepare(hparams, names, data_dir, "one_device")
    feeds = Feeds(run.corpora.streams, {})
    batches = {name: feeds.next_batch(name) for name in names}
    step = run.make_step(feeds.specs)
    taken = 0

    def take(name: str) -> float:
        nonlocal taken
        taken += 1
        started = time.perf_counter()
        float(step(name, taken, 1e-4, batches[name]).loss)
        return time.perf_counter() - started

    seconds: dict[str, dict[str, list[float]]] = {
        name: {"alone": [], "joint": []} for name in names
    }
    for name in names:  # Makes its graph.
        take(name)
    for _ in range(FLAGS.rounds):
        for name in names:
            take(name)
            seconds[name]["alone"].append(take(name))
        for name in names:
            seconds[name]["joint"].append(take(name))
    return seconds


def rows_of(seconds: dict[str, dict[str, list[float]]]) -> list[measuring.Row]:
    """A row for all problems together, and one for each."""

    def total(order: str) -> float:
        told = [measuring.summed_up(own[order])["median_s"] for own in seconds.values()]
        return sum(told)

    everything = f"{len(seconds)} problems"
    rows = [
        measuring.row(everything, "a step of each, alone", total("alone"), "s"),
        measuring.row(
            *(everything, "a step of each, joint", total("joint"), "s"),
            *(total("joint") / total("alone"), "of the sum alone"),
        ),
    ]
    for name, own in seconds.items():
        alone, joint = (
            measuring.summed_up(own[o])["median_s"] for o in ("alone", "joint")
        )
        told = ("step, joint", joint, "s")
        rows.append(measuring.row(name, *told, joint / alone, "of alone"))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
