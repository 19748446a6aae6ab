"""Teacher-forced figures of a stand-in whose logits are given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.evaluation.teacher_forced import TeacherForced


@dataclass
class Giver:
    """A view whose logits stand in `inputs`, shifted by the command's number."""

    command_id: int = 0
    signature: str = "given"

    def __call__(self, features: Any, training: bool) -> Any:
        assert not training
        return tf.roll(features["inputs"], features["command"], axis=-1)


def batch(probabilities: Any, targets: Any, mask: Any) -> dict[str, Any]:
    return {
        "inputs": tf.constant(np.log(probabilities), tf.float32),
        "targets": tf.constant(targets, tf.int32),
        "targets_mask": tf.constant(mask),
        "index": tf.constant([0]),
    }


HALF_AND_QUARTERS = [0.25, 0.5, 0.25]
BATCH = batch(
    [[HALF_AND_QUARTERS, HALF_AND_QUARTERS, [0.98, 0.01, 0.01]]],
    [[1, 2, 0]],
    [[True, True, False]],
)


def values(forced: TeacherForced) -> dict[str, float]:
    return {score.name: score.value for score in forced.scores()}


def test_log_perplexity_is_in_nats_a_token_and_padding_does_not_count() -> None:
    forced = TeacherForced()
    forced.add(Giver(), BATCH)
    found = values(forced)
    expected = (math.log(2) + math.log(4)) / 2
    assert found["teacher_forced/log_perplexity"] == pytest.approx(expected, abs=1e-6)
    assert found["teacher_forced/token_accuracy"] == pytest.approx(50.0)


def test_batches_weigh_by_their_tokens() -> None:
    forced = TeacherForced()
    forced.add(Giver(), BATCH)
    forced.add(Giver(), batch([[[0.1, 0.8, 0.1]]], [[1]], [[True]]))
    found = values(forced)
    expected = (math.log(2) + math.log(4) + math.log(1.25)) / 3
    assert found["teacher_forced/log_perplexity"] == pytest.approx(expected, abs=1e-6)
    assert found["teacher_forced/token_accuracy"] == pytest.approx(200 / 3)


def test_a_new_start_forgets_what_was_added() -> None:
    forced = TeacherForced()
    forced.add(Giver(), batch([[[0.1, 0.8, 0.1]]], [[0]], [[True]]))
    forced.start()
    forced.add(Giver(), BATCH)
    assert values(forced)["teacher_forced/token_accuracy"] == pytest.approx(50.0)


def test_views_of_one_signature_keep_their_commands() -> None:
    forced = TeacherForced()
    forced.add(Giver(command_id=0), BATCH)
    forced.start()
    forced.add(Giver(command_id=1), BATCH)
    # Rolled by one, position 0 says class 2 and position 1 is right.
    assert values(forced)["teacher_forced/token_accuracy"] == pytest.approx(50.0)
    assert values(forced)["teacher_forced/log_perplexity"] == pytest.approx(
        (math.log(4) + math.log(2)) / 2, abs=1e-6
    )


def test_each_example_has_sums_of_its_own() -> None:
    two = batch(
        [[HALF_AND_QUARTERS, HALF_AND_QUARTERS], [[0.1, 0.8, 0.1], [1.0, 0.5, 0.5]]],
        [[1, 2], [1, 0]],
        [[True, True], [True, False]],
    )
    expected = [[-math.log(8), 1, 2], [math.log(0.8), 1, 1]]
    assert TeacherForced().add(Giver(), two) == pytest.approx(np.array(expected))
