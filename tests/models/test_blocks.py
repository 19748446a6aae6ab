"""ConvBlock and the attention block against their formulas, step by step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.positions import add_timing
from t2t_multimodel.models.blocks import AttentionBlock, ConvBlock, ExpertBlock
from t2t_multimodel.models.passes import mean_of_source
from t2t_multimodel.testing.small_model import CONFIG

RNG = np.random.default_rng(5)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def test_conv_block_is_the_papers_four_equations():
    block, x = ConvBlock(CONFIG, "test", causal=False), normal(2, 9, 16)
    h1 = block.step1(x)
    h2 = x + block.step2(h1)
    h3 = block.step3(h2)
    expected = x + block.step4(h3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(block(x)), ops.convert_to_numpy(expected), atol=1e-6
    )
    shapes = [(s.kernel_size[0], s.dilation) for s in (block.step1, block.step2)]
    shapes += [(s.kernel_size[0], s.dilation) for s in (block.step3, block.step4)]
    assert shapes == [(3, 1), (3, 1), (15, 1), (15, 8)]


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_residual_scale_is_the_size_of_what_is_added_at_first(scale):
    config = dataclasses.replace(CONFIG, residual_scale=scale)
    x = normal(4, 50, 16)
    added = ops.convert_to_numpy(ConvBlock(config, "test", causal=False)(x)) - x
    # The last layer norm's output has a root mean square of its gamma.
    assert np.sqrt(np.mean(added**2)) == pytest.approx(scale, rel=0.01)
    experts = ExpertBlock(config, "test").experts.output_kernel
    limit = float(ops.max(ops.abs(ops.convert_to_tensor(experts))))
    assert limit == pytest.approx(
        scale * (3 / config.expert_hidden_size) ** 0.5, rel=0.05
    )


@pytest.mark.parametrize(
    ("causal", "first", "last"),
    # 131 positions: 65 on each side when centred, 130 before when causal.
    [(False, 135, 265), (True, 200, 330)],
)
def test_the_receptive_field_of_a_block_is_131_positions(causal, first, last):
    block = ConvBlock(CONFIG, "test", causal=causal)
    x = normal(1, 400, 16)
    changed = x.copy()
    changed[0, 200] += normal(16)
    difference = ops.convert_to_numpy(block(changed)) - ops.convert_to_numpy(block(x))
    seen = np.flatnonzero(np.abs(difference[0]).max(-1) > 1e-7)
    assert (seen[0], seen[-1]) == (first, last)


def test_a_block_drops_in_training_only():
    block, x = ConvBlock(CONFIG, "test", causal=True), normal(2, 9, 16)
    y = ops.convert_to_numpy(block(x, training=True))
    assert 0 < (y == 0).mean() < 0.3
    assert (ops.convert_to_numpy(block(x)) != 0).all()


def test_attention_block_adds_timing_steps_self_and_source_attention():
    block = AttentionBlock(CONFIG, "test")
    x, source = normal(2, 6, 16), normal(2, 4, 16)
    h = x + block.step2(block.step1(add_timing(ops.convert_to_tensor(x))))
    h = h + block.self_attention(block.self_norm(h), causal=True)
    expected = h + block.source_attention(block.source_norm(h), source)
    np.testing.assert_allclose(
        ops.convert_to_numpy(block(x, source)),
        ops.convert_to_numpy(expected),
        atol=1e-5,
    )
    assert (block.step1.dilation, block.step2.dilation) == (1, 4)


def test_mean_of_source_by_hand():
    source = np.array([[[2.0], [4.0], [90.0]]], "float32")
    mask = np.array([[True, True, False]])
    for given, expected in ((mask, 3), (None, 32)):
        mean = ops.convert_to_numpy(mean_of_source(source, given))
        np.testing.assert_allclose(mean, [[expected]])
