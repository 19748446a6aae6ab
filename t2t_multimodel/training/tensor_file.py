"""Named tensors in TensorFlow's checkpoint format, without its graph of objects.

The names are those that `tf.train.Checkpoint` would give, so `tf.train.load_checkpoint`
reads them, and what an earlier version of this project saved through it is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_multimodel.training.checkpoint_files import DamagedCheckpointError

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"

# TensorFlow reports a damaged file in all of these ways.
_DAMAGED = (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError)


def write_tensors(path: str, tensors: Mapping[str, Any]) -> None:
    """Writes `path.index` and `path.data-00000-of-00001`."""
    with tf.device("CPU:0"):
        tf.raw_ops.SaveV2(
            prefix=path,
            tensor_names=[_escaped(name) + _SUFFIX for name in tensors],
            shape_and_slices=[""] * len(tensors),
            tensors=list(tensors.values()),
        )


class TensorFile:
    """Reads what `write_tensors` wrote.

    Args:
        path: The checkpoint.

    Raises:
        DamagedCheckpointError: TensorFlow cannot read its index.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._reader = tf.train.load_checkpoint(path)
            shapes = self._reader.get_variable_to_shape_map()
        except _DAMAGED as error:
            raise _damaged(path, error) from error
        self._shapes = {
            name: tuple(shape)
            for name, shape in shapes.items()
            if name.endswith(_SUFFIX)
        }

    def __contains__(self, name: str) -> bool:
        return _escaped(name) + _SUFFIX in self._shapes

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self._shapes[_escaped(name) + _SUFFIX]

    def read(self, name: str) -> Any:
        """A tensor's value, as NumPy has it.

        Raises:
            DamagedCheckpointError: Its bytes do not have their checksum.
        """
        return self._read(_escaped(name) + _SUFFIX)

    def check(self) -> None:
        """Reads everything.

        Raises:
            DamagedCheckpointError: As in `read`.
        """
        for name in self._shapes:
            self._read(name)

    def _read(self, name: str) -> Any:
        try:
            return self._reader.get_tensor(name)
        except _DAMAGED as error:
            raise _damaged(self._path, error) from error


def _escaped(name: str) -> str:
    """A name as TensorFlow spells it; a slash separates its parts."""
    return name.replace(".", "..")


def _damaged(path: str, error: Exception) -> DamagedCheckpointError:
    reason = str(error).strip().splitlines()[0].replace(str(Path(path).parent), "")
    return DamagedCheckpointError(f"TensorFlow reads: {reason}")
