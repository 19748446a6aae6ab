from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.randomness import Dropout, step_seed

X = np.ones((50, 40), "float32")


def dropped(layer: Dropout, seed: list[int]) -> np.ndarray:
    with step_seed(ops.convert_to_tensor(seed)):
        return ops.convert_to_numpy(layer(X, training=True))


def test_draws_are_a_function_of_the_step_seed():
    layer = Dropout(0.5, "a")
    first = dropped(layer, [1, 2])
    dropped(layer, [1, 3])
    np.testing.assert_array_equal(first, dropped(layer, [1, 2]))
    assert (first != dropped(layer, [1, 3])).any()
    assert (first != dropped(layer, [2, 2])).any()


def test_layers_draw_differently_and_rebuilt_ones_alike():
    first = dropped(Dropout(0.5, "a"), [1, 2])
    np.testing.assert_array_equal(first, dropped(Dropout(0.5, "a"), [1, 2]))
    assert (first != dropped(Dropout(0.5, "b"), [1, 2])).any()


def test_dropout_keeps_the_mean_and_the_share():
    y = dropped(Dropout(0.25, "a"), [5, 6])
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75], rtol=1e-6)
    assert abs((y == 0).mean() - 0.25) < 0.03


def test_without_a_step_seed_every_draw_differs():
    layer = Dropout(0.5, "a")
    one, two = (ops.convert_to_numpy(layer(X, training=True)) for _ in range(2))
    assert (one != two).any()


def test_inference_and_rate_zero_change_nothing():
    for layer, training in ((Dropout(0.5, "a"), False), (Dropout(0.0, "a"), True)):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(layer(X, training=training)), X
        )


def test_a_rate_of_one_is_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\), not 1"):
        Dropout(1.0, "a")
