from __future__ import annotations

import numpy as np
import pytest
from keras import ops

import t2t_multimodel.layers.attention as attention_module
from t2t_multimodel.layers.attention import RECENT, MultiHeadAttention
from t2t_multimodel.testing.check_layer import check_layer

RNG = np.random.default_rng(1)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def attention(heads: int = 2) -> MultiHeadAttention:
    return MultiHeadAttention(heads, 0.0, "test")


def test_one_head_by_hand():
    # Depth 2, identity maps. Query (1, 0) scores keys (1, 0) and (0, 1) with
    # 1/sqrt(2) and 0; the values are ten times the source.
    layer = attention(1)
    layer.build((None, None, 2))
    layer.query_kernel.assign(np.eye(2))
    layer.key_value_kernel.assign(np.concatenate([np.eye(2), 10 * np.eye(2)], 1))
    layer.output_kernel.assign(np.eye(2))
    source = np.array([[[1, 0], [0, 1]]], "float32")
    y = ops.convert_to_numpy(layer(np.array([[[1, 0]]], "float32"), source))
    first = np.exp(2**-0.5) / (np.exp(2**-0.5) + 1)
    np.testing.assert_allclose(y, [[[10 * first, 10 * (1 - first)]]], rtol=1e-5)


def test_causal_attention_does_not_see_the_future():
    layer, x = attention(), normal(1, 6, 8)
    changed = x.copy()
    changed[:, 4:] = normal(1, 2, 8)
    before = ops.convert_to_numpy(layer(x, causal=True))
    after = ops.convert_to_numpy(layer(changed, causal=True))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


def test_source_padding_changes_nothing():
    layer, x, source = attention(), normal(2, 3, 8), normal(2, 5, 8)
    padded = np.concatenate([source, normal(2, 4, 8)], axis=1)
    mask = np.arange(9)[None].repeat(2, 0) < 5
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x, source)),
        ops.convert_to_numpy(layer(x, padded, mask)),
        atol=1e-6,
    )


def test_attention_keeps_the_rules_of_a_layer():
    mask = np.array([[True] * 4, [True, True, False, False]])
    check_layer(
        attention(), normal(2, 3, 8), normal(2, 4, 8), mask, output_shape=(2, 3, 8)
    )


def test_heads_must_divide_the_depth():
    with pytest.raises(ValueError, match=r"depth \(6\) must be a multiple"):
        attention(4).build((None, None, 6))


def test_attention_over_a_source_cannot_be_causal():
    with pytest.raises(ValueError, match="cannot be causal"):
        attention()(normal(1, 2, 8), normal(1, 2, 8), causal=True)


@pytest.mark.parametrize("few", [0, 100, attention_module.FEW])
def test_one_position_at_a_time_gives_causal_self_attention(few, monkeypatch):
    monkeypatch.setattr(attention_module, "FEW", few)
    layer, x = attention(), normal(2, 2 * RECENT + 3, 8)
    whole = ops.convert_to_numpy(layer(x, causal=True))
    past = {
        name: np.zeros((2, *(size or 0 for size in shape[1:])), "float32")
        for name, shape in layer.past_shape().items()
    }
    for position in range(x.shape[1]):
        y, past = layer.step(ops.convert_to_tensor(x[:, position]), past)
        np.testing.assert_allclose(
            ops.convert_to_numpy(y), whole[:, position], atol=1e-5
        )
    assert past["key"].shape == (2, 2, 4, 2 * RECENT)
    assert past["recent_key"].shape == (2, 2, 4, 3)
    assert past["value"].shape == (2, 2, 2 * RECENT, 4)


@pytest.mark.parametrize("few", [0, attention_module.FEW])
def test_a_position_of_several_targets_looks_at_each_ones_own_source(few, monkeypatch):
    monkeypatch.setattr(attention_module, "FEW", few)
    layer, x, source = attention(), normal(6, 8), normal(2, 5, 8)
    mask = np.arange(5) < np.array([[5], [3]])
    layer.build(source.shape)
    found = layer.step_over(
        ops.convert_to_tensor(x), layer.read(ops.convert_to_tensor(source)), mask
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(found).reshape(2, 3, 8),
        ops.convert_to_numpy(layer(x.reshape(2, 3, 8), source, mask)),
        atol=1e-5,
    )
