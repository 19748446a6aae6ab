"""The curves that a run left for TensorBoard, read back from its event files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PARTS = ("train", "dev", "eval")
PATTERN = "*tfevents*"


@dataclass(frozen=True)
class Curves:
    """Figures over steps.

    Attributes:
        points: By part ("train", "dev", "eval") and name, as in `parse_mini/loss`:
            `(step, value)`, steps rising.
    """

    points: dict[str, dict[str, list[tuple[int, float]]]]

    def get(self, part: str, name: str) -> list[tuple[int, float]]:
        """A curve; empty if there is none."""
        return self.points.get(part, {}).get(name, [])

    def names(self, part: str) -> tuple[str, ...]:
        """The names of a part's curves, in alphabetical order."""
        return tuple(sorted(self.points.get(part, {})))


def read_curves(output_dir: Path) -> Curves:
    """Reads the scalars of a run.

    Of a step that was taken twice, since the run was ended and went on from an earlier
    checkpoint, the later one counts. A file that ends amidst a point is read up to it.
    """
    return Curves({part: _read_part(output_dir / part) for part in PARTS})


def _read_part(folder: Path) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob(PATTERN), key=lambda path: path.stat().st_mtime):
        for name, step, value in _scalars(path):
            curves.setdefault(name, {})[step] = value
    return {name: sorted(points.items()) for name, points in curves.items()}


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.util import tensor_util

    # Where a file is cut short TensorBoard says so on its own, for its own console.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    for event in event_file_loader.EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                number = tensor_util.make_ndarray(value.tensor)
                yield value.tag, int(event.step), float(number)
