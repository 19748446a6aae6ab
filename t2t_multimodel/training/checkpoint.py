"""What a run saves: the weights, Adam's moments, the moving average, the step, a state.

The state is a small dict of plain values, such as the position in every problem's data.
Nothing else has to be saved: the data's order, dropout and the learning rate are
functions of the seed and the step. The files are TensorFlow checkpoints, so
that `tf.train.load_checkpoint(tf.train.latest_checkpoint(output_dir))` reads them;
TensorFlow writes them under temporary names and names the newest one last.

Keys are `weights/PART/NUMBER`, with the parts of the model by name (encoder, text_top,
...) and each part's weights in their order, so that a model with one more problem keeps
the keys of the other parts. Keras's own object graph is not used: it leaves out layers
that a layer keeps in a list or a dict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.optimizer import Adam

NAME = "model.ckpt"
_STATE_KEY = "state/.ATTRIBUTES/VARIABLE_VALUE"

# TensorFlow reports a damaged file in all of these ways.
_DAMAGED = (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError)


class Checkpoints:
    """Saves and restores one run's state.

    Args:
        output_dir: The run's folder.
        model: The `MultiModel`, all of whose weights exist.
        optimizer: Its optimizer.
        average: Its moving average, or None.
        keep: How many checkpoints stay; older ones are deleted.
    """

    def __init__(
        self,
        output_dir: Path,
        model: Any,
        optimizer: Adam,
        average: WeightAverage | None,
        keep: int,
    ) -> None:
        self._step = _step_variable()
        self._state = _state_variable()
        parts: dict[str, Any] = {
            "step": self._step,
            "weights": _variables(model),
            "adam_mean": _by_part(model, optimizer.mean),
            "adam_square": _by_part(model, optimizer.square),
            "adam_updates": optimizer.updates,
        }
        if average is not None:
            parts["average"] = _by_part(model, average.average)
        self._parts = parts
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**parts, state=self._state),
            str(output_dir),
            max_to_keep=keep,
            checkpoint_name=NAME,
        )

    def save(self, step: int, state: Mapping[str, Any]) -> str:
        """Saves everything as it is after `step` steps.

        Args:
            step: Steps taken in all.
            state: Plain values that JSON can hold, a few for each problem at most.

        Returns:
            The checkpoint's path.
        """
        self._step.assign(step)
        self._state.assign(json.dumps(state))
        return str(self._manager.save(checkpoint_number=step))

    def restore(self) -> tuple[int, dict[str, Any]]:
        """Restores the newest checkpoint.

        Returns:
            Its step and the state saved with it: 0 and nothing if there is no
            checkpoint, and no state from one that was made before there were any.

        Raises:
            ValueError: The checkpoint is damaged or holds another model.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return 0, {}
        parts = dict(self._parts)
        self._state.assign("{}")
        if _has_state(newest):
            parts["state"] = self._state
        _restore(tf.train.Checkpoint(**parts), newest)
        return int(self._step), json.loads(self._state.numpy())


def restore_weights(path: str, model: Any, averaged: bool) -> int:
    """Puts a checkpoint's weights into a model, for evaluation; its step.

    Args:
        path: The checkpoint.
        model: A `MultiModel` like the one saved.
        averaged: Whether the moving average replaces the last weights.

    Raises:
        ValueError: The checkpoint is damaged or holds another model.
    """
    step = _step_variable()
    parts: dict[str, Any] = {"step": step, "weights": _variables(model)}
    average = None
    if averaged:
        average = WeightAverage(
            model.trainable_variables, 0.0, tf.distribute.get_strategy()
        )
        parts["average"] = _by_part(model, average.average)
    _restore(tf.train.Checkpoint(**parts), path)
    if average is not None:
        average.put_into_model()
    return int(step)


