"""What a run saves: the weights, Adam's moments, the moving average, the step, a state.

The state is a small dict of plain values, such as the position in every problem's data.
Nothing else has to be saved: the data's order, dropout and the learning rate are
functions of the seed and the step. The files are TensorFlow checkpoints, so
that `tf.train.load_checkpoint(tf.train.latest_checkpoint(output_dir))` reads them;
`checkpoint_files` says how they come into being and are kept.

Keys are `weights/PART/NUMBER`, with the parts of the model by name (encoder, text_top,
...) and each part's weights in their order, so that a model with one more problem keeps
the keys of the other parts. Keras's own object graph is not used: it leaves out layers
that a layer keeps in a list or a dict.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow as tf

from t2t_multimodel.training import checkpoint_files as files
from t2t_multimodel.training.averaging import WeightAverage
from t2t_multimodel.training.background import Background
from t2t_multimodel.training.checkpoint_choice import newest_regular, newest_whole
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.tensor_file import TensorFile, write_tensors

_log = logging.getLogger(__name__)


class Checkpoints:
    """Saves and restores one run's state; entered while the run trains.

    Saving copies everything to the host's memory; a thread writes it while training
    goes on, one checkpoint at a time. Leaving waits for it.

    Args:
        output_dir: The run's folder.
        model: The `MultiModel`, all of whose weights exist.
        optimizer: Its optimizer.
        average: Its moving average, or None.
        keep: How many checkpoints stay, the newest; older ones are deleted.
        keep_every: The first one of every so many steps stays for ever; 0: none does.
        is_chief: Whether this is the process of the job that writes; others only read.

    Attributes:
        variables: All that is saved, but for the step and the state, by key.
    """

    def __init__(
        self,
        output_dir: Path,
        model: Any,
        optimizer: Adam,
        average: WeightAverage | None,
        keep: int,
        keep_every: int = 0,
        is_chief: bool = True,
    ) -> None:
        self._output_dir = output_dir
        self._is_chief = is_chief
        self._keep, self._keep_every = keep, keep_every
        self.variables = {
            **_keyed("weights", _weights(model)),
            **_keyed("adam_mean", _by_part(model, optimizer.mean)),
            **_keyed("adam_square", _by_part(model, optimizer.square)),
            "adam_updates": optimizer.updates,
        }
        if average is not None:
            self.variables |= _keyed("average", _by_part(model, average.average))
        self._writing = Background()

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait() if error is None else self._writing.settle()

    def save(self, step: int, state: Mapping[str, Any]) -> str:
        """Saves everything as it is after `step` steps.

        Returns when all is copied, before it is written; but waits for the checkpoint
        before, if that one is still being written.

        Args:
            step: Steps taken in all.
            state: Plain values that JSON can hold, a few for each problem at most.

        Returns:
            The path where the checkpoint will be.

        Raises:
            OSError: The one before could not be written. Those on the disk remain.
        """
        path = str(self._output_dir / f"{files.NAME}-{step}")
        if not self._is_chief:
            return path
        self.wait()
        tensors = _counted(step) | {"state": tf.constant(json.dumps(state))}
        for key, variable in self.variables.items():
            tensors[key] = _copy(variable)
        self._writing.start(lambda: self._write(step, tensors))
        return path

    def check(self) -> None:
        """Raises `OSError` if the last checkpoint could not be written; never waits."""
        self._writing.check()

    def wait(self) -> None:
        """Waits until the last checkpoint is on the disk; raises as `check`."""
        self._writing.wait()

    def restore(self, every: int = 1) -> tuple[int, dict[str, Any]]:
        """Restores the newest checkpoint that is whole and removes rests of others.

        A damaged one that is newer is named in a warning and moved to the folder
        `damaged`.

        Args:
            every: Only those of a multiple of so many steps count, if there is one.

        Returns:
            Its step and the state saved with it: 0 and nothing if there is no
            checkpoint, and no state from one that was made before there were any.

        Raises:
            ValueError: All checkpoints are damaged, or the newest whole one holds
                another model.
        """
        self.wait()
        path, damaged = newest_whole(self._output_dir)
        for other, reason in damaged.items() if self._is_chief else ():
            _log.warning(
                "%s is damaged (%s): moved to %s; going on from %s.",
                other,
                reason,
                files.set_aside(other),
                Path(path).name,
            )
        if self._is_chief:
            files.tidy(self._output_dir)
        if not path:
            return 0, {}
        if every > 1:
            path = newest_regular(self._output_dir, every) or path
        saved = TensorFile(path)
        _assign(saved, self.variables, path)
        state = json.loads(saved.read("state")) if "state" in saved else {}
        return int(saved.read("step")), state

    def _write(self, step: int, tensors: Mapping[str, Any]) -> None:
        _write(self._output_dir, step, tensors, self._keep, self._keep_every)


def restore_weights(path: str, model: Any, averaged: bool) -> int:
    """Puts a checkpoint's weights into a model, for evaluation; its step.

    Args:
        path: The checkpoint, as `find_checkpoint` gave it.
        model: A `MultiModel` like the one saved.
        averaged: Whether the moving average replaces the last weights.

    Raises:
        ValueError: The checkpoint is damaged or holds another model.
    """
    saved = TensorFile(path)
    variables = _keyed("weights", _weights(model))
    if averaged:
        trained = [weight.value for weight in model.trainable_variables]
        average = _keyed("average", _by_part(model, trained))
        for key in average:
            del variables[key.replace("average/", "weights/", 1)]
        variables |= average
    _assign(saved, variables, path)
    return int(saved.read("step"))


def save_weights(folder: Path, model: Any, step: int, averaged: bool) -> str:
    """Saves a model's weights alone, for `restore_weights`; the checkpoint's path.

    Args:
        folder: Where to; the checkpoint is named by its step and becomes the newest.
        model: A `MultiModel`.
        step: The steps that the weights have seen.
        averaged: Whether they also stand as the moving average.
    """
    variables = _keyed("weights", _weights(model))
    if averaged:
        trained = [weight.value for weight in model.trainable_variables]
        variables |= _keyed("average", _by_part(model, trained))
    tensors = {key: tf.convert_to_tensor(value) for key, value in variables.items()}
    return _write(folder, step, _counted(step) | tensors, keep=1)


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


def _weights(model: Any) -> dict[str, list[Any]]:
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


def _keyed(group: str, parts: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Values by part under the keys of a checkpoint."""
    return {
        f"{group}/{name}/{number}": value
        for name, own in parts.items()
        for number, value in enumerate(own)
    }


