"""Shares of a batch, and which strategy a name gives."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.strategy import (
    _at_least_one,
    make_strategy,
    replica_share,
)


def batch(size: int) -> dict[str, Any]:
    rows = np.arange(size, dtype=np.int32)[:, None] + 1
    return {
        "inputs": tf.constant(np.tile(rows, [1, 3])),
        "inputs_mask": tf.ones([size, 3], tf.bool),
        "targets": tf.constant(rows[:, 0]),
    }


def shares(size: int, is_static: bool) -> list[tuple[dict[str, Any], float]]:
    """What each of two replicas gets of a batch."""
    strategy = make_strategy("mirrored")
    features = batch(size)
    specs = {
        key: tf.TensorSpec([size if is_static else None, *value.shape[1:]], value.dtype)
        for key, value in features.items()
    }

    @tf.function(input_signature=[specs], autograph=False)
    def cut(features: Any) -> Any:
        return strategy.run(replica_share, args=(features,))

    parts, lives = cut(features)
    local = strategy.experimental_local_results
    return [
        ({key: local(value)[i].numpy() for key, value in parts.items()}, float(live))
        for i, live in enumerate(local(lives))
    ]


@pytest.mark.parametrize(
    ("size", "is_static"), [(6, False), (6, True), (5, False), (5, True), (2, True)]
)
def test_shares_make_up_the_batch(size: int, is_static: bool) -> None:
    cut = shares(size, is_static)
    assert [live for _, live in cut] == [1.0, 1.0]
    for key, value in batch(size).items():
        joined = np.concatenate([part[key] for part, _ in cut])
        np.testing.assert_array_equal(joined, value)
    sizes = [len(part["inputs"]) for part, _ in cut]
    assert max(sizes) - min(sizes) <= 1


def test_a_replica_for_which_nothing_is_left_counts_as_nothing() -> None:
    (first, idle), (second, live) = shares(1, is_static=False)
    assert (idle, live) == (0.0, 1.0)
    np.testing.assert_array_equal(first["inputs"], second["inputs"])


def test_a_worker_without_examples_makes_one_up_that_no_mean_stumbles_over() -> None:
    filled, num_real = _at_least_one(batch(0))
    assert int(num_real) == 0
    assert {key: value.shape.as_list() for key, value in filled.items()} == {
        "inputs": [1, 3],
        "inputs_mask": [1, 3],
        "targets": [1],
    }
    assert filled["inputs_mask"].numpy().all()
    assert not filled["inputs"].numpy().any()
    same, num_real = _at_least_one(batch(2))
    assert int(num_real) == 2
    np.testing.assert_array_equal(same["inputs"], batch(2)["inputs"])


def test_the_strategy_and_why_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "t2t_multimodel"):
        make_strategy("mirrored")
        make_strategy("auto")
    assert [record.getMessage() for record in caplog.records] == [
        "Strategy mirrored (as asked); replicas: 2, processes: 1",
        "Strategy one_device (no accelerators are visible); replicas: 1, processes: 1",
    ]


def test_a_tpu_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ValueError) as error:
        make_strategy("tpu", tpu="local")
    assert str(error.value).startswith("The TPU local cannot be reached (")
    assert "\n" not in str(error.value)
