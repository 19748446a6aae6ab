"""Which arithmetic a run computes in: float32, or bfloat16 where that is fast.

Under "mixed_bfloat16" the matrix products and the activations between them are
bfloat16; weights, Adam's moments, norms, softmax, gating and loss stay float32.
"auto" is decided once, when a run begins, and recorded as what it then was: a run that
goes on computes as it began, on whatever machine.
"""

from __future__ import annotations

import logging
from pathlib import Path

import tensorflow as tf

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.record import CONFIG, RunRecord

AUTO, FULL, MIXED = "auto", "float32", "mixed_bfloat16"

# Of x86 processors (Cooper Lake, Sapphire Rapids, Zen 4 and later) and of Arm's.
_CPU_FLAGS = ("amx_bf16", "avx512_bf16", "bf16")
_CPU_INFO = Path("/proc/cpuinfo")
_GPU_CAPABILITY = (8, 0)  # Ampere: the first with products of bfloat16

_log = logging.getLogger(__name__)


def resolved(
    hparams: HParams, output_dir: Path | None = None, strategy: str = "auto"
) -> HParams:
    """The hyper-parameters with a `dtype_policy` that is no longer "auto".

    A line tells what was chosen and why, or that bfloat16 is asked for where it is
    slow.

    Args:
        hparams: Of the run.
        output_dir: Its folder; if it holds a run, "auto" is what that run has.
        strategy: See `make_strategy`.

    Raises:
        ValueError: The folder's config.json is damaged.
    """
    policy = hparams.model.dtype_policy
    if policy == AUTO and output_dir and (output_dir / CONFIG).exists():
        policy = RunRecord.read(output_dir).hparams.model.dtype_policy
        _log.info("dtype_policy: %s, as the run began", policy)
    elif policy != FULL:
        is_fast, why = fast_bfloat16(strategy)
        if policy == AUTO:
            policy = MIXED if is_fast else FULL
            _log.info("dtype_policy: %s, because %s", policy, why)
        elif not is_fast:
            _log.warning("dtype_policy=%s will be slower than float32: %s", policy, why)
    return hparams.replace(dtype_policy=policy)


def fast_bfloat16(
    strategy: str = "auto", cpu_info: Path = _CPU_INFO
) -> tuple[bool, str]:
    """Whether what a run computes on multiplies bfloat16 matrices fast, and why.

    Args:
        strategy: See `make_strategy`.
        cpu_info: Where Linux tells what a processor can do; without it a processor
            counts as slow.
    """
    if strategy == "tpu":
        return True, "TPUs compute in bfloat16"
    details = [
        tf.config.experimental.get_device_details(gpu)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    if details:
        least = min(found.get("compute_capability", (0, 0)) for found in details)
        text = f"compute capability {'.'.join(map(str, least))} of the accelerators"
        if least >= _GPU_CAPABILITY:
            return True, text
        return False, f"{text} is below {'.'.join(map(str, _GPU_CAPABILITY))}"
    flags = _cpu_flags(cpu_info)
    for flag in _CPU_FLAGS:
        if flag in flags:
            return True, f"this processor has {flag}"
    return False, f"this processor has none of {', '.join(_CPU_FLAGS)}"


def _cpu_flags(cpu_info: Path) -> set[str]:
    """What the first processor says it can do; nothing where the system is silent."""
    if cpu_info.exists():
        for line in cpu_info.read_text("utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("flags", "Features"):
                return set(value.split())
    return set()
