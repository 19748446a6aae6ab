"""Which problem uses which expert: counted in training, or measured on held-out data.

A run that trains with experts writes `experts.json`. For one that has no such file, an
older one, the map is measured with the checkpoint's weights on some dev examples.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.data.pipeline import eval_batches
from t2t_multimodel.decoding.graphs import relaxed_specs
from t2t_multimodel.layers.notes import taken_notes
from t2t_multimodel.training.restore import Run
from t2t_multimodel.training.watching.expert_loads import FILE

NUM_EXAMPLES, BATCH_COST = 64, 2048
_FEATURES = ("inputs", "inputs_mask", "targets", "targets_mask")


@dataclasses.dataclass(frozen=True)
class ExpertMap:
    """Loads of experts.

    Attributes:
        origin: Where they were counted, as the end of a sentence.
        loads: How many positions chose each expert, float `[E]`, by layer and problem;
            a problem that a layer has nothing of is left out.
        dropped: Part of each layer's choices that training dropped in its last
            interval; empty where experts have no capacity.
    """

    origin: str
    loads: Mapping[str, Mapping[str, np.ndarray]]
    dropped: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def shares(self, layer: str) -> dict[str, np.ndarray]:
        """Each problem's loads in a layer as parts of 1, `[E]`."""
        return {name: load / load.sum() for name, load in self.loads[layer].items()}


def saved_map(output_dir: Path) -> ExpertMap | None:
    """What training counted: in the last interval, or, if not every problem had a step
    in it, in the whole run; None if it counted nothing.

    Raises:
        ValueError: The file is damaged.
    """
    path = output_dir / FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text("utf-8"))
        dropped = _dropped(values)
        latest, total = (_loads(values[key]) for key in ("latest", "total"))
        origin = f"in steps {values['since'] + 1:,} to {values['step']:,} of training"
        if any(latest[layer].keys() != total[layer].keys() for layer in total):
            latest, origin = total, f"in all {values['step']:,} steps of training"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read: {error!r}") from error
    origin = f"{origin}, where noise spreads them over the experts"
    return ExpertMap(origin, latest, dropped)


def _dropped(values: Mapping[str, Any]) -> dict[str, float]:
    """Part of each layer's choices that the last interval dropped."""
    latest = values.get("dropped", {}).get("latest", {})
    return {
        layer: sum(counts.values())
        / max(sum(map(sum, values["latest"][layer].values())), 1)
        for layer, counts in latest.items()
    }


def measured_map(
    run: Run, manifests: Mapping[str, Manifest], folder: Path
) -> ExpertMap:
    """What the checkpoint does on the first dev examples of the problems with data.

    Args:
        run: With the checkpoint's weights.
        manifests: Of those problems.
        folder: Where the data lies.
    """
    loads: dict[str, dict[str, np.ndarray]] = {}
    graphs: dict[Any, Any] = {}
    for name, manifest in manifests.items():
        if "dev" not in manifest.splits:
            continue
        view = run.model.view(name)
        for batch in eval_batches(
            run.problem(name),
            folder,
            run.vocabulary,
            split="dev",
            batch_cost=BATCH_COST,
            max_examples=NUM_EXAMPLES,
        ):
            features = {key: batch[key] for key in _FEATURES if key in batch}
            key = view.signature
            if key not in graphs:
                specs = relaxed_specs(features)
                graphs[key] = _loads_graph(view, specs, run.model.expert_layers)
            found = graphs[key](features, tf.constant(view.command_id, tf.int32))
            for path, load_E in found.items():
                own = loads.setdefault(_layer(path), {})
                own[name] = own.get(name, 0) + load_E.numpy()
    return ExpertMap(f"on at most {NUM_EXAMPLES} dev examples of each problem", loads)


def effective_number(share_E: np.ndarray) -> float:
    """How many experts would be as uncertain if used equally: `exp(entropy)`."""
    used = share_E[share_E > 0]
    return float(np.exp(-np.sum(used * np.log(used))))


def _loads(layers: Mapping[str, Mapping[str, Sequence[int]]]) -> Any:
    """The layers' loads, problems without any left out."""
    arrays = {
        layer: {name: np.array(load, float) for name, load in problems.items()}
        for layer, problems in layers.items()
    }
    return {
        layer: {name: load for name, load in problems.items() if load.sum() > 0}
        for layer, problems in arrays.items()
    }


def _layer(path: str) -> str:
    return path.split("/", 1)[0]


def _loads_graph(view: Any, specs: Any, layers: Sequence[str]) -> Any:
    """The loads of a batch by the paths of the layers that a view has."""

    @tf.function(
        autograph=False,
        input_signature=[specs, tf.TensorSpec([], tf.int32, name="command")],
    )
    def loads(features: Mapping[str, Any], command: Any) -> dict[str, Any]:
        with taken_notes() as notes:
            view({**features, "command": command}, training=False)
        return {path: notes[path] for path in layers if path in notes}

    return loads
