"""Where a step's time goes: by kind of operation, beside what it must cost at least.

  python benchmarks/profiling.py --cases=text_tiny_k4,text_base_k4 --output=profile.json

TensorFlow's profiler watches steps of `cases.py` in a process of one thread, so that an
operation's time is a processor's and no operation waits for another's threads. A row
is a family of operations, its time a step and its share; --output also has each kind
with its calls. Beside them, with the ceilings of one thread: the products if they ran
as fast as the largest, and Adam if it moved its bytes as fast as a copy does.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ceilings
import measuring
import operations
from absl import flags
from cases import CASES, QUICK, gradient_graph, known, make_step

from t2t_multimodel import quiet
from t2t_multimodel.bin import program

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=8)
flags.DEFINE_list("cases", list(QUICK), "Which of cases.py.", flag_values=FLAGS)
flags.DEFINE_string("hparams", "", "Changes to every case's set.", flag_values=FLAGS)

# The first family whose pattern is found in a kind of operation has it.
FAMILIES = {
    "products": r"MatMul|Einsum",
    "convolutions": r"Conv2d|Conv2D|MaxPool",
    "optimizer": r"ApplyAdam|L2Loss|MulNoNan",
    "casts": r"^Cast$",
    "sums and softmax": r"BiasAddGrad|Softmax|Segment"
    r"|^(Sum|Max|Mean|Prod|All|Any|Cumsum)$",
    "elementwise": r"Relu|Mul|Sub|Add|Select|Square|Rsqrt|Maximum|Minimum|Div"
    r"|Composition|Exp|Log|Softplus|Erf|Neg|Greater|Less|Equal",
    "moves": r"Pack|Concat|Gather|Slice|Pad|Transpose|Scatter|Split|Tile|Broadcast"
    r"|TopK|Reverse|Copy|ZerosLike|Fill",
    "random": r"Random|Multinomial",
}
REST = "the rest"
# Numbers that Adam reads or writes for a weight: three read and written, a gradient.
ADAM_BYTES = 4 * (3 + 3 + 1)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    if FLAGS.child:
        quiet.import_tensorflow()
        measuring.say(measure_case(FLAGS.child))
        return
    names = known(FLAGS.cases)
    # Read by TensorFlow in the children.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    found: dict[str, Any] = {"before": measuring.machine()}
    found["ceilings"] = ceilings.measured(10)
    given = [f"--{key}={FLAGS[key].value}" for key in ("rounds", "hparams")]
    found["cases"] = {name: measuring.in_child(__file__, name, given) for name in names}
    found["after"] = measuring.machine()
    found["rows"] = [
        row
        for name, record in found["cases"].items()
        for row in rows_of(name, record, found["ceilings"])
    ]
    measuring.finish("a step's time on one thread", found, FLAGS.output)


def measure_case(name: str) -> dict[str, Any]:
    """Seconds and calls a step of each kind of operation."""
    import tensorflow as tf

    take_step, model, batch = make_step(CASES[name], FLAGS.hparams)
    for number in range(3):
        float(take_step(number).loss)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for number in range(FLAGS.rounds):
            float(take_step(3 + number).loss)
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        seconds, calls = kinds_of(file.read_bytes())
    graph = gradient_graph(model, batch).graph
    return {
        "kinds": {
            kind: [spent / FLAGS.rounds, calls[kind] / FLAGS.rounds]
            for kind, spent in seconds.most_common()
        },
        "gflop": operations.of_model(graph, model.config) / 1e9,
        "params": model.count_params(),
        "is_bfloat16": "bfloat16" in model.config.dtype_policy,
    }


def kinds_of(profile: bytes) -> tuple[Counter[str], Counter[str]]:
    """Seconds and calls of each kind of operation in what the profiler wrote."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(profile)
    seconds, calls = Counter[str](), Counter[str]()
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        names = {key: told.name for key, told in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                # An operation is told as "name:Kind", with details behind "#".
                told = re.fullmatch(r"[^:#]+:(\w+)(#.*)?", names[event.metadata_id])
                if told:
                    seconds[kind_of(told[1])] += event.duration_ps / 1e12
                    calls[kind_of(told[1])] += 1
    return seconds, calls


def kind_of(operation: str) -> str:
    """The kind of an operation, without what says who computes it."""
    return re.sub(r"^_?(Mkl)?(Native)?|Native", "", operation)


def family_of(kind: str) -> str:
    """The family that a kind of operation is of."""
    for family, pattern in FAMILIES.items():
        if re.search(pattern, kind):
            return family
    return REST


def rows_of(
    name: str, record: Mapping[str, Any], rates: Mapping[str, float]
) -> list[measuring.Row]:
    """What is to be said of a case."""
    spent = Counter[str]()
    for kind, (seconds, _) in record["kinds"].items():
        spent[family_of(kind)] += seconds
    whole = sum(spent.values())
    rows = [
        measuring.row(name, family, seconds, "s", seconds / whole, "of all")
        for family, seconds in spent.most_common()
    ]
    ceiling = f"{'bfloat16' if record['is_bfloat16'] else 'float32'} products"
    least = record["gflop"] / rates[ceiling]
    of_products = (least / spent["products"], "of what they took")
    rows.append(
        measuring.row(name, "products at the ceiling", least, "s", *of_products)
    )
    adam = record["kinds"].get("ResourceApplyAdam", (0.0, 0))[0]
    if adam:
        least = ADAM_BYTES * record["params"] / 1e9 / rates["copy"]
        of_adam = (least / adam, "of what it took")
        rows.append(measuring.row(name, "Adam's bytes copied", least, "s", *of_adam))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
