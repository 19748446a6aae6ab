"""What a training step costs: beside a peer, and beside what the machine can do.

  python benchmarks/training.py --output=training.json
      Seconds of a full step (forward, backward, clipping, Adam) on a fixed batch, its
      useful operations, weights, peak memory, and the machine's own ceilings.

  python benchmarks/training.py --peer=DIR --peer_python=PYTHON --peer_t2t=DIR
      Also DIR/run_peer.py's cases of the same names, by turns: Tensor2Tensor's own
      MultiModel. PYTHON runs it; the folder --peer_t2t holds the package tensor2tensor.

The cases with a peer have its width, vocabulary, batch, lengths, experts and k, and its
depth: 2 blocks in the encoder and 2 in the decoder (tiny), 4 and 4 (base), but for one
more in text_base_k4's decoder. The hidden width of an expert and the filters of
pictures are set so that weights and operations come within a tenth of the peer's. What
differs: the peer has experts in each layer of its encoder and in one of its decoder,
ours has the paper's two layers of experts, whose experts are wider for that; and ours
has the paper's convolutional blocks and mixer, where the peer has one residual of
separable convolutions in a layer of the encoder, and attention alone in the decoder.
text_tiny_deep has about as many weights too, but more of its operations in blocks.

Each case runs in a process of its own, ours before and after the peer's. Times of a
busy machine are worth nothing; ratios within a run are.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from t2t_multimodel import quiet, registry
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
flags.DEFINE_string("output", None, "Write JSON here.", flag_values=FLAGS)
flags.DEFINE_list("cases", None, "Which; all by default.", flag_values=FLAGS)
flags.DEFINE_integer(
    "rounds", 10, "Steps that are timed.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_string("peer", None, "The folder of run_peer.py.", flag_values=FLAGS)
flags.DEFINE_string("peer_python", None, "Python with its needs.", flag_values=FLAGS)
flags.DEFINE_string("peer_t2t", None, "Where tensor2tensor lies.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to every case's set.", flag_values=FLAGS)
flags.DEFINE_string("child", None, "Used by the program itself.", flag_values=FLAGS)

VOCAB_SIZE = 8192
NUM_CLASSES = 1000
TARGETS = 64  # tokens
WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """A step on a fixed batch.

    Attributes:
        hparams_set, changes: The model: a named set and what differs from it.
        inputs: "text", "image" or "audio".
        batch_size: Examples.
        size: Tokens of inputs and of targets, sides of a picture, frames of sound.
    """

    hparams_set: str
    changes: str
    inputs: str
    batch_size: int
    size: int


CASES = {
    "text_tiny_k4": Case(
        "multimodel_tiny",
        "num_experts=30,top_k=4,expert_hidden_size=1664",
        "text",
        16,
        64,
    ),
    "text_tiny_deep": Case(
        "multimodel_tiny",
        "num_experts=30,top_k=4,expert_hidden_size=1600,"
        "encoder_blocks=8,decoder_blocks=6",
        "text",
        16,
        64,
    ),
    "text_base_k4": Case(
        "multimodel_base",
        "num_experts=30,top_k=4,expert_hidden_size=5824,"
        "encoder_blocks=4,decoder_blocks=5",
        "text",
        8,
        64,
    ),
    "image_tiny_64": Case(
        "multimodel_tiny",
        "num_experts=30,top_k=2,expert_hidden_size=1152,image_filters=(32,64,128,256)",
        "image",
        8,
        64,
    ),
    "speech_tiny": Case("multimodel_tiny", "", "audio", 16, 320),
}


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    if FLAGS.child:
        quiet.import_tensorflow()
        measure = measure_ceilings if FLAGS.child == "ceilings" else measure_case
        sys.stdout.write(json.dumps(measure(FLAGS.child)) + "\n")
        return
    names = FLAGS.cases or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise ValueError(
            f"there is no case {unknown[0]!r}; there are: {', '.join(CASES)}"
        )
    found: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg()}
    found["ceilings"] = in_child("ceilings")
    found["cases"] = {name: compare(name) for name in names}
    found["load_after"] = os.getloadavg()
    console = Console(highlight=False)
    console.print(ceilings_table(found["ceilings"]))
    console.print(speed_table(found["cases"], found["ceilings"]))
    console.print(size_table(found["cases"]))
    if FLAGS.output:
        Path(FLAGS.output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def compare(name: str) -> dict[str, Any]:
    """Ours, the peer's case of that name if it is asked for and has one, ours again."""
    row = {"ours": in_child(name)}
    if FLAGS.peer:
        row["peer"] = run_peer(name)
        row["again"] = in_child(name)
    return row


