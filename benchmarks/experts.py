"""What sparse experts cost beside a dense feed-forward net of as many operations.

  python benchmarks/experts.py --output=experts.json
      For each number of experts and of tokens: milliseconds forward, and forward with
      backward (weights' gradients and balancing losses included), of `MixtureOfExperts`
      and of the net `D -> K H -> D` on the same tokens, which does as many operations.

The default width is multimodel_base's: depth 512, hidden width 1024, 4 experts a
token. Routers have random weights, so that experts are chosen about equally often;
--skew makes some likelier (1: the fullest has several times an equal share).

All run by turns in one process; each figure is that of its fastest round, so ratios
bear other work on the machine better than milliseconds do. Beside them:

  of cores    forward and backward in times of the dense net again, but in seconds of
              processors: for a busy machine, which keeps a large product waiting for
              its slowest part, and many small ones not
  GFLOP/s     useful operations (of the chosen experts) of forward and backward
  of ceiling  that, as a part of a plain product's of [2048, 2048] in the same rounds
  weights     bytes of the experts: a step reads them twice, and writes gradients of
              the same size
  shares      of router, dispatch, products and combine, each alone, with backward
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_list("experts", "16,60,240", "Numbers of experts.", flag_values=FLAGS)
flags.DEFINE_list("tokens", "1024,4096,16384", "Of a batch.", flag_values=FLAGS)
flags.DEFINE_integer("depth", 512, "Width of tokens.", 1, flag_values=FLAGS)
flags.DEFINE_integer("hidden", 1024, "Width of an expert.", 1, flag_values=FLAGS)
flags.DEFINE_integer("top_k", 4, "Experts a token.", 1, flag_values=FLAGS)
flags.DEFINE_float("skew", 0.0, "How unlike experts' chances are.", flag_values=FLAGS)
flags.DEFINE_enum(
    "dtype", "float32", ("float32", "bfloat16"), "Of products.", flag_values=FLAGS
)
flags.DEFINE_integer("rounds", 5, "Of all that is timed.", 1, flag_values=FLAGS)
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)

STAGES = ("router", "dispatch", "products", "combine")
_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is measured.

    Attributes:
        tokens, depth, hidden, experts, top_k: T, D, H, E and K.
        dtype: Of the products.
        skew: Standard deviation of what experts' scores have for all tokens alike.
    """

    tokens: int
    depth: int
    hidden: int
    experts: int
    top_k: int
    dtype: str = "float32"
    skew: float = 0.0

    @property
    def flops(self) -> float:
        """Operations of a forward pass; the backward pass has twice as many."""
        return 4.0 * self.tokens * self.top_k * self.depth * self.hidden

    @property
    def weight_bytes(self) -> int:
        """Of all experts, float32."""
        return (
            4 * self.experts * (2 * self.depth * self.hidden + self.hidden + self.depth)
        )


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    shapes = [
        Shape(
            int(tokens),
            FLAGS.depth,
            FLAGS.hidden,
            int(experts),
            FLAGS.top_k,
            FLAGS.dtype,
            FLAGS.skew,
        )
        for experts in FLAGS.experts
        for tokens in FLAGS.tokens
    ]
    quiet.import_tensorflow()
    found: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg()}
    found["cases"] = [measure(shape, FLAGS.rounds) for shape in shapes]
    found["load_after"] = os.getloadavg()
    Console(highlight=False, width=140).print(table(found["cases"]))
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def measure(shape: Shape, rounds: int) -> dict[str, Any]:
    """Seconds of all that is compared, by turns."""
    calls = {
        **dense_calls(shape),
        **sparse_calls(shape),
        "ceiling": ceiling_call(shape),
    }
    seconds, cores = fastest(calls, rounds)
    stages = {stage: seconds[stage] for stage in STAGES}
    ceiling = 2.0 * _SIZE**3 / seconds["ceiling"]
    rate = 3 * shape.flops / seconds["sparse"]
    return {
        **dataclasses.asdict(shape),
        "load_average": os.getloadavg()[0],
        "forward_s": seconds["sparse_forward"],
        "dense_forward_s": seconds["dense_forward"],
        "both_s": seconds["sparse"],
        "dense_both_s": seconds["dense"],
        "forward_times_dense": seconds["sparse_forward"] / seconds["dense_forward"],
        "both_times_dense": seconds["sparse"] / seconds["dense"],
        "both_cores_s": cores["sparse"],
        "dense_both_cores_s": cores["dense"],
        "both_cores_times_dense": cores["sparse"] / cores["dense"],
        "gflops": rate / 1e9,
        "ceiling_gflops": ceiling / 1e9,
        "share_of_ceiling": rate / ceiling,
        "weight_bytes": shape.weight_bytes,
        "stages_s": stages,
    }


def fastest(
    calls: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each call's fastest round, not counting the first, which traces.

    Returns:
        By the clock, and of all cores together.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            started, began = clock(), time.process_time()
            call()
            own = (clock() - started, time.process_time() - began)
            seconds[name].append(own)
    wall, cores = (
        {name: min(each[i] for each in own[1:]) for name, own in seconds.items()}
        for i in (0, 1)
    )
    return wall, cores


def ceiling_call(shape: Shape) -> Callable[[], Any]:
    """A plain product."""
    import tensorflow as tf

    a = tf.cast(tf.random.stateless_normal((_SIZE, _SIZE), (1, 2)), shape.dtype)
    return tf.function(lambda: tf.matmul(a, a), autograph=False)


def dense_calls(shape: Shape) -> dict[str, Callable[[], Any]]:
    """The dense net, forward, and forward with backward."""
    import tensorflow as tf

    width = shape.top_k * shape.hidden
    sizes = ((shape.depth, width), (width,), (width, shape.depth), (shape.depth,))
    weights = [
        tf.Variable(0.05 * tf.random.normal(size, seed=i))
        for i, size in enumerate(sizes)
    ]

    def net(x: Any) -> Any:
        w1, b1, w2, b2 = (tf.cast(weight, shape.dtype) for weight in weights)
        hidden = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w1), b1))
        return tf.nn.bias_add(tf.matmul(hidden, w2), b2)

    x = inputs(shape)
    both = with_gradients(net, [x], weights)
    return {
        "dense_forward": tf.function(lambda: net(x), autograph=False),
        "dense": both,
    }


