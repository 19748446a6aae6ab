from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from t2t_multimodel.layers.experts import MixtureOfExperts
from t2t_multimodel.layers.notes import taken_notes
from t2t_multimodel.layers.randomness import step_seed
from t2t_multimodel.layers.routing import NoisyTopKRouter
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


def quiet_noise(router: NoisyTopKRouter) -> None:
    """No noise for tokens that begin with 1: softplus(-50) is 0."""
    kernel = np.zeros(router.noise_kernel.shape)
    kernel[0] = -50.0
    router.noise_kernel.assign(kernel)


def quiet(*shape: int) -> np.ndarray:
    x = normal(*shape)
    x[..., 0] = 1.0
    return x


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


def slow_reference(layer, x, weight_TK, expert_TK, kept_TK):
    """Every expert on every token, weighted; float64."""
    x, weight_TK, kept_TK = (
        tf.cast(each, "float64") for each in (x, weight_TK, kept_TK)
    )
    w1, b1, w2, b2 = (
        tf.cast(w.value, "float64")
        for w in (
            layer.hidden_kernel,
            layer.hidden_bias,
            layer.output_kernel,
            layer.output_bias,
        )
    )
    y_ETD = tf.nn.relu(x[None] @ w1 + b1) @ w2 + b2
    one_hot_TKE = tf.one_hot(expert_TK, layer.num_experts, dtype="float64")
    return tf.einsum("tk,tke,etd->td", weight_TK * kept_TK, one_hot_TKE, y_ETD)


def kept_by_rule(expert_TK, mask_T, num_experts, limit):
    """Who has a place: best choices first, then earlier tokens."""
    places = [limit] * num_experts
    kept_TK = np.zeros(expert_TK.shape)
    for k in range(expert_TK.shape[1]):
        for t in np.flatnonzero(mask_T):
            if places[expert_TK[t, k]]:
                places[expert_TK[t, k]] -= 1
                kept_TK[t, k] = 1
    return kept_TK


@pytest.mark.parametrize("factor", [0.0, 0.6, 6.0])
def test_values_and_gradients_are_those_of_the_slow_sum(factor):
    layer = experts(6, 2, capacity_factor=factor)
    x = tf.constant(normal(5, 4, 3).reshape(20, 3))
    layer.build((None, None, 3))
    randomise_router(layer.router)
    layer.hidden_bias.assign(normal(6, 1, 5))
    layer.output_bias.assign(normal(6, 1, 3))
    mask = np.ones(20, bool)
    mask[[7, 10, 11, 17]] = False
    upstream = normal(20, 3)
    # 16 tokens count: an equal share is 16 * 2 / 6 = 5.3, times 0.6 = 3.2.
    limit = {0.0: 99, 0.6: 4, 6.0: 32}[factor]
    weights = [w.value for w in layer.trainable_variables]
    seed = ops.convert_to_tensor([5, 6])

    def sparse():
        y = layer(x[None], mask[None], training=True)[0]
        return y, y

    def slow():
        weight_TK, expert_TK, _ = layer.router(x, mask, training=True)
        kept = kept_by_rule(expert_TK.numpy(), mask, 6, limit)
        assert (kept.sum() < 2 * 16) == (factor == 0.6)
        y = slow_reference(layer, x, weight_TK, expert_TK, kept)
        return y, tf.cast(y, "float32")

    results = []
    for function in (sparse, slow):
        with step_seed(seed), tf.GradientTape() as tape:
            tape.watch(x)
            y, value = function()
            loss = tf.reduce_sum(value * upstream)
        results.append([y, *tape.gradient(loss, [x, *weights], None, "zero")])
    for mine, expected in zip(*results, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)


def test_nothing_is_dropped_outside_training():
    layer, limited = experts(), experts(capacity_factor=0.1)
    x = normal(2, 5, 4)
    layer.build(x.shape)
    limited.build(x.shape)
    randomise_router(layer.router)
    limited.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), limited(x))
    with taken_notes() as notes:
        limited(x)
    assert list(notes) == ["test"]


def test_dropped_choices_are_noted_by_hand():
    # Eight tokens, all to expert 0 of four with k = 1, four rows with a factor of 2;
    # two tokens of padding, so three rows for the six that count.
    layer = MixtureOfExperts(4, 1, 5, 0.0, 0.0, "test", capacity_factor=2.0)
    layer.build((None, None, 1))
    layer.router.gate_kernel.assign([[99.0, 0.0, 0.0, 0.0]])
    layer.output_bias.assign(np.ones((4, 1, 1)))
    x = np.ones((1, 8, 1), "float32")
    for mask, dropped in ((None, 4), (np.arange(8)[None] < 6, 3)):
        with taken_notes() as notes:
            y = layer(x, mask, training=True)
        assert float(notes["test/dropped"]) == dropped
        assert float(notes["test"][0]) == 8 if mask is None else 6
        is_zero = ops.convert_to_numpy(y).ravel() == 0
        kept = 8 - dropped if mask is None else 6 - dropped
        np.testing.assert_array_equal(is_zero, np.arange(8) >= kept)


def test_padding_does_not_change_who_is_dropped():
    layer = experts(capacity_factor=0.7)
    x = quiet(1, 6, 4)
    layer.build(x.shape)
    randomise_router(layer.router)
    short, mask = x, np.ones((1, 6), bool)
    padded = np.concatenate([x, quiet(1, 5, 4)], axis=1)
    padded_mask = np.concatenate([mask, np.zeros((1, 5), bool)], axis=1)
    quiet_noise(layer.router)
    with step_seed(ops.convert_to_tensor([1, 2])), taken_notes() as notes:
        expected = layer(short, mask, training=True)
        dropped = float(notes["test/dropped"])
        y = layer(padded, padded_mask, training=True)
        assert float(notes["test/dropped"]) == dropped > 0
    np.testing.assert_allclose(y[:, :6], expected, atol=1e-6)


def test_two_runs_have_the_same_bits():
    layer = experts(16, 4)
    x = tf.constant(normal(4, 32, 8))
    layer.build(x.shape)
    randomise_router(layer.router)
    weights = [w.value for w in layer.trainable_variables]

    @tf.function(autograph=False)
    def step(x):
        with step_seed(tf.constant([7, 8])), tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(y * y) + tf.add_n(layer.losses)
        return [y, *tape.gradient(loss, [x, *weights])]

    first = [value.numpy() for value in step(x)]
    for _ in range(5):
        for value, expected in zip(step(x), first, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_a_capacity_makes_shapes_static_for_xla():
    layer = experts(6, 2, capacity_factor=1.0)
    x = tf.constant(quiet(2, 8, 4))
    mask = np.array([[True] * 8, [True] * 5 + [False] * 3])
    layer.build(x.shape)
    randomise_router(layer.router)
    quiet_noise(layer.router)
    weights = [w.value for w in layer.trainable_variables]

    def step(x):
        with step_seed(tf.constant([7, 8])), tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, mask, training=True)
            loss = tf.reduce_sum(y * y) + tf.add_n(layer.losses)
        return [y, *tape.gradient(loss, [x, *weights])]

    compiled = tf.function(step, autograph=False, jit_compile=True)(x)
    for mine, expected in zip(compiled, step(x), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)
