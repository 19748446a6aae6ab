"""Feeds leave the processor to the model where many of them share it."""

from __future__ import annotations

import os

import pytest
import tensorflow as tf

from t2t_multimodel.training import feeds


@pytest.mark.parametrize(
    ("cores", "streams", "threads"), [(16, 1, 16), (16, 4, 4), (16, 9, 2), (1, 1, 2)]
)
def test_a_stream_has_its_share_of_the_cores_and_two_threads_at_least(
    cores: int, streams: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    options = feeds._modest(tf.data.Dataset.range(3), streams).options()
    assert options.threading.private_threadpool_size == threads
    assert options.deterministic
