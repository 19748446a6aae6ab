"""Who uses which expert: a map of problems by experts, and an alarm for dead ones.

The loads come out of the steps themselves (`StepResult.loads`): how many positions of a
problem's batches chose each expert of each layer. An interval is `log_steps` steps.

TensorBoard has for each layer a picture `experts/LAYER`, a row a problem (the text
`experts/rows` names them) and a column an expert: black is no load, middle grey what an
expert would get if all were equal, white twice as much or more. `experts.json` in the
run's folder has the counts themselves, of the last interval and of the whole run.
Where experts have a capacity, both also tell what was dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.summaries import Summaries

FILE = "experts.json"
_CELL = 16


class ExpertLoads(Listener):
    """Adds up the experts' loads, shows them and warns.

    Shape letters: P problems, X layers of experts, E experts.

    Args:
        layers: The paths of the layers, in the order of `StepResult.loads`.
        num_experts: Of each layer.
        problems: The run's.
        dead_share: An expert with less than this part of an equal share, all problems
            together, is called dead; 0: none is.
        output_dir: The run's folder.
        say: Shows a line.
        summaries: The run's.
    """

    name = "experts"

    def __init__(
        self,
        layers: Sequence[str],
        num_experts: int,
        problems: Sequence[str],
        dead_share: float,
        output_dir: Path,
        say: Callable[[str], None],
        summaries: Summaries,
    ) -> None:
        self._layers = tuple(layer.split("/", 1)[0] for layer in layers)
        self._problems = tuple(problems)
        self._row = {name: row for row, name in enumerate(self._problems)}
        self._dead_share = dead_share
        self._output_dir = output_dir
        self._say = say
        self._summaries = summaries
        shape = (len(self._problems), len(self._layers), num_experts)
        self._latest_PXE = np.zeros(shape)
        self._total_PXE = np.zeros(shape)
        self._has_capacity = False
        self._latest_dropped_PX = np.zeros(shape[:2])
        self._total_dropped_PX = np.zeros(shape[:2])
        self._dead: dict[str, list[int]] = {}

    def on_start(self, step: int, control: Control) -> None:
        self._since = step
        rows = "\n".join(f"{row}. {name}" for name, row in self._row.items())
        self._summaries.text("train", step, "experts/rows", rows)

    def on_results(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.is_finite:
                row = self._row[entry.problem]
                self._latest_PXE[row] += entry.result.loads
                self._latest_dropped_PX[row] += entry.result.dropped
                self._has_capacity |= np.ndim(entry.result.dropped) > 0

    def on_interval(self, interval: Interval) -> None:
        self._show(interval.step)
        self._warn(interval.step)
        self._total_PXE += self._latest_PXE
        self._total_dropped_PX += self._latest_dropped_PX
        self._write(interval.step)
        self._forget_latest()
        self._since = interval.step

    def state(self) -> Mapping[str, Any]:
        counts = {"total": self._by_layer(self._total_PXE + self._latest_PXE)}
        if self._has_capacity:
            dropped_PX = self._total_dropped_PX + self._latest_dropped_PX
            counts["dropped"] = self._by_layer(dropped_PX)
        return counts

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._forget_latest()
        self._total_PXE = np.zeros_like(self._latest_PXE)
        self._total_dropped_PX = np.zeros_like(self._latest_dropped_PX)
        self._has_capacity = "dropped" in state
        for key, total in (
            ("total", self._total_PXE),
            ("dropped", self._total_dropped_PX),
        ):
            for x, layer in enumerate(self._layers):
                for name, counts in state.get(key, {}).get(layer, {}).items():
                    if name in self._row:
                        total[self._row[name], x] = counts

    def _forget_latest(self) -> None:
        self._latest_PXE = np.zeros_like(self._latest_PXE)
        self._latest_dropped_PX = np.zeros_like(self._latest_dropped_PX)

    def _show(self, step: int) -> None:
        scalars = {}
        for x, layer in enumerate(self._layers):
            share_PE = _shares(self._latest_PXE[:, x])
            cells_PE = np.clip(share_PE * 127.5, 0, 255).astype(np.uint8)
            picture_HW = np.kron(cells_PE, np.ones((_CELL, _CELL), np.uint8))
            self._summaries.image(
                "train", step, f"experts/{layer}", picture_HW[:, :, None]
            )
            share_E = _shares(self._latest_PXE[:, x].sum(axis=0))
            scalars[f"experts/{layer}/smallest_share"] = float(share_E.min())
            scalars[f"experts/{layer}/largest_share"] = float(share_E.max())
            if self._has_capacity:
                chosen = max(self._latest_PXE[:, x].sum(), 1.0)
                dropped = self._latest_dropped_PX[:, x].sum()
                scalars[f"experts/{layer}/dropped_share"] = float(dropped / chosen)
        self._summaries.scalars("train", step, scalars)

    def _warn(self, step: int) -> None:
        """Says which experts are dead, when others are than the last time."""
        for x, layer in enumerate(self._layers):
            load_E = self._latest_PXE[:, x].sum(axis=0)
            least = self._dead_share * load_E.mean()
            # With less than one position to expect, to get none says nothing.
            dead = np.flatnonzero(load_E < least).tolist() if least >= 1 else []
            if dead and dead != self._dead.get(layer):
                listed = ", ".join(map(str, dead[:20])) + (" ..." * (len(dead) > 20))
                self._say(
                    f"step {step}: {len(dead)} of {len(load_E)} experts of the {layer} "
                    f"got less than {self._dead_share:g} of an equal share since step "
                    f"{self._since}: {listed}. importance_loss_weight and "
                    "load_loss_weight spread them."
                )
            self._dead[layer] = dead

    def _write(self, step: int) -> None:
        values = {
            "step": step,
            "since": self._since,
            "num_experts": self._total_PXE.shape[2],
            "dead_share": self._dead_share,
            "dead": self._dead,
            "latest": self._by_layer(self._latest_PXE),
            "total": self._by_layer(self._total_PXE),
        }
        if self._has_capacity:
            values["dropped"] = {
                "latest": self._by_layer(self._latest_dropped_PX),
                "total": self._by_layer(self._total_dropped_PX),
            }
        path = self._output_dir / FILE
        partial = path.with_name(f"{FILE}.unfinished")
        partial.write_text(json.dumps(values) + "\n", "utf-8")
        os.replace(partial, path)

    def _by_layer(self, counts: np.ndarray) -> dict[str, dict[str, Any]]:
        """Counts `[P, X, ...]` by layer and problem, as JSON has them."""
        return {
            layer: {
                name: counts[row, x].astype(int).tolist()
                for name, row in self._row.items()
            }
            for x, layer in enumerate(self._layers)
        }


def _shares(load: np.ndarray) -> np.ndarray:
    """Loads over the mean of their last axis; 0 where there is none."""
    mean = load.mean(axis=-1, keepdims=True)
    shares: np.ndarray = load / np.maximum(mean, 1e-9)
    return shares
