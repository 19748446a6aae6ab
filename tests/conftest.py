"""For all tests: two logical processors, a registry that forgets, no chance.

With two processors mirrored training can be tested. Hypothesis draws the same examples
every time, and keeps no file of them.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import pytest
import tensorflow as tf

from t2t_multimodel import registry

hypothesis.settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None
)
hypothesis.settings.load_profile("repeatable")

_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * 2
)


def _collect_and_freeze() -> None:
    """What is still there stays, and no collection needs to look through it again."""
    gc.collect()
    gc.freeze()


_collect_and_freeze()  # What the imports made.

OpByOp = Callable[[], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def _op_by_op() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def op_by_op() -> OpByOp:
    """A context in which what would be traced runs op by op.

    A few steps of a small model so take a quarter of the time that their graphs take to
    build. It is for what a run leaves behind; steps and whole runs are tested in graphs
    (`test_run.py`, `test_step.py` and `test_loop.py` in tests/training).
    """
    return _op_by_op


@pytest.fixture(scope="module")
def all_op_by_op() -> Iterator[None]:
    """`op_by_op` for a whole file."""
    with _op_by_op():
        yield


@pytest.fixture(autouse=True, scope="module")
def _clean_heap() -> Iterator[None]:
    """In each file collections have as little to look through as in the first one.

    Else they look through what all files before have left (TensorFlow and Keras keep
    much), which took an eighth of the processor's time.
    """
    yield
    _collect_and_freeze()


@pytest.fixture(autouse=True)
def _forgetful_registry() -> Iterator[None]:
    """What a test registers is gone after it; what ships with the package stays."""
    kinds = registry._problems, registry._hparams, registry._experiments
    tables = [kind._factories for kind in kinds]
    others = registry._groups, registry._usr_dirs
    before = [dict(table) for table in (*tables, *others)]
    yield
    shipped = {name for kind in kinds for name in kind._catalogue()}
    for table, old in zip((*tables, *others), before, strict=True):
        kept = {name: table[name] for name in table.keys() & shipped}
        table.clear()
        table.update({**kept, **old})
