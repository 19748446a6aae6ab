"""What a training step costs under Keras's JAX or PyTorch backend, on a GPU say.

  python benchmarks/other_backends.py --backend=jax --platform=gpu --output=steps.json
      Seconds of a full step (forward, backward, clipping, Adam) on a fixed batch, in
      float32 and mixed_bfloat16: JAX's as one compiled program, PyTorch's operation by
      operation. What that is of the rate of a large matrix product, which the same run
      measures on the same device. Peak memory of the device, where it tells.

  python benchmarks/other_backends.py --batch_times=16 --cases=text_base
      With batches 16 times as large, which a GPU has more use for.

cases.py has the cases. The step is `training.other_backends`'s, which the tests hold
against TensorFlow's. Useful operations follow from the layers' shapes by a formula
(layer_operations.py); JAX's own count of what its program does stands beside them in
the JSON: the experts' empty rows and what is elementwise are in it too.

"waited": each step is waited for. "queued": steps follow each other as in a loop that
looks at the loss now and then; rates are those of queued steps.

It needs no TensorFlow. Beside JAX or PyTorch for the device it takes numpy, absl-py,
rich, keras, and what Keras imports: namex, optree, h5py, ml_dtypes, packaging. To carry
it to a machine without a network take the folders `benchmarks`, `t2t_multimodel`,
`hparams`, `problems` and `bin` of this repository (half a megabyte packed; three links
in `t2t_multimodel` lead to the last three), and in a folder `wheels` what the machine
lacks of these packages, for its Python. There:

  pip install --no-index --no-deps --target site wheels/*.whl
  PYTHONPATH=site:. python benchmarks/other_backends.py --backend=jax --platform=gpu

Each case runs in a process of its own and is written to --output once it is done.
"""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from absl import flags
from cases import CASES, NUM_CLASSES, TARGETS, VOCAB_SIZE, Case, known, make_task

from t2t_multimodel import registry
from t2t_multimodel.bin import program

DEFAULT = ["text_tiny_k4", "image_tiny_64", "speech_tiny"]
DEFAULT += ["text_base", "image_base", "speech_base"]
POLICIES = ["float32", "mixed_bfloat16"]
GIGA = 1e9
MIB = 2**20

