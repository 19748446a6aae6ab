"""Training some parts of a model only; the others keep every bit.

What is frozen gets no gradient and no moments of Adam, and is not clipped along. The
model has no statistics of batches, so nothing else of it could change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.fields import split_list
from t2t_multimodel.training.parts import COMMANDS, commands_of, part_names, select

WHAT = "train_parts"
NEW = "new"


def in_full(train_parts: str, random: Sequence[str] | None) -> str:
    """`train_parts` with "new" replaced by the parts that it stands for.

    Args:
        train_parts: As `freeze` takes it, or with "new" among the patterns.
        random: What a warm start left at random; None: there was none.

    Raises:
        ValueError: There was no warm start, or it left nothing at random.
    """
    patterns = split_list(train_parts)
    if NEW not in patterns:
        return train_parts
    if not random:
        fault = "left nothing at random" if random is not None else "was not asked for"
        raise ValueError(
            f"{WHAT}={train_parts}: {NEW} is what --warm_start_from leaves at random, "
            f"and that {fault}; name the parts to train."
        )
    kept = [pattern for pattern in patterns if pattern != NEW]
    return ",".join([*random, *kept])


def freeze(model: Any, train_parts: str) -> None:
    """Leaves only some parts of a model to be trained.

    Do it before the optimizer is made: it holds moments of what is trained alone.

    Args:
        model: A `MultiModel`.
        train_parts: Patterns over the names of its parts, "text_*,commands/german";
            "": all are trained.

    Raises:
        ValueError: A pattern means no part.
    """
    if not train_parts:
        return
    trained = set(select(train_parts, part_names(model), WHAT))
    for part, weights in weights_by_part(model).items():
        rows = [f"{COMMANDS}/{name}" in trained for name in commands_of(model, part)]
        for weight in weights:
            weight.trainable = any(rows) or part in trained
        if any(rows):
            model.command_table.train_rows(rows)


def trains(model: Any, problem: str) -> bool:
    """Whether a step on a problem would change any weight."""
    view = model.view(problem)
    weights = {id(weight) for weight in view.trainable_variables}
    if view.writes_text and not model.command_table.trains(view.command_id):
        weights.discard(id(model.command_table.embedding))
    return bool(weights)


def check_steps(model: Any, steps: Mapping[str, int]) -> None:
    """Checks that no step would be in vain.

    Args:
        model: A model, some parts of which may be frozen.
        steps: How many steps each problem gets.

    Raises:
        ValueError: A problem gets steps and has nothing to train.
    """
    idle = [name for name in steps if not trains(model, name)]
    vain = [name for name in idle if steps[name]]
    if vain:
        without = ",".join(f"{name}=0" for name in idle)
        raise ValueError(
            f"{WHAT} leaves {', '.join(vain)} nothing to train; give no steps to what "
            f"does not learn: --mixture={without}"
        )
