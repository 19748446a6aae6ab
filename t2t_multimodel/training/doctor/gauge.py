"""How much memory TensorFlow holds on the device that computes, and held at most."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path
from typing import Protocol

import tensorflow as tf

from t2t_multimodel.training.doctor.sizes import own_memory


class Gauge(Protocol):
    """Bytes in use, and the peak since the last `reset`."""

    def current(self) -> int: ...

    def peak(self) -> int: ...

    def reset(self) -> None: ...


class AllocatorGauge:
    """What the device's allocator itself counts: exact.

    Args:
        device: "CPU:0" or "GPU:0".
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def current(self) -> int:
        return int(tf.config.experimental.get_memory_info(self._device)["current"])

    def peak(self) -> int:
        return int(tf.config.experimental.get_memory_info(self._device)["peak"])

    def reset(self) -> None:
        gc.collect()
        tf.config.experimental.reset_memory_stats(self._device)


class ProcessGauge:
    """What the system counts for the whole process, for allocators that do not tell.

    Without oneDNN TensorFlow takes the C library's, which gives back what is trimmed.
    """

    def current(self) -> int:
        _trim()
        return own_memory("VmRSS")

    def peak(self) -> int:
        return own_memory("VmHWM")

    def reset(self) -> None:
        gc.collect()
        _trim()
        # Linux: the peak is set back to what is used now.
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def gauge_of(device: str) -> Gauge:
    """The most exact gauge that a device has."""
    try:
        tf.config.experimental.get_memory_info(device)
    except ValueError:
        return ProcessGauge()
    return AllocatorGauge(device)


def computing_device() -> str:
    """The device that the first replica computes on: "GPU:0", or else "CPU:0"."""
    return "GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"


def device_limit(device: str) -> int | None:
    """Bytes that TensorFlow may take on an accelerator; None for the host."""
    if device == "CPU:0":
        return None
    from tensorflow.python.client import device_lib

    told = {d.name: d.memory_limit for d in device_lib.list_local_devices()}
    return int(told[f"/device:{device}"])


def _trim() -> None:
    ctypes.CDLL(None).malloc_trim(0)
