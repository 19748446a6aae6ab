"""What a run leaves for TensorBoard: scalars, texts and pictures in its folder."""

from __future__ import annotations

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
            directory = str(self._output_dir / part)
            self._writers[part] = tf.summary.create_file_writer(directory)
        return self._writers[part]
