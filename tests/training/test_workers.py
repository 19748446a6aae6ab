"""What workers tell each other; here a worker that is alone, and a made-up sum."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.cluster import Cluster, WorkerLostError
from t2t_multimodel.training.listener import Stop
from t2t_multimodel.training.workers import (
    ASK_EVERY,
    Workers,
    lost_workers_named,
)

TWO = Cluster(("chief", "worker[0]"), ("a:1", "b:1"))


def worker_of_two(index: int, other: Workers | None = None) -> Workers:
    """A worker whose sums add what the other one told at the same call."""
    worker = Workers()
    worker.cluster = dataclasses.replace(TWO, index=index)
    told: list[Any] = []

    def add(vector: Any) -> Any:
        told.append(vector)
        others = other.told[len(told) - 1] if other else tf.zeros_like(vector)  # type: ignore[attr-defined]
        return vector + others

    worker._add = add
    worker.told = told  # type: ignore[attr-defined]
    return worker


def test_a_worker_that_is_alone_stops_at_once_and_agrees_with_itself() -> None:
    workers = Workers()
    wish = Stop("SIGTERM")
    assert workers.agreed_stop(1, wish) is wish
    assert workers.agreed_stop(1, None) is None
    workers.agree("the step", 3)
    with workers.chief_first():
        workers.wait_for_all()


def test_a_wish_is_heard_by_all_at_the_same_step_with_who_had_it() -> None:
    second = worker_of_two(1)
    assert second.agreed_stop(ASK_EVERY - 1, Stop("SIGTERM")) is None
    second.agreed_stop(ASK_EVERY, Stop("SIGTERM"))
    first = worker_of_two(0, second)
    assert first.agreed_stop(ASK_EVERY - 1, None) is None
    assert first.agreed_stop(ASK_EVERY, None) == Stop("SIGTERM", origin="worker[0]")


@pytest.mark.parametrize("value", [0, 7, 2**32 - 1, 2**40 + 1])
def test_numbers_arrive_exactly(value: int) -> None:
    second = worker_of_two(1)
    second._told(value)
    first = worker_of_two(0, second)
    assert first._told(5) == [(5, "chief"), (value, "worker[0]")]


def test_numbers_that_differ_are_named_with_the_workers() -> None:
    second = worker_of_two(1)
    second._told(3)
    with pytest.raises(ValueError) as error:
        worker_of_two(0, second).agree("the step to go on from", 5)
    assert str(error.value) == (
        "The workers disagree on the step to go on from: it is 5 at chief and 3 at "
        "worker[0]."
    )


def test_one_bit_of_a_weight_is_a_difference() -> None:
    value = np.ones(4, np.float32)
    second, second_other = worker_of_two(1), worker_of_two(1)
    second._told(zlib.crc32(value.tobytes()))
    value[2] = np.nextafter(value[2], 2)
    second_other._told(zlib.crc32(value.tobytes()))
    first = {"a": tf.Variable(np.ones(4, np.float32))}
    worker_of_two(0, second).agree_on_values("the weights", first)
    with pytest.raises(ValueError, match="disagree on the weights"):
        worker_of_two(0, second_other).agree_on_values("the weights", first)


def test_a_lost_worker_is_one_line_that_says_what_to_do() -> None:
    text = "Graph error\nCollective ops is aborted by: gone\nmore"
    with pytest.raises(WorkerLostError) as error, lost_workers_named(TWO):
        raise tf.errors.UnavailableError(None, None, text)
    assert str(error.value) == (
        "chief lost another worker (gone). Start all workers again with the same "
        "command: they go on from the newest checkpoint."
    )
    with pytest.raises(tf.errors.UnavailableError), lost_workers_named(Cluster()):
        raise tf.errors.UnavailableError(None, None, text)
