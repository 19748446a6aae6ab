"""What TensorBoard reads of a run that was killed and goes on."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator,
)

from t2t_multimodel.training.summaries import Summaries


def points(folder: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [
        (point.step, float(tf.make_ndarray(point.tensor_proto)))
        for point in events.Tensors("a/loss")
    ]


def test_points_after_the_checkpoint_are_written_again_and_shown_once(
    tmp_path: Path,
) -> None:
    killed = Summaries(tmp_path)
    for step in (2, 4, 6):
        killed.scalars("train", step, {"a/loss": 1.0})
    killed.close()
    (file,) = (tmp_path / "train").iterdir()
    # As a run of an earlier second would have called it.
    file.rename(file.with_name("events.out.tfevents.1000000000.host.1.0.v2"))
    again = Summaries(tmp_path)
    again.go_on(4)
    for step in (6, 8):
        again.scalars("train", step, {"a/loss": 2.0})
        again.scalars("dev", step, {"a/loss": 3.0})
    again.close()
    assert points(tmp_path / "train") == [(2, 1.0), (4, 1.0), (6, 2.0), (8, 2.0)]
    assert points(tmp_path / "dev") == [(6, 3.0), (8, 3.0)]