def save_weights(folder: Path, model: Any, step: int, averaged: bool) -> str:
    """Saves a model's weights alone, for `restore_weights`; the checkpoint's path.

    Args:
        folder: Where to; the checkpoint is named by its step and becomes the newest.
        model: A `MultiModel`.
        step: The steps that the weights have seen.
        averaged: Whether they also stand as the moving average.
    """
    counted = _step_variable()
    counted.assign(step)
    parts: dict[str, Any] = {"step": counted, "weights": _variables(model)}
    if averaged:
        # Variables of their own: one that stands under two keys is saved under one.
        trainable, strategy = model.trainable_variables, tf.distribute.get_strategy()
        copies = WeightAverage(trainable, 0.0, strategy).average
        parts["average"] = _by_part(model, copies)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(**parts), str(folder), max_to_keep=1, checkpoint_name=NAME
    )
    return str(manager.save(checkpoint_number=step))


def list_checkpoints(output_dir: Path) -> tuple[str, ...]:
    """The paths of all checkpoints of a run, the oldest first."""
    steps = []
    for path in output_dir.glob(f"{NAME}-*.index"):
        step = path.stem.removeprefix(f"{NAME}-")
        if step.isdigit():
            steps.append(int(step))
    return tuple(str(output_dir / f"{NAME}-{step}") for step in sorted(steps))


def find_checkpoint(output_dir: Path, checkpoint: str | None = None) -> str:
    """The path of a checkpoint of a run.

    Args:
        output_dir: The run's folder.
        checkpoint: None for the newest; else a step ("3000"), a name
            ("model.ckpt-3000") or a path.

    Raises:
        ValueError: There is none; those that exist are named.
    """
    if checkpoint is None:
        newest = tf.train.latest_checkpoint(str(output_dir))
        if newest is None:
            raise ValueError(
                f"{output_dir} has no checkpoint; train first with "
                f"t2t-trainer --output_dir={output_dir}."
            )
        return newest
    name = f"{NAME}-{checkpoint}" if checkpoint.isdigit() else checkpoint
    for path in (Path(name), output_dir / name):
        if path.with_name(path.name + ".index").exists():
            return str(path)
    found = sorted(path.stem for path in output_dir.glob(f"{NAME}-*.index"))
    raise ValueError(
        f"There is no checkpoint {checkpoint!r} in {output_dir}; there are: "
        f"{', '.join(found) or 'none'}."
    )


def weights_by_part(model: Any) -> dict[str, list[Any]]:
    """All weights of a model, each once, by the name of the part that holds it.

    Parts are the model's own layers; weights outside them are listed under "model".
    """
    parts: dict[str, list[Any]] = {}
    seen: set[int] = set()
    owners = [(layer.name, layer) for layer in model.layers]
    for name, owner in [*owners, ("model", model)]:
        own = [weight for weight in owner.weights if id(weight) not in seen]
        seen |= {id(weight) for weight in own}
        if own and name in parts:
            raise ValueError(f"two parts of the model have the name {name!r}.")
        if own:
            parts[name] = own
    return parts


def _variables(model: Any) -> dict[str, list[Any]]:
    """The TensorFlow variables of all weights by part."""
    parts = weights_by_part(model)
    return {name: [weight.value for weight in own] for name, own in parts.items()}


def _by_part(model: Any, values: Sequence[Any]) -> dict[str, list[Any]]:
    """Values in the order of the model's trainable weights, arranged by part."""
    own = {
        id(weight): value
        for weight, value in zip(model.trainable_variables, values, strict=True)
    }
    return {
        name: [own[id(weight)] for weight in weights if id(weight) in own]
        for name, weights in weights_by_part(model).items()
    }


def _step_variable() -> tf.Variable:
    return tf.Variable(0, dtype=tf.int64, trainable=False, name="step")


def _state_variable() -> tf.Variable:
    with tf.device("CPU:0"):  # text lives nowhere else
        return tf.Variable("{}", dtype=tf.string, trainable=False, name="state")


def _has_state(path: str) -> bool:
    try:
        return bool(tf.train.load_checkpoint(path).has_tensor(_STATE_KEY))
    except _DAMAGED:
        return False  # restoring it says what is wrong


def _restore(checkpoint: tf.train.Checkpoint, path: str) -> None:
    try:
        status = checkpoint.restore(path)
        status.assert_existing_objects_matched().expect_partial()
    except _DAMAGED as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{path} cannot be restored ({reason}); remove it to go on from the "
            "checkpoint before it."
        ) from error
