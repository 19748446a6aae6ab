"""Where a run computes: the `tf.distribute` strategy of a name.

A batch is cut by example. Of several workers each reads its own part of it, and the
replicas of a worker share that part among them: the number of devices changes neither
the data nor, up to rounding, the update.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context as eager_context

from t2t_multimodel import quiet
from t2t_multimodel.training.cluster import Cluster, choose_strategy

# A worker that is silent for so long is given up; one that ends is noticed at once.
HEARTBEAT_SECONDS = 30
_SECONDS_TO_CONNECT = 120

_log = logging.getLogger(__name__)


def make_strategy(
    name: str = "auto", cluster: Cluster | None = None, tpu: str = ""
) -> tf.distribute.Strategy:
    """The strategy `name`, and a line that says which it is and why.

    Args:
        name: "one_device": the first accelerator, else the CPU. "mirrored": all
            accelerators of this machine, else all its logical CPUs. "multi_worker":
            all accelerators, or the CPU, of every task in the cluster. "tpu": the
            cores of a TPU. "auto": what the cluster and the visible devices suggest.
        cluster: The processes that train together; this one alone by default.
        tpu: The TPU's name or address; "" asks the environment, "local" is one in this
            machine.

    Raises:
        ValueError: There is no such strategy (near names are given), it does not go
            with the cluster, or the TPU cannot be reached.
    """
    cluster = cluster or Cluster()
    name, why = choose_strategy(name, cluster, tpu)
    if name == "multi_worker":
        strategy = _multi_worker(cluster)
    elif name == "tpu":
        strategy = _tpu(tpu)
    else:
        accelerators = tf.config.list_logical_devices("GPU")
        devices = accelerators or tf.config.list_logical_devices("CPU")
        if name == "auto":
            name = "mirrored" if len(accelerators) > 1 else "one_device"
            why = f"{len(accelerators) or 'no'} accelerators are visible"
        strategy = _local(name, tuple(device.name for device in devices))
    _log.info(
        "Strategy %s (%s); replicas: %d, processes: %d",
        name,
        why,
        strategy.num_replicas_in_sync,
        cluster.size,
    )
    return strategy


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether it computes on a TPU, where the shapes of all tensors are fixed."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


@functools.cache
def _local(name: str, devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Once a process: two mirrored strategies would number their collective
    # operations alike, and TensorFlow would confuse those of different graphs.
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0])


@functools.cache
def _multi_worker(cluster: Cluster) -> tf.distribute.Strategy:
    """Connects to the other workers; TF_CONFIG tells TensorFlow of them."""
    context = eager_context.context()
    if cluster.size > 1 and context.coordination_service is None:
        # As the strategy does it, but a silent worker is given up sooner.
        jobs = [name.partition("[")[0] for name in cluster.names]
        context.configure_coordination_service(
            service_type="standalone",
            service_leader=f"/job:{jobs[0]}/replica:0/task:0",
            cluster_register_timeout_in_ms=_SECONDS_TO_CONNECT * 1000,
            heartbeat_timeout_in_ms=HEARTBEAT_SECONDS * 1000,
            coordinated_jobs=[
                eager_context.coordination_config_pb2.CoordinatedJob(
                    name=job, num_tasks=jobs.count(job)
                )
                for job in dict.fromkeys(jobs)
            ],
        )
    with _own_signals():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except RuntimeError as error:
            raise ValueError(
                "multi_worker must be set up before anything is computed with "
                f"TensorFlow in this process ({_first_line(error)})."
            ) from error


@functools.cache
def _tpu(name: str) -> tf.distribute.Strategy:
    try:
        with quiet.no_standard_error():
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name)
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
            return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, RuntimeError, ValueError, OSError) as error:
        raise ValueError(
            f"The TPU {name or 'of this environment'} cannot be reached "
            f"({_first_line(error)}); --tpu takes its name, grpc://host:port, or "
            "local for one in this machine."
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps SIGTERM's handler, for which TensorFlow's servers put in one of their own.

    Theirs swallows the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def replica_share(features: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """This replica's examples of its worker's, called in a replica's context.

    Replica r of n takes the examples from `B r // n` to `B (r+1) // n`. One for which
    no example is left gets the first one, or where the worker has none a made-up one:
    every operation has something to work on. It is told to count it as nothing.

    Args:
        features: All examples of the worker, the first axis of every tensor.

    Returns:
        The replica's part, and a scalar: 1.0, or 0.0 where the part counts nothing.
    """
    strategy = tf.distribute.get_strategy()
    replicas = len(strategy.extended.worker_devices)
    if strategy.num_replicas_in_sync == 1:
        return features, tf.constant(1.0)
    context = tf.distribute.get_replica_context()
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32) % replicas
    static_size = next(iter(features.values())).shape[0]
    if static_size and static_size % replicas == 0:
        return _equal_share(features, replica, static_size // replicas)
    if strategy.num_replicas_in_sync > replicas:
        features, num_real = _at_least_one(features)
    else:
        num_real = tf.shape(next(iter(features.values())))[0]
    start = num_real * replica // replicas
    end = num_real * (replica + 1) // replicas
    is_live = end > start
    start, end = tf.where(is_live, start, 0), tf.where(is_live, end, 1)
    shares = {name: value[start:end] for name, value in features.items()}
    return shares, tf.cast(is_live, tf.float32)


def _equal_share(
    features: dict[str, Any], replica: Any, size: int
) -> tuple[dict[str, Any], Any]:
    """As `replica_share`, where all shares have one size: shapes that XLA knows."""
    shares = {}
    for name, value in features.items():
        begin = tf.stack([replica * size, *[0] * (value.shape.rank - 1)])
        shares[name] = tf.slice(value, begin, [size, *value.shape[1:]])
    return shares, tf.constant(1.0)


def _at_least_one(features: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Adds a made-up example where there is none; the number of real ones."""
    num_real = tf.shape(next(iter(features.values())))[0]
    num_made_up = tf.cast(num_real == 0, tf.int32)
    filled = {}
    for name, value in features.items():
        shape = tf.concat([[num_made_up], tf.shape(value)[1:]], axis=0)
        # Padding all over, which still counts: a mean over no position is no number.
        made_up = tf.cast(tf.fill(shape, value.dtype.is_bool), value.dtype)
        filled[name] = tf.concat([value, made_up], axis=0)
    return filled, num_real
