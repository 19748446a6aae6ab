"""What several workers can gain: measured bandwidth and step time, and what follows.

  python benchmarks/scaling.py --workers=2 --json=result.json

Measures, with processes of this machine on 127.0.0.1, how long TensorFlow's all-reduce
takes for buffers of several sizes, and fits

  seconds = latency + 2 (n - 1) / n * bytes / bandwidth        (a ring of n workers)

Then, for the named sets, the bytes of gradients that a step sends (4 a weight that it
trains), and for networks of given bandwidth the share of a step that remains for
computation when a step takes --step_seconds on one worker:

  efficiency = step / (step + 2 (n - 1) / n * bytes / bandwidth)

Communication is not overlapped with computation: the model is pessimistic by that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SIZES_MIB = (0.004, 0.25, 1, 4, 16, 64)
NETWORKS = {"1 Gbit/s": 0.125e9, "10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}
NUM_WORKERS = (2, 4, 8, 16)
# Weights of mini_eight with 8,192 pieces, in millions: hparams/multimodel.py.
MILLIONS = {
    "multimodel_tiny": 5.5,
    "multimodel_small": 27.1,
    "multimodel_base": 165.2,
    "multimodel_paper": 2158.0,
}


def ring_seconds(num_bytes: float, bandwidth: float, workers: int) -> float:
    """Time of a ring all-reduce without latency; bandwidth in bytes a second."""
    return 2 * (workers - 1) / workers * num_bytes / bandwidth


def efficiency(step: float, num_bytes: float, bandwidth: float, workers: int) -> float:
    """Part of a step that is computation, 0 to 1."""
    return step / (step + ring_seconds(num_bytes, bandwidth, workers))


def fit(times: Mapping[float, float], workers: int) -> tuple[float, float]:
    """Latency in seconds and bandwidth in bytes a second of `{bytes: seconds}`.

    The latency is the time of the smallest buffer, the bandwidth follows from the
    largest.
    """
    smallest, largest = min(times), max(times)
    latency = times[smallest]
    return latency, ring_seconds(largest - smallest, 1.0, workers) / max(
        times[largest] - latency, 1e-9
    )


def measure(repeats: int) -> dict[float, float]:
    """Median seconds of an all-reduce by its bytes; called in each worker."""
    from t2t_multimodel import quiet
    from t2t_multimodel.training.cluster import read_cluster

    quiet.import_tensorflow()
    import tensorflow as tf

    from t2t_multimodel.training.strategy import make_strategy

    strategy = make_strategy("multi_worker", read_cluster())
    times = {}
    for size in SIZES_MIB:
        count = int(size * 2**20) // 4
        vector = tf.Variable(tf.ones([count]))

        @tf.function(jit_compile=False, autograph=False)
        def reduce(vector: Any = vector) -> Any:
            def replica() -> Any:
                context = tf.distribute.get_replica_context()
                return context.all_reduce(tf.distribute.ReduceOp.SUM, vector * 1.0)

            return strategy.experimental_local_results(strategy.run(replica))[0]

        reduce()
        spent = []
        for _ in range(repeats):
            started = time.perf_counter()
            reduce().numpy()
            spent.append(time.perf_counter() - started)
        times[4.0 * count] = sorted(spent)[repeats // 2]
    return times


def predictions(step_seconds: float) -> list[dict[str, Any]]:
    """Efficiency of each set, network and number of workers."""
    return [
        {
            "set": name,
            "network": network,
            "megabytes_a_step": round(4 * millions),
            **{
                str(n): round(efficiency(step_seconds, 4e6 * millions, bandwidth, n), 3)
                for n in NUM_WORKERS
            },
        }
        for name, millions in MILLIONS.items()
        for network, bandwidth in NETWORKS.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; with --worker, one of the processes that are measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--step_seconds", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        times = measure(options.repeats)
        options.worker.write_text(json.dumps(list(times.items())), "utf-8")
        return 0
    import os
    import tempfile

    from t2t_multimodel.training.launcher import configs, free_addresses

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(n) for n in range(options.workers)]
        command = [sys.executable, __file__, f"--repeats={options.repeats}"]
        job = [
            subprocess.Popen(
                [*command, f"--worker={file}"], env={**os.environ, "TF_CONFIG": config}
            )
            for file, config in zip(
                files, configs(free_addresses(options.workers)), strict=True
            )
        ]
        statuses = [worker.wait() for worker in job]
        if any(statuses):
            return 1
        times = dict(json.loads(files[0].read_text("utf-8")))
    latency, bandwidth = fit(times, options.workers)
    found = {
        "workers": options.workers,
        "all_reduce_ms": {f"{k / 2**20:g} MiB": v * 1000 for k, v in times.items()},
        "latency_ms": latency * 1000,
        "bandwidth_mb_per_s": bandwidth / 1e6,
        "step_seconds": options.step_seconds,
        "efficiency": predictions(options.step_seconds),
    }
    text = json.dumps(found, indent=1)
    sys.stdout.write(f"{text}\n")
    if options.json:
        options.json.write_text(f"{text}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
