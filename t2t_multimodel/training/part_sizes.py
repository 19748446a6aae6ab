"""How many weights each part of a model has, and which problems use it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from t2t_multimodel.training.checkpoint import weights_by_part


@dataclass(frozen=True)
class PartSize:
    """One part of a model, or all of it.

    Attributes:
        part: Its name; "all" for the sum.
        weights: How many numbers it holds.
        trained: How many of them learn.
        used_by: The problems whose steps use it, in few words.
    """

    part: str
    weights: int
    trained: int
    used_by: str

    def cells(self) -> tuple[str, str, str, str]:
        """A row of a table."""
        trained = f"{self.trained:,}" if self.trained else "frozen"
        return self.part, f"{self.weights:,}", trained, self.used_by


def part_sizes(model: Any) -> list[PartSize]:
    """A model's parts in its order, and last the sum.

    Args:
        model: A `MultiModel`.
    """
    used = {name: _ids(model.view(name).weights) for name in model.tasks}
    sizes = []
    for part, weights in weights_by_part(model).items():
        users = [name for name, ids in used.items() if ids & _ids(weights)]
        sizes.append(PartSize(part, *_count(weights), _listed(users, list(used))))
    return [*sizes, PartSize("all", *_count(model.weights), "")]


def _listed(users: Sequence[str], everyone: Sequence[str]) -> str:
    """The users, or who is not among them if that is shorter to say."""
    others = [name for name in everyone if name not in users]
    if not others:
        return "all"
    if len(others) < len(users):
        return f"all but {', '.join(others)}"
    return ", ".join(users)


def _count(weights: Sequence[Any]) -> tuple[int, int]:
    sizes = [(math.prod(w.shape), bool(w.trainable)) for w in weights]
    return sum(n for n, _ in sizes), sum(n for n, is_trained in sizes if is_trained)


def _ids(weights: Sequence[Any]) -> set[int]:
    return {id(weight) for weight in weights}