def _counted(step: int) -> dict[str, Any]:
    return {"step": tf.constant(step, tf.int64)}


def _copy(variable: Any) -> Any:
    """A variable's value in the host's memory, which later updates do not change."""
    with tf.device("CPU:0"):
        return tf.raw_ops.DeepCopy(x=tf.convert_to_tensor(variable))


def _assign(saved: TensorFile, variables: Mapping[str, Any], path: str) -> None:
    """Sets variables to what was saved under their keys: all of them, or none."""
    for key, variable in variables.items():
        shape = tuple(variable.shape)
        if key not in saved or saved.shape(key) != shape:
            held = f"shape {saved.shape(key)}" if key in saved else "nothing"
            raise ValueError(
                f"{path} holds another model: {held} as {key}, not shape {shape}."
            )
    for key, variable in variables.items():
        variable.assign(saved.read(key))


def _write(
    folder: Path,
    step: int,
    tensors: Mapping[str, Any],
    keep: int,
    keep_every: int = 0,
) -> str:
    """Writes a checkpoint, which appears when it is whole, and deletes old ones.

    Raises:
        OSError: It could not be written, for want of space for example.
    """
    try:
        path = files.start_saving(folder, step)
        write_tensors(path, tensors)
        files.write_manifest(path)
        path = files.finish_saving(folder, path)
        files.prune(folder, keep, keep_every)
    except (OSError, tf.errors.OpError) as error:
        files.tidy(folder)
        raise OSError(
            f"the checkpoint of step {step} could not be written into {folder}: "
            f"{_reason(error)}. Those before it are whole; once there is room, "
            "the same command goes on from the newest."
        ) from error
    return path


def _reason(error: Exception) -> str:
    """What an error says, without TensorFlow's names of operations."""
    text = re.sub(r"{{.*?}} *| *\[Op:\w+\]", "", str(error))
    return text.strip().splitlines()[0]
