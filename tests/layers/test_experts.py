from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.experts import (
    Dispatch,
    MixtureOfExperts,
    NoisyTopKRouter,
    load_probability,
    squared_cv,
)
from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.testing.check_layer import check_layer

RNG = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def experts(num_experts: int = 6, top_k: int = 2, **kwargs: float) -> MixtureOfExperts:
    weights = {"importance_weight": 0.01, "load_weight": 0.01, **kwargs}
    return MixtureOfExperts(num_experts, top_k, 5, layer_path="test", **weights)


def randomise_router(router: NoisyTopKRouter) -> None:
    router.gate_kernel.assign(normal(*router.gate_kernel.shape))
    router.noise_kernel.assign(normal(*router.noise_kernel.shape))


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


@pytest.mark.parametrize("top_k", [1, 2, 6])
def test_sparse_experts_equal_the_dense_sum(top_k):
    layer = experts(6, top_k)
    x = normal(2, 7, 4)
    layer.build(x.shape)
    randomise_router(layer.router)
    layer.hidden_bias.assign(normal(6, 1, 5))
    layer.output_bias.assign(normal(6, 1, 4))
    y = ops.convert_to_numpy(layer(x))

    flat = x.reshape(-1, 4)
    scores = flat @ layer.router.gate_kernel.numpy()
    w1, b1, w2, b2 = (
        w.numpy()
        for w in (
            layer.hidden_kernel,
            layer.hidden_bias,
            layer.output_kernel,
            layer.output_bias,
        )
    )
    expected = np.zeros_like(flat)
    for t, token in enumerate(flat):
        best = np.argsort(-scores[t])[:top_k]
        gates = np.exp(scores[t][best] - scores[t][best].max())
        for gate, e in zip(gates / gates.sum(), best, strict=True):
            hidden = np.maximum(token @ w1[e] + b1[e, 0], 0)
            expected[t] += gate * (hidden @ w2[e] + b2[e, 0])
    np.testing.assert_allclose(y.reshape(-1, 4), expected, rtol=1e-4, atol=1e-4)


def test_an_expert_computes_only_what_is_routed_to_it():
    chosen = np.array([[0, 2], [2, 0], [2, 1], [3, 3]], "int32")[:, :2]
    dispatch = Dispatch(ops.convert_to_tensor(chosen[:3]), 3)
    # Loads 2, 1 and 3: three rows an expert, none for a token that is not its own.
    assert int(dispatch.capacity) == 3
    tokens = ops.convert_to_numpy(dispatch.token_EC)
    np.testing.assert_array_equal(tokens[0, :2], [0, 1])
    np.testing.assert_array_equal(tokens[1, :1], [2])
    np.testing.assert_array_equal(tokens[2], [0, 1, 2])


def test_padding_is_neither_routed_nor_counted():
    layer = experts()
    x = normal(2, 5, 4)
    layer.build(x.shape)
    randomise_router(layer.router)
    mask = np.array([[True] * 5, [True, True, False, False, False]])
    y = ops.convert_to_numpy(layer(x, mask))
    np.testing.assert_array_equal(y[1, 2:], 0)
    other = np.where(mask[..., None], x, normal(2, 5, 4))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(other, mask)), y, atol=1e-6)
    flat, flat_mask = x.reshape(-1, 4), mask.reshape(-1)
    _, _, load = layer.router(flat, flat_mask)
    assert float(ops.sum(load)) == 2 * flat_mask.sum()
    with step_seed(ops.convert_to_tensor([3, 4])):
        layer(x, mask, training=True)
        losses = [float(loss) for loss in layer.losses]
    with step_seed(ops.convert_to_tensor([3, 4])):
        layer(other, mask, training=True)
    np.testing.assert_allclose(losses, [float(loss) for loss in layer.losses], 1e-5)


def test_batch_mates_change_nothing():
    layer = experts()
    x = normal(3, 4, 4)
    layer.build(x.shape)
    randomise_router(layer.router)
    together = ops.convert_to_numpy(layer(x))
    for i in range(3):
        alone = ops.convert_to_numpy(layer(x[i : i + 1]))
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)


def test_training_balances_the_load():
    # A router that sends everything to the first experts learns to spread.
    layer = experts(8, 2, importance_weight=1.0, load_weight=1.0)
    x = normal(16, 8, 6) + 1.0
    layer.build(x.shape)
    bias = np.zeros((6, 8), "float32")
    bias[:, :2] = 0.5
    layer.router.gate_kernel.assign(bias)
    flat = x.reshape(-1, 6)
    before = ops.convert_to_numpy(layer.router(flat)[2])
    import tensorflow as tf

    variables = layer.trainable_variables
    optimizer = keras.optimizers.Adam(0.05)
    optimizer.build(variables)

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape, step_seed(seed):
            layer(x, training=True)
            loss = tf.add_n(layer.losses)
        used = [v for v in variables if "gate" in v.name or "noise" in v.name]
        optimizer.apply(tape.gradient(loss, [v.value for v in used]), used)

    for i in range(60):
        step(tf.constant([9, i]))
    with step_seed(ops.convert_to_tensor([9, 99])):
        after = ops.convert_to_numpy(layer.router(flat, training=True)[2])
    assert before.max() / before.mean() > 3.0
    assert after.max() / after.mean() < 1.7
    assert after.min() > 0


def test_experts_keep_the_rules_of_a_layer():
    mask = np.array([[True] * 4, [True, True, False, False]])
    with step_seed(ops.convert_to_tensor([1, 2])):
        check_layer(
            experts(),
            normal(2, 4, 6),
            mask,
            output_shape=(2, 4, 6),
            call_kwargs={"training": True},
        )


def test_more_choices_than_experts_are_refused():
    with pytest.raises(ValueError, match=r"between 1 and num_experts \(4\), not 5"):
        NoisyTopKRouter(4, 5, 0.0, 0.0, "test")


@pytest.mark.parametrize("tokens", [1, 2, 3, 40])
def test_one_position_of_few_or_many_sequences_gives_the_same(tokens):
    # Six experts, two a token: three tokens and more take the way of `call`.
    layer = experts(6, 2)
    x = normal(tokens, 4)
    layer.build((None, None, 4))
    randomise_router(layer.router)
    layer.hidden_bias.assign(normal(6, 1, 5))
    layer.output_bias.assign(normal(6, 1, 4))
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.step(ops.convert_to_tensor(x))),
        ops.convert_to_numpy(layer(x[None]))[0],
        atol=1e-5,
    )
