"""How many processor cores share an operation while a model decodes."""

from __future__ import annotations

import contextlib

# One position of a small model is so little work that to share it out costs more than
# it saves: multimodel_tiny decodes 1.2 to 2 times as fast with one core.
SMALL_DEPTH = 128


def cores_to_decode(depth: int, asked: int | None = None) -> int:
    """Cores for a model of this depth; 0: as many as TensorFlow takes.

    Args:
        depth: The width of the model's body.
        asked: What the user wants, if anything.
    """
    if asked is not None:
        return asked
    return 1 if depth <= SMALL_DEPTH else 0


def use_cores(cores: int) -> None:
    """Lets TensorFlow share an operation out over so many cores; 0: over all."""
    import tensorflow as tf

    # A process in which it has computed already keeps what it has.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(cores)
