"""What the machine can do at most: the ceilings that all else is compared with.

  python benchmarks/ceilings.py --output=ceilings.json

The fastest of many matrix products (2048 x 2048) in float32 and in bfloat16, of a copy
of 256 MB (read and written), and of a depthwise convolution of three taps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measuring
from absl import flags

from t2t_multimodel import quiet
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=20)

GIGA = 1e9
PRODUCT = 2 * 2048**3  # operations
UNITS = {"copy": "GB/s"}


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    quiet.import_tensorflow()
    rates = measure(FLAGS.rounds, FLAGS.seconds)
    if FLAGS.child:
        measuring.say(rates)
        return
    found = {"ceilings": rates, "rows": rows_of(rates), **measuring.machine()}
    measuring.finish("what the machine can do at most", found, FLAGS.output)


def measured(rounds: int) -> dict[str, float]:
    """The ceilings, measured in a process of their own."""
    return measuring.in_child(str(Path(__file__)), "all", [f"--rounds={rounds}"])


def measure(rounds: int, most: float) -> dict[str, float]:
    """Thousands of millions a second: operations, or bytes."""
    calls = {
        "float32 products": (product("float32"), PRODUCT),
        "bfloat16 products": (product("bfloat16"), PRODUCT),
        "copy": (copy(), 2 * 4 * 2**26),
        "depthwise": (depthwise(), 2 * 3 * 8 * 256 * 512),
    }
    seconds = measuring.in_turn({k: v[0] for k, v in calls.items()}, rounds, most)
    return {name: work / GIGA / min(seconds[name]) for name, (_, work) in calls.items()}


def product(dtype: str) -> Callable[[], Any]:
    """A product of two matrices of 2048 rows and columns."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_normal((2048, 2048), (1, 2)), dtype)
    graph = tf.function(lambda: tf.matmul(a, a)[0, 0], autograph=False)
    return lambda: graph().numpy()


def depthwise() -> Callable[[], Any]:
    """A depthwise convolution of three taps over 8 x 256 positions of 512."""
    import tensorflow as tf

    x = tf.random.stateless_normal((8, 256, 1, 512), (1, 2))
    window = tf.random.stateless_normal((3, 1, 512, 1), (1, 2))

    @tf.function(autograph=False)
    def graph() -> Any:
        return tf.nn.depthwise_conv2d(x, window, (1, 1, 1, 1), "SAME")[0, 0, 0, 0]

    return lambda: graph().numpy()


def copy() -> Callable[[], Any]:
    """A copy of 256 MB."""
    import tensorflow as tf

    large = tf.random.stateless_normal((2**26,), (1, 2))

    @tf.function(autograph=False)
    def graph() -> Any:
        return tf.raw_ops.DeepCopy(x=large)[0]

    return lambda: graph().numpy()


def rows_of(rates: dict[str, float]) -> list[measuring.Row]:
    """A row a ceiling, beside the products in float32."""
    first = rates["float32 products"]
    return [
        measuring.row(
            "machine",
            name,
            rate,
            UNITS.get(name, "GFLOP/s"),
            None if name in UNITS else rate / first,
            "" if name in UNITS else "to float32 products",
        )
        for name, rate in rates.items()
    ]


if __name__ == "__main__":
    program.run(main, FLAGS)