def in_child(name: str) -> dict[str, Any]:
    """A measurement in a process of its own, whose memory is its alone."""
    own = [f"--child={name}", f"--rounds={FLAGS.rounds}", f"--hparams={FLAGS.hparams}"]
    return run_json([sys.executable, __file__, *own], {})


def run_peer(name: str) -> dict[str, Any] | None:
    """The peer's own record of a case; None where it has none."""
    environment = {
        "TF_USE_LEGACY_KERAS": "1",
        "PEER_T2T": FLAGS.peer_t2t or "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    program_file = Path(FLAGS.peer) / "run_peer.py"
    if f'"{name}"' not in program_file.read_text("utf-8"):
        return None
    python = FLAGS.peer_python or sys.executable
    return run_json([python, str(program_file), "--case", name], environment)


def run_json(command: Sequence[str], environment: dict[str, str]) -> dict[str, Any]:
    """What a program prints as its last line.

    Raises:
        ValueError: It failed; the end of what it said.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise ValueError(f"{' '.join(command)} failed: {' '.join(said)}")
    record: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return record


def measure_case(name: str) -> dict[str, Any]:
    """A step's seconds, operations and memory."""
    case = CASES[name]
    started = time.perf_counter()
    take_step, model, batch = make_step(case)
    float(take_step(0).loss)
    first = time.perf_counter() - started
    losses, seconds = [], []
    for step in range(1, WARM_UP + FLAGS.rounds + 1):
        started = time.perf_counter()
        losses.append(float(take_step(step).loss))
        seconds.append(time.perf_counter() - started)
    step_s = statistics.median(seconds[WARM_UP:])
    gflop = useful_flops(model, batch) / 1e9
    return {
        "step_s": step_s,
        "first_step_s": first,
        "params": model.count_params(),
        "gflop_per_step": gflop,
        "achieved_gflops": gflop / step_s,
        "target_tokens_per_s": target_tokens(case) / step_s,
        "rss_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "losses": losses,
    }


def target_tokens(case: Case) -> int:
    """Tokens, or labels, that a step learns to tell."""
    return case.batch_size * (1 if case.inputs == "image" else TARGETS)


def make_step(case: Case) -> tuple[Callable[[int], Any], Any, dict[str, Any]]:
    """A training step as `t2t-trainer` takes it, on one batch; its view; the batch."""
    import keras
    import tensorflow as tf

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.models.task import Port, Task
    from t2t_multimodel.training.optimizer import Adam
    from t2t_multimodel.training.step import TrainStep
    from t2t_multimodel.training.strategy import make_strategy

    hparams = registry.hparams(case.hparams_set).override(case.changes)
    hparams = hparams.override(FLAGS.hparams)
    ports = {
        "text": Port("text"),
        "image": Port(
            "image", (("channels", 3), ("height", case.size), ("width", case.size))
        ),
        "audio": Port("audio", (("form", "spectrogram"), ("num_bins", 80))),
        "label": Port("label", (("num_classes", NUM_CLASSES),)),
    }
    targets = "label" if case.inputs == "image" else "text"
    task = Task("measured", ports[case.inputs], ports[targets], "output")
    strategy = make_strategy("one_device")
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = MultiModel(hparams.model, [task], VOCAB_SIZE)
        model.build_views()
        optimizer = Adam(model.trainable_variables, hparams.training)
    batch = make_batch(case)
    specs = {
        key: tf.TensorSpec(value.shape, value.dtype) for key, value in batch.items()
    }
    step = TrainStep(model, optimizer, strategy, {"measured": specs}, seed=0)
    return lambda number: step("measured", number, 1e-4, batch), model, batch


def make_batch(case: Case) -> dict[str, Any]:
    """Random values without padding."""
    import tensorflow as tf

    def ids(length: int) -> Any:
        shape = (case.batch_size, length)
        return tf.random.stateless_uniform(shape, (1, 2), 3, VOCAB_SIZE, tf.int32)

    def real(*shape: int) -> Any:
        return tf.random.stateless_normal((case.batch_size, *shape), (3, 4))

    batch: dict[str, Any] = {}
    if case.inputs == "image":
        batch["inputs"] = real(case.size, case.size, 3)
        batch["targets"] = tf.range(case.batch_size) % NUM_CLASSES
        return batch
    if case.inputs == "text":
        batch["inputs"] = ids(case.size)
    else:
        batch["inputs"] = real(case.size, 80)
    batch["inputs_mask"] = tf.ones((case.batch_size, case.size), tf.bool)
    batch["targets"] = ids(TARGETS)
    batch["targets_mask"] = tf.ones(batch["targets"].shape, tf.bool)
    return batch


def useful_flops(model: Any, batch: dict[str, Any]) -> float:
    """Operations of the matrix products and convolutions of a step.

    Read off the shapes of a graph of forward and backward pass. What is open there is
    how many tokens the fullest expert gets; counted is how many an expert gets on
    average, so that the experts' padding is not counted.
    """
    import tensorflow as tf

    view = model.view("measured")

    @tf.function(autograph=False)
    def step(features: Any) -> Any:
        with tf.GradientTape() as tape:
            loss, _ = view.loss_terms(view(features, training=True), features)
        weights = [weight.value for weight in view.trainable_variables]
        return [g for g in tape.gradient(loss, weights) if g is not None]

    operations = step.get_concrete_function(batch).graph.get_operations()
    per_expert = tokens_an_expert(operations, model.config)
    return sum(flops(operation, per_expert) for operation in operations)


def tokens_an_expert(operations: Sequence[Any], config: Any) -> float:
    """How many tokens an expert gets on average in a graph of a model.

    The routers' products, `[T, D] x [D, E]`, tell how many tokens each layer has; the
    gradient of their weights, `[D, T] x [T, E]`, has the same width and is none.
    """
    routed = [
        operation.outputs[0].shape[0]
        for operation in operations
        if operation.type == "MatMul"
        and not operation.get_attr("transpose_a")
        and operation.outputs[0].shape[1:] == [config.num_experts]
    ]
    return statistics.mean(routed) * config.top_k / config.num_experts


def flops(operation: Any, per_expert: float) -> float:
    """Operations of one product or convolution of a graph; 0 of anything else."""

    def sizes(tensor: Any) -> list[float]:
        return [per_expert if n is None else n for n in tensor.shape]

    kind = operation.type
    if kind == "MatMul":
        rows = sizes(operation.inputs[0])
        inner = rows[0] if operation.get_attr("transpose_a") else rows[1]
        return 2.0 * math.prod(sizes(operation.outputs[0])) * inner
    if kind == "BatchMatMulV2":
        rows = sizes(operation.inputs[0])
        inner = rows[-2] if operation.get_attr("adj_x") else rows[-1]
        return 2.0 * math.prod(sizes(operation.outputs[0])) * inner
    if "Conv2d" not in kind and "Conv2D" not in kind:
        return 0.0
    places = {"BackpropInput": (1, 2), "BackpropFilter": (None, 2)}
    for ending, (kernel, output) in places.items():
        if kind.endswith(ending):
            window = (
                operation.outputs[0] if kernel is None else operation.inputs[kernel]
            )
            return window_flops(kind, sizes(window), sizes(operation.inputs[output]))
    window, output = operation.inputs[1], operation.outputs[0]
    return window_flops(kind, sizes(window), sizes(output))


def window_flops(kind: str, window: Sequence[float], output: Sequence[float]) -> float:
    """Operations of a convolution with a window `[H, W, in, ...]`."""
    depth = 1.0 if kind.startswith("Depthwise") else window[2]
    return 2.0 * math.prod(output) * window[0] * window[1] * depth


def measure_ceilings(name: str) -> dict[str, float]:
    """What the machine can do at most: thousands of millions a second."""
    import tensorflow as tf

    def product(size: int, dtype: Any) -> Callable[[], Any]:
        a = tf.cast(tf.random.stateless_normal((size, size), (1, 2)), dtype)
        return tf.function(lambda: tf.matmul(a, a)[0, 0], autograph=False)

    size, depth = 2048, 512
    x = tf.random.stateless_normal((8, 256, 1, depth), (1, 2))
    window = tf.random.stateless_normal((3, 1, depth, 1), (1, 2))
    large = tf.random.stateless_normal((2**26,), (1, 2))  # 256 MB

    @tf.function(autograph=False)
    def depthwise() -> Any:
        return tf.nn.depthwise_conv2d(x, window, (1, 1, 1, 1), "SAME")[0, 0, 0, 0]

    @tf.function(autograph=False)
    def copy() -> Any:
        return tf.raw_ops.DeepCopy(x=large)[0]

    giga = 1e9
    return {
        "matmul_float32_gflops": 2 * size**3 / giga / fastest(product(size, "float32")),
        "matmul_bfloat16_gflops": 2
        * size**3
        / giga
        / fastest(product(size, "bfloat16")),
        "depthwise_gflops": 2 * 3 * 8 * 256 * depth / giga / fastest(depthwise),
        "copy_gb_per_s": 2 * 4 * 2**26 / giga / fastest(copy),
    }


def fastest(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of many calls."""
    seconds = []
    for _ in range(WARM_UP + FLAGS.rounds):
        started = time.perf_counter()
        call().numpy()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def ceilings_table(ceilings: dict[str, float]) -> Table:
    """A row a ceiling."""
    table = Table(title="what the machine can do at most")
    table.add_column("what")
    table.add_column("rate", justify="right")
    for name, rate in ceilings.items():
        table.add_row(name.replace("_", " "), f"{rate:.1f}")
    return table


def speed_table(cases: dict[str, dict[str, Any]], ceilings: dict[str, float]) -> Table:
    """How fast each case's step is, a row for each side."""
    ceiling = ceilings["matmul_float32_gflops"]
    rows = []
    for name, sides in cases.items():
        peer = sides.get("peer")
        for side, record in present(sides):
            rate = record["gflop_per_step"] / record["step_s"]
            times = f"{peer['step_s'] / record['step_s']:.2f}" if peer else ""
            cells = (f"{1000 * record['step_s']:.0f}", f"{rate:.0f}")
            rows.append((name, side, *cells, f"{100 * rate / ceiling:.0f} %", times))
    headings = ("ms", "GFLOP/s", "of float32", "times the peer")
    return table_of("a training step", headings, rows)


def size_table(cases: dict[str, dict[str, Any]]) -> Table:
    """What each case's step is made of, a row for each side."""
    rows = [
        (
            *(name, side, f"{record['params'] / 1e6:.1f}"),
            f"{record['gflop_per_step']:.1f}",
            str(record["rss_peak_mib"]),
            f"{record['first_step_s']:.1f}",
        )
        for name, sides in cases.items()
        for side, record in present(sides)
    ]
    headings = ("weights, M", "GFLOP", "peak MiB", "first step, s")
    return table_of("its size", headings, rows)


def present(sides: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The sides that were measured."""
    return [(side, record) for side, record in sides.items() if record]


def table_of(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> Table:
    """Rows of a case, a side and figures."""
    table = Table(title=title)
    table.add_column("case")
    table.add_column("whose")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    program.run(main, FLAGS)