def sparse_calls(shape: Shape) -> dict[str, Callable[[], Any]]:
    """The layer, forward, and forward with backward; and its stages with backward."""
    import numpy as np
    import tensorflow as tf

    from t2t_multimodel.layers.dispatch import Dispatch
    from t2t_multimodel.layers.experts import MixtureOfExperts
    from t2t_multimodel.layers.randomness import step_seed

    policy = "float32" if shape.dtype == "float32" else "mixed_bfloat16"
    layer = MixtureOfExperts(
        shape.experts, shape.top_k, shape.hidden, 0.01, 0.01, "measured", dtype=policy
    )
    layer.build((None, None, shape.depth))
    rng = np.random.default_rng(0)
    gate_DE = rng.normal(0.0, shape.depth**-0.5, (shape.depth, shape.experts))
    gate_DE[0] += shape.skew * rng.normal(size=shape.experts)
    layer.router.gate_kernel.assign(gate_DE)
    x_TD = inputs(shape)
    experts = [
        layer.hidden_kernel.value,
        layer.hidden_bias.value,
        layer.output_kernel.value,
        layer.output_bias.value,
    ]
    routers = [layer.router.gate_kernel.value, layer.router.noise_kernel.value]

    def whole(x_TD: Any) -> Any:
        return layer(x_TD[None], training=True)[0]

    def router(x_TD: Any) -> Any:
        return layer.router(x_TD, training=True)[0]

    with step_seed(tf.constant([1, 2])):
        weight_TK, expert_TK, _ = layer.router(x_TD, training=True)
    places = Dispatch(expert_TK, shape.experts)
    rows_RD = places.gather(x_TD)

    def dispatch(x_TD: Any) -> Any:
        return Dispatch(expert_TK, shape.experts).gather(x_TD)

    def products(rows_RD: Any) -> Any:
        return layer.run_rows(rows_RD, places)

    return {
        "sparse_forward": tf.function(lambda: layer(x_TD[None]), autograph=False),
        "sparse": with_gradients(whole, [x_TD], [*experts, *routers], layer),
        "router": with_gradients(router, [x_TD], routers, layer.router),
        "dispatch": with_gradients(dispatch, [x_TD], []),
        "products": with_gradients(products, [rows_RD], experts),
        "combine": with_gradients(places.combine, [rows_RD, weight_TK], []),
    }


def inputs(shape: Shape) -> Any:
    """Tokens; the first feature is 1 for all."""
    import tensorflow as tf

    x_TD = tf.random.stateless_normal((shape.tokens, shape.depth - 1), (3, 4))
    x_TD = tf.concat([tf.ones((shape.tokens, 1)), x_TD], axis=1)
    return tf.cast(x_TD, shape.dtype)


def with_gradients(
    call: Callable[..., Any],
    tensors: Sequence[Any],
    weights: Sequence[Any],
    layer: Any = None,
) -> Callable[[], Any]:
    """A graph of a call's output and of its gradients.

    Args:
        call: Takes the tensors.
        tensors: Whose gradients are computed;
        weights: theirs, too.
        layer: Whose losses are added, if any's.
    """
    import tensorflow as tf

    from t2t_multimodel.layers.randomness import step_seed

    @tf.function(autograph=False)
    def graph(upstream: Any) -> Any:
        with step_seed(tf.constant([1, 2])), tf.GradientTape() as tape:
            tape.watch(tensors)
            output = call(*tensors)
            losses = layer.losses if layer is not None else []
        sources = [*tensors, *weights]
        targets, ups = [output, *losses], [upstream, *[tf.ones([])] * len(losses)]
        return output, tape.gradient(targets, sources, ups)

    upstream = tf.random.stateless_normal(call(*tensors).shape, (5, 6))
    upstream = tf.cast(upstream, call(*tensors).dtype)
    return lambda: graph(upstream)


def table(cases: Sequence[Mapping[str, Any]]) -> Table:
    """A row a case."""
    of = cases[0]
    width = f"depth {of['depth']}, hidden {of['hidden']}"
    found = Table(title=f"{width}, k {of['top_k']}, {of['dtype']}")
    headings = ("experts", "tokens", "forward ms", "x dense", "both ms", "x dense")
    headings += ("of cores",)
    headings += ("GFLOP/s", "of ceiling", "weights MB", "shares", "load")
    for heading in headings:
        found.add_column(heading, justify="right")
    for case in cases:
        stages = [case["stages_s"][stage] for stage in STAGES]
        shares = "/".join(f"{100 * part / sum(stages):.0f}" for part in stages)
        found.add_row(
            *(str(case["experts"]), str(case["tokens"])),
            *(f"{1e3 * case['forward_s']:.1f}", f"{case['forward_times_dense']:.2f}"),
            *(f"{1e3 * case['both_s']:.1f}", f"{case['both_times_dense']:.2f}"),
            f"{case['both_cores_times_dense']:.2f}",
            *(f"{case['gflops']:.0f}", f"{case['share_of_ceiling']:.0%}"),
            *(f"{case['weight_bytes'] / 1e6:.0f}", f"{shares} %"),
            f"{case['load_average']:.1f}",
        )
    return found


if __name__ == "__main__":
    program.run(main, FLAGS)
