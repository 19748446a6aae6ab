"""The noisy top-k router: gates, noise and balancing losses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.layers.routing import (
    NoisyTopKRouter,
    load_probability,
    squared_cv,
)

RNG = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def test_gates_are_a_softmax_of_the_best_k_by_hand():
    router = NoisyTopKRouter(3, 2, 0.0, 0.0, "test")
    router.build((None, 2))
    router.gate_kernel.assign([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    # x = (1, 1) scores (1, 2, 3): experts 2 and 1 with softmax(3, 2).
    weight, expert, load = router(np.array([[1.0, 1.0]], "float32"))
    best = 1 / (1 + math.exp(-1))
    np.testing.assert_array_equal(ops.convert_to_numpy(expert), [[2, 1]])
    np.testing.assert_allclose(ops.convert_to_numpy(weight), [[best, 1 - best]], 1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(load), [0, 1, 1])


def test_squared_cv_by_hand():
    # Mean 2, variance 1 of (1, 3): CV^2 = 1 / 4. Equal loads: 0.
    assert float(squared_cv(ops.convert_to_tensor([1.0, 3.0]))) == pytest.approx(0.25)
    assert float(squared_cv(ops.convert_to_tensor([2.0, 2.0]))) == 0.0
    assert float(squared_cv(ops.convert_to_tensor([0.0, 0.0]))) == 0.0


def test_load_probability_by_hand():
    # Scores (3, 2, 1), k = 1, noise of 2. Expert 0 must beat the best other (2),
    # experts 1 and 2 must beat 3: Phi of (1/2, -1/2, -1).
    scores = np.array([[3.0, 2.0, 1.0]], "float32")
    probability = load_probability(
        scores, scores, np.full((1, 3), 2.0, "float32"), scores[:, :2], 1
    )

    def phi(z: float) -> float:
        return 0.5 * (1 + math.erf(z / math.sqrt(2)))

    np.testing.assert_allclose(
        ops.convert_to_numpy(probability), [[phi(0.5), phi(-0.5), phi(-1.0)]], 1e-5
    )


def test_balancing_losses_by_hand():
    # Four tokens, all to expert 0 of two with k = 1: importance (4, 0) has
    # CV^2 = 1. No noise drawn would matter: the scores are 40 apart.
    router = NoisyTopKRouter(2, 1, 0.5, 0.25, "test")
    router.build((None, 1))
    router.gate_kernel.assign([[40.0, 0.0]])
    router(np.ones((4, 1), "float32"), training=True)
    importance, load = (float(loss) for loss in router.losses)
    assert importance == pytest.approx(0.5)
    assert load == pytest.approx(0.25)


def test_noise_is_drawn_in_training_only():
    router = NoisyTopKRouter(8, 2, 0.01, 0.01, "test")
    x = normal(64, 4)
    choices = [ops.convert_to_numpy(router(x)[1]) for _ in range(2)]
    np.testing.assert_array_equal(*choices)
    assert not router.losses
    with step_seed(ops.convert_to_tensor([1, 1])):
        noisy = ops.convert_to_numpy(router(x, training=True)[1])
    assert (noisy != choices[0]).any()
    assert len(router.losses) == 2


def test_more_choices_than_experts_are_refused():
    with pytest.raises(ValueError, match=r"between 1 and num_experts \(4\), not 5"):
        NoisyTopKRouter(4, 5, 0.0, 0.0, "test")
