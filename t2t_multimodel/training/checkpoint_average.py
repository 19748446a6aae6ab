"""The average of a run's last checkpoints, as a run of its own.

Late in training the weights move around a good place more than towards it; their mean
over the last checkpoints lies nearer (Polyak and Juditsky, 1992; "checkpoint averaging"
in Vaswani and others, 2017, arXiv 1706.03762).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.training.checkpoint import save_weights, weights_by_part
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.record import CONFIG
from t2t_multimodel.training.restore import load_run
from t2t_multimodel.training.run_copy import copy_run_files


def average_checkpoints(
    output_dir: str | Path, averaged_dir: str | Path, last: int = 8
) -> tuple[str, tuple[str, ...]]:
    """Averages the weights of the last checkpoints of a run.

    Of a run that keeps a moving average, the moving averages are averaged: they are
    what evaluation would take of each checkpoint. Whole numbers among the weights are
    those of the newest checkpoint. The result can be evaluated and decoded with, but
    not trained on: it has no moments of Adam.

    Args:
        output_dir: The run's folder.
        averaged_dir: A folder for the average, with no checkpoint in it.
        last: How many checkpoints, from the newest.

    Returns:
        The path of the checkpoint made, named by the newest step, and those averaged.

    Raises:
        ValueError: The run has not so many checkpoints, or the folder already has one.
    """
    source, target = Path(output_dir), Path(averaged_dir)
    paths = list_checkpoints(source)
    if last < 1 or len(paths) < last:
        names = ", ".join(Path(path).name for path in paths) or "none"
        raise ValueError(
            f"{source} has {len(paths)} checkpoints, not {last} to average: {names} "
            "(t2t-trainer keeps keep_checkpoints of them)."
        )
    if (target / CONFIG).exists() or list_checkpoints(target):
        raise ValueError(f"{target} holds a run; give a folder that holds none.")
    taken = paths[-last:]
    run = load_run(source, taken[0])
    parts = weights_by_part(run.model).values()
    weights = [weight for own in parts for weight in own]
    totals = [_values(weight) for weight in weights]
    for path in taken[1:]:
        run = run.at(path)
        for place, weight in enumerate(weights):
            value = _values(weight)
            is_real = np.issubdtype(value.dtype, np.floating)
            totals[place] = totals[place] + value if is_real else value
    for weight, total in zip(weights, totals, strict=True):
        is_real = np.issubdtype(total.dtype, np.floating)
        weight.assign(total / len(taken) if is_real else total)
    copy_run_files(source, target)
    is_averaged = run.hparams.training.ema_decay > 0
    made = save_weights(target, run.model, run.step, is_averaged)
    return made, tuple(taken)


def _values(weight: Any) -> np.ndarray:
    """The weight's values, real ones in float64: sums of many lose nothing then."""
    value: np.ndarray = weight.value.numpy()
    return value.astype(np.float64) if value.dtype.kind not in "iub" else value
