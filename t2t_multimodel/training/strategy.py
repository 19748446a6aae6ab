"""Where a run computes: the `tf.distribute` strategy of a name.

A batch is cut by example: replica r of n takes the examples from `B r // n` to
`B (r+1) // n`. All replicas read the same stream, so that the number of devices
changes neither the data nor, up to rounding, the first update.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from t2t_multimodel.training.config import near

STRATEGIES = ("auto", "one_device", "mirrored")


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The strategy `name`.

    Args:
        name: "one_device": the first accelerator, else the CPU. "mirrored": all
            accelerators of this machine, else all its logical CPUs. "auto":
            "mirrored" if the machine has several accelerators, else "one_device".

    Raises:
        ValueError: There is no such strategy; near names are given.
    """
    if name not in STRATEGIES:
        raise ValueError(f"There is no strategy {name!r}; {near(name, STRATEGIES)}")
    accelerators = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(accelerators) > 1 else "one_device"
    devices = [d.name for d in accelerators or tf.config.list_logical_devices("CPU")]
    return _strategy(name, tuple(devices))


@functools.cache
def _strategy(name: str, devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Once a process: two mirrored strategies would number their collective
    # operations alike, and TensorFlow would confuse those of different graphs.
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0])


def replica_share(features: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """This replica's examples of a batch, called in a replica's context.

    A replica for which no example is left gets the first one, which keeps every
    operation on a real example, and is told to count it as nothing.

    Args:
        features: The whole batch; every tensor has the examples as its first axis.

    Returns:
        The replica's part, and a scalar: 1.0, or 0.0 where the part counts nothing.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas == 1:
        return features, tf.constant(1.0)
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    batch_size = tf.shape(next(iter(features.values())))[0]
    start = batch_size * replica // replicas
    end = batch_size * (replica + 1) // replicas
    live = tf.cast(end > start, tf.float32)
    start, end = tf.cond(end > start, lambda: (start, end), lambda: (0, 1))
    return {name: value[start:end] for name, value in features.items()}, live
