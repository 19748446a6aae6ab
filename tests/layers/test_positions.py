from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.positions import add_timing, timing_signal


def test_timing_is_the_formula_by_hand():
    # depth 4: rates 1e4^0 = 1 and 1e4^(-2/4) = 0.01.
    signal = ops.convert_to_numpy(timing_signal(3, 4))
    for t in range(3):
        expected = [math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)]
        np.testing.assert_allclose(signal[t], expected, atol=1e-6)


def test_adding_timing_to_zeros_gives_timing():
    x = np.zeros((2, 5, 6), "float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(add_timing(x))[1],
        ops.convert_to_numpy(timing_signal(5, 6)),
    )


def test_an_odd_depth_is_refused():
    with pytest.raises(ValueError, match="even depth, not 5"):
        timing_signal(3, 5)
