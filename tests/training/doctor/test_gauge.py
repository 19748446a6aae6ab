"""What is held is seen, and so is what was held in between."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.doctor.gauge import (
    AllocatorGauge,
    ProcessGauge,
    computing_device,
    device_limit,
    gauge_of,
)

MB = 10**6


def test_the_allocator_counts_what_is_held_and_what_was() -> None:
    gauge = gauge_of("CPU:0")
    if not isinstance(gauge, AllocatorGauge):
        pytest.skip("this TensorFlow's allocator tells nothing")
    gauge.reset()
    before = gauge.current()
    value = tf.zeros([5 * MB])
    # It counts whole pieces, which are at most twice as large as what is asked for.
    assert 20 * MB <= gauge.current() - before <= 40 * MB
    del value
    assert gauge.current() - before < MB
    assert gauge.peak() - before >= 20 * MB
    gauge.reset()
    assert gauge.peak() - before < MB


def test_the_process_counts_likewise() -> None:
    gauge = ProcessGauge()
    gauge.reset()
    before = gauge.peak()
    value = np.ones([100 * MB], np.uint8)
    assert gauge.peak() - before > 90 * MB
    del value
    gauge.reset()
    assert gauge.peak() - before < 50 * MB


def test_the_host_computes_here_and_has_no_limit_of_its_own() -> None:
    assert computing_device() == "CPU:0"
    assert device_limit("CPU:0") is None