FLAGS = flags.FlagValues()
measuring.define_flags(FLAGS, rounds=10)
flags.DEFINE_enum(
    "backend", "jax", ("jax", "torch"), "Keras's backend.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "platform",
    "",
    ("", "cpu", "gpu", "tpu"),
    "The device; by default the one that the backend takes.",
    flag_values=FLAGS,
)
flags.DEFINE_list("cases", DEFAULT, "Which, of cases.py.", flag_values=FLAGS)
flags.DEFINE_list("policies", POLICIES, "Keras dtype policies.", flag_values=FLAGS)
flags.DEFINE_integer(
    "batch_times", 1, "Makes batches larger.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_string("hparams", "", "Changes to every case's set.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    if arguments:
        raise ValueError(f"the benchmark takes flags only, not {arguments[0]!r}")
    choose_backend()
    if FLAGS.child:
        name, _, policy = FLAGS.child.partition("@")
        found = measure_case(name, policy) if policy else measure_ceilings()
        measuring.say(found)
        return
    names = known(FLAGS.cases)
    found = {
        "backend": FLAGS.backend,
        "batch_times": FLAGS.batch_times,
        "before": measuring.machine(),
        "ceilings": in_child("ceilings"),
        "cases": {},
        "rows": [],
    }
    for name in names:
        for policy in FLAGS.policies:
            record = in_child(f"{name}@{policy}")
            found["cases"][f"{name}@{policy}"] = record
            found["rows"] += rows_of(name, policy, record, found["ceilings"])
            if FLAGS.output:
                Path(FLAGS.output).write_text(json.dumps(found, indent=1), "utf-8")
    found["after"] = measuring.machine()
    device = found["ceilings"]["device"]
    title = f"training steps, {FLAGS.backend} on {device}"
    measuring.finish(title, found, FLAGS.output)


def choose_backend() -> None:
    """Tells Keras, JAX and PyTorch what the flags say, before they are imported.

    Raises:
        ValueError: The backend is not installed.
    """
    if importlib.util.find_spec(FLAGS.backend) is None:
        raise ValueError(
            f"--backend={FLAGS.backend}: the Python package {FLAGS.backend} is not "
            f"installed here; `pip install {FLAGS.backend}` brings it"
        )
    os.environ["KERAS_BACKEND"] = FLAGS.backend
    if FLAGS.platform:
        platform = {"gpu": "cuda"}.get(FLAGS.platform, FLAGS.platform)
        os.environ["JAX_PLATFORMS"] = platform
        os.environ["KERAS_TORCH_DEVICE"] = platform


def in_child(what: str) -> dict[str, Any]:
    """A measurement in a process of its own, whose memory is its alone."""
    told = ("backend", "platform", "hparams", "rounds", "seconds", "batch_times")
    given = [f"--{name}={FLAGS[name].value}" for name in told]
    return measuring.in_child(__file__, what, given)


def measure_case(name: str, policy: str) -> dict[str, Any]:
    """A step's seconds, operations and memory."""
    from layer_operations import of_step  # loads Keras, whose backend is chosen now

    case = CASES[name]
    batch = make_batch(case)
    started = time.perf_counter()
    take, model = make_step(case, policy)
    built = time.perf_counter()
    losses: list[float] = []

    def waited() -> None:
        losses.append(float(take("measured", len(losses), 1e-4, batch).loss))

    waited()
    first = time.perf_counter() - built
    each = measuring.timed(waited, FLAGS.rounds, FLAGS.seconds)
    queued = queued_seconds(lambda i: take("measured", i, 1e-4, batch).loss, len(each))
    waited()
    view = model.view("measured")
    gflop = of_step(view, batch) / GIGA
    return {
        "step_s": measuring.summed_up(each)["median_s"],
        "step_min_s": min(each),
        "queued_step_s": queued,
        "rounds": len(each),
        "build_s": built - started,
        "first_step_s": first,
        "params": view.count_params(),
        "gflop_per_step": gflop,
        "achieved_gflops": gflop / queued,
        "target_tokens_per_s": batch["targets"].size / queued,
        "losses": losses,
        **told_by_backend(take, batch),
    }


def queued_seconds(call: Callable[[int], Any], rounds: int) -> float:
    """Seconds of a call when only the last of them is waited for."""
    started = time.perf_counter()
    for number in range(rounds):
        last = call(number)
    float(last)
    return (time.perf_counter() - started) / rounds


def make_step(case: Case, policy: str) -> tuple[Any, Any]:
    """A training step on the case's model, and the model."""
    import keras

    from t2t_multimodel.models.multimodel import MultiModel
    from t2t_multimodel.training import other_backends

    hparams = registry.hparams(case.hparams_set).override(case.changes)
    hparams = hparams.override(FLAGS.hparams).replace(dtype_policy=policy)
    keras.utils.set_random_seed(0)
    model = MultiModel(hparams.model, [make_task(case)], VOCAB_SIZE)
    return other_backends.make_step(model, hparams.training), model


def make_batch(case: Case) -> dict[str, Any]:
    """Random values without padding."""
    rng = np.random.default_rng(1)
    size = case.batch_size * FLAGS.batch_times

    def ids(length: int) -> Any:
        return rng.integers(3, VOCAB_SIZE, (size, length), dtype=np.int32)

    def real(*shape: int) -> Any:
        return rng.normal(size=(size, *shape)).astype(np.float32)

    if case.inputs == "image":
        labels = np.arange(size, dtype=np.int32) % NUM_CLASSES
        return {"inputs": real(case.size, case.size, 3), "targets": labels}
    inputs = ids(case.size) if case.inputs == "text" else real(case.size, 80)
    return {
        "inputs": inputs,
        "inputs_mask": np.ones((size, case.size), bool),
        "targets": ids(TARGETS),
        "targets_mask": np.ones((size, TARGETS), bool),
    }


def told_by_backend(step: Any, batch: dict[str, Any]) -> dict[str, Any]:
    """Memory and operations as the backend counts them; None where it does not."""
    if FLAGS.backend == "torch":
        import torch

        on_gpu = torch_device() == "cuda"
        peak = torch.cuda.max_memory_allocated() / MIB if on_gpu else None
        return {"peak_device_mib": peak}
    import jax

    program_ = step.program("measured", batch)
    memory = jax.devices()[0].memory_stats() or {}
    peak = memory.get("peak_bytes_in_use")
    return {
        "peak_device_mib": None if peak is None else peak / MIB,
        "program_temporary_mib": program_.memory_analysis().temp_size_in_bytes / MIB,
        "program_gflop": program_.cost_analysis()["flops"] / GIGA,
    }


def measure_ceilings() -> dict[str, Any]:
    """What the device can do at most, through this backend, and what it is."""
    size = 2048 if FLAGS.platform == "cpu" else 8192
    rng = np.random.default_rng(1)
    square = rng.standard_normal((size, size), np.float32)
    device, calls = (torch_calls if FLAGS.backend == "torch" else jax_calls)(square)
    fastest = {
        name: min(measuring.timed(call, 3 * FLAGS.rounds, FLAGS.seconds))
        for name, call in calls.items()
    }
    return {
        "device": device,
        "float32 products": 2 * size**3 / GIGA / fastest["float32"],
        "bfloat16 products": 2 * size**3 / GIGA / fastest["bfloat16"],
        "copies, GB/s": 2 * square.nbytes / GIGA / fastest["copy"],
    }


def jax_calls(square: Any) -> tuple[str, dict[str, Callable[[], Any]]]:
    """The device's name; products of matrices and a pass over memory."""
    import jax
    import jax.numpy as jnp

    product, negative = jax.jit(jnp.matmul), jax.jit(jnp.negative)
    full, half = jnp.asarray(square), jnp.asarray(square, jnp.bfloat16)
    return jax.devices()[0].device_kind, {
        "float32": lambda: product(full, full).block_until_ready(),
        "bfloat16": lambda: product(half, half).block_until_ready(),
        "copy": lambda: negative(full).block_until_ready(),
    }


def torch_calls(square: Any) -> tuple[str, dict[str, Callable[[], Any]]]:
    """The same of PyTorch."""
    import torch

    device = torch_device()
    full = torch.tensor(square, device=device)
    half = full.to(torch.bfloat16)

    def finished(_: Any) -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    name = torch.cuda.get_device_name() if device == "cuda" else device
    return name, {
        "float32": lambda: finished(full @ full),
        "bfloat16": lambda: finished(half @ half),
        "copy": lambda: finished(-full),
    }


def torch_device() -> str:
    """Where Keras puts PyTorch's tensors."""
    import torch

    chosen = os.environ.get("KERAS_TORCH_DEVICE")
    return chosen or ("cuda" if torch.cuda.is_available() else "cpu")


def rows_of(
    name: str, policy: str, record: dict[str, Any], ceilings: dict[str, Any]
) -> list[measuring.Row]:
    """What is to be said of a case under a policy."""
    case = f"{name}, {policy.removeprefix('mixed_')}"
    products = f"{policy.removeprefix('mixed_')} products"
    rate, ceiling = record["achieved_gflops"], ceilings[products]
    rows = [
        measuring.row(case, "step, waited", record["step_s"], "s"),
        measuring.row(case, "step, queued", record["queued_step_s"], "s"),
        measuring.row(case, "rate", rate, "GFLOP/s", rate / ceiling, f"of {products}"),
        measuring.row(case, "targets a second", record["target_tokens_per_s"], "1/s"),
        measuring.row(case, "first step", record["first_step_s"], "s"),
    ]
    if record["peak_device_mib"] is not None:
        peak = record["peak_device_mib"]
        rows.append(measuring.row(case, "peak device memory", peak, "MiB"))
    if record.get("program_gflop"):
        more = record["program_gflop"] / record["gflop_per_step"]
        told = (record["program_gflop"], "GFLOP", more, "useful ones")
        rows.append(measuring.row(case, "operations of the program", *told))
    return rows


if __name__ == "__main__":
    program.run(main, FLAGS)
