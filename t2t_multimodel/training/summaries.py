"""What a run leaves for TensorBoard: scalars, texts and pictures in its folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf


class Summaries:
    """Writes into `OUTPUT_DIR/PART`, which TensorBoard shows as a run of its own.

    Args:
        output_dir: The run's folder; nothing is made in it before something is written.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        self._goes_on_from: int | None = None

    def go_on(self, step: int) -> None:
        """Lets TensorBoard forget what a run that was killed wrote after this step."""
        self._goes_on_from = step

    def scalars(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """Figures by name."""
        with self._writer(part).as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer(part).flush()

    def text(self, part: str, step: int, name: str, markdown: str) -> None:
        """A text, shown as Markdown."""
        with self._writer(part).as_default(step=step):
            tf.summary.text(name, markdown)
        self._writer(part).flush()

    def image(self, part: str, step: int, name: str, image_HWC: np.ndarray) -> None:
        """A picture, uint8 `[H, W, C]`."""
        with self._writer(part).as_default(step=step):
            tf.summary.image(name, image_HWC[None])
        self._writer(part).flush()

    def close(self) -> None:
        """Ends all files; what is written later begins new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, part: str) -> tf.summary.SummaryWriter:
        if part not in self._writers:
            directory = self._output_dir / part
            if self._goes_on_from is not None and directory.exists():
                _forget_after(directory, self._goes_on_from)
            self._writers[part] = tf.summary.create_file_writer(str(directory))
        return self._writers[part]


def _forget_after(directory: Path, step: int) -> None:
    """Writes what TensorBoard takes for a restart: later points before it are void."""
    # Read in the order of their names: after all that is there, before what comes.
    path = directory / f"events.out.tfevents.{int(time.time()):010}.0.restart.v2"
    log = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    with tf.io.TFRecordWriter(str(path)) as file:
        for fields in (
            {"file_version": "brain.Event:2"},
            {"step": step + 1, "session_log": log},  # the first one of all is a start
            {"step": step + 1, "session_log": log},
        ):
            event = tf.compat.v1.Event(wall_time=time.time(), **fields)
            file.write(event.SerializeToString())
