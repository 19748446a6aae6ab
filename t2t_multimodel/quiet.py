"""Loading TensorFlow without the lines that its libraries write at any log level.

They go straight to the file descriptor of standard error, where they would drown the
one line that a program has to say. And loading it only where something is computed with
it: processes that store text or sound then start at once and stay small.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


def import_tensorflow() -> None:
    """Loads TensorFlow quietly; from then on only its errors are shown."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with no_standard_error():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        tf.config.list_physical_devices()  # looks for devices, and tells of it


class LazyTensorFlow:
    """Stands for the module `tensorflow`, which is loaded when first looked into."""

    def __getattr__(self, name: str) -> Any:
        if "tensorflow" not in sys.modules:
            import_tensorflow()
        value = getattr(sys.modules["tensorflow"], name)
        setattr(self, name, value)
        return value


@contextlib.contextmanager
def no_standard_error() -> Iterator[None]:
    """Nothing that is written to standard error inside appears."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
