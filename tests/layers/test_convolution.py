from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from t2t_multimodel.layers.convolution import ConvRes, ConvStep, max_pool
from t2t_multimodel.testing.check_layer import check_layer

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def set_kernels(step: ConvStep, taps: list[float], pointwise: np.ndarray) -> None:
    depthwise = np.zeros(step.depthwise_kernel.shape, "float32")
    depthwise[:, 0, :, 0] = np.asarray(taps, "float32")[:, None]
    step.depthwise_kernel.assign(depthwise)
    step.pointwise_kernel.assign(pointwise.astype("float32"))


def layer_norm(x: np.ndarray) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-6)


def test_conv_step_is_relu_depthwise_pointwise_norm_by_hand():
    # Sequence 1, -2, 3 in channel 0 and 2, 4, -6 in channel 1; ReLU makes it
    # (1, 2), (0, 4), (3, 0). Taps (1, 10, 100), centred, give per channel
    # t=0: 10*x0 + 100*x1, t=1: x0 + 10*x1 + 100*x2, t=2: x1 + 10*x2.
    step = ConvStep(2, (3, 1))
    step.build((None, None, 2))
    set_kernels(step, [1, 10, 100], np.array([[1, 0], [1, 2]]))
    x = np.array([[[1, 2], [-2, 4], [3, -6]]], "float32")
    depthwise = np.array([[10, 420], [301, 42], [30, 4]], float)
    pointwise = depthwise @ np.array([[1, 0], [1, 2]])
    np.testing.assert_allclose(pointwise, [[430, 840], [343, 84], [34, 8]])
    np.testing.assert_allclose(
        ops.convert_to_numpy(step(x))[0], layer_norm(pointwise), atol=1e-4
    )


def test_causal_dilated_taps_look_back_by_the_dilation():
    # Taps (1, 10) at dilation 2: y_t = 1 * x_{t-2} + 10 * x_t. Two channels, the
    # second constant zero, pointwise identity; the norm keeps the sign of x_0 - x_1
    # only, so the depthwise part is read directly.
    step = ConvStep(1, (2, 1), dilation=2, causal=True, activate=False)
    step.build((None, None, 1))
    set_kernels(step, [1, 10], np.array([[1]]))
    x = np.array([1, 2, 3, 4, 5], "float32").reshape(1, 5, 1, 1)
    y = ops.convert_to_numpy(step._depthwise(ops.convert_to_tensor(x))).ravel()
    np.testing.assert_allclose(y, [10, 20, 31, 42, 53])


@pytest.mark.parametrize("length", [1, 7, 8, 19])
def test_folding_equals_a_dilated_convolution_tap_by_tap(length):
    step = ConvStep(3, (15, 1), dilation=8)
    step.build((None, None, 3))
    x = normal(2, length, 1, 3)
    kernel = step.depthwise_kernel.numpy()[:, 0, :, 0]
    expected = np.zeros((2, length, 3))
    for t in range(length):
        for tap in range(15):
            source = t + (tap - 7) * 8
            if 0 <= source < length:
                expected[:, t] += x[:, source, 0] * kernel[tap]
    y = ops.convert_to_numpy(step._depthwise(ops.convert_to_tensor(x)))[:, :, 0]
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 4])
def test_a_causal_step_does_not_see_the_future(dilation):
    step = ConvStep(8, (5, 1), dilation=dilation, causal=True)
    x = normal(1, 12, 4)
    changed = x.copy()
    changed[:, 7:] = normal(1, 5, 4)
    before, after = (ops.convert_to_numpy(step(v)) for v in (x, changed))
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    assert np.abs(before[:, 7:] - after[:, 7:]).max() > 1e-3


@pytest.mark.parametrize(
    "layer",
    [
        ConvStep(6, (15, 1), dilation=8),
        ConvStep(6, (3, 3), (2, 2)),
        ConvRes(6, (3, 3), (2, 1)),
        ConvRes(6, (3, 1), (2, 1), activate=False),
    ],
)
@pytest.mark.parametrize("length", [9, 10])
def test_padding_changes_nothing(layer, length):
    width = 1 if layer.kernel_size[1] == 1 else 5
    x = normal(2, length, width, 4)
    padded = np.concatenate([x, normal(2, 7, width, 4)], axis=1)
    mask = np.arange(length + 7)[None].repeat(2, 0) < length
    alone = ops.convert_to_numpy(layer(x, np.ones((2, length), bool)))
    among = ops.convert_to_numpy(layer(padded, mask))
    np.testing.assert_allclose(alone, among[:, : alone.shape[1]], atol=1e-5)


def test_max_pool_by_hand():
    x = np.array([1, 5, 2, -3, -4], "float32").reshape(1, 5, 1, 1)
    mask = np.array([[True, True, True, True, False]])
    y = ops.convert_to_numpy(max_pool(x, (3, 1), (2, 1), mask)).ravel()
    # Windows (-, 1, 5), (5, 2, -3), (-3, [-4], -): what is masked never wins.
    np.testing.assert_allclose(y, [5, 5, -3])


def test_conv_res_is_pool_of_two_steps_plus_skip():
    layer = ConvRes(4)
    x = normal(2, 6, 6, 3)
    y = ops.convert_to_numpy(layer(x))
    inner = layer.step2(layer.step1(ops.convert_to_tensor(x)))
    expected = ops.convert_to_numpy(max_pool(inner, (3, 3), (2, 2), None))
    expected = expected + ops.convert_to_numpy(layer.skip(x))
    np.testing.assert_allclose(y, expected, atol=1e-6)
    assert y.shape == (2, 3, 3, 4)


def test_conv_step_keeps_the_rules_of_a_layer():
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    check_layer(
        ConvStep(6, (3, 1), dilation=4, causal=True),
        normal(2, 5, 4),
        mask,
        output_shape=(2, 5, 6),
    )


def test_conv_res_keeps_the_rules_of_a_layer():
    check_layer(ConvRes(6), normal(2, 5, 7, 4), None, output_shape=(2, 3, 4, 6))


def test_unequal_strides_need_a_1x1_window():
    with pytest.raises(ValueError, match="needs kernel_size"):
        ConvStep(4, (3, 3), (2, 1))


def test_a_multiplier_filters_each_channel_with_several_windows():
    step = ConvStep(6, (3, 3), (2, 2), activate=False, multiplier=4)
    check_layer(step, normal(2, 5, 7, 3), None, output_shape=(2, 3, 4, 6))
    assert step.depthwise_kernel.shape == (3, 3, 3, 4)
    with pytest.raises(ValueError, match="a multiplier needs a window"):
        ConvStep(6, (3, 1), dilation=4, multiplier=2)


@pytest.mark.parametrize("dilation", [1, 4])
def test_one_position_at_a_time_gives_the_causal_convolution(dilation):
    step = ConvStep(8, (5, 1), dilation=dilation, causal=True)
    x = normal(2, 23, 4)
    whole = ops.convert_to_numpy(step(x))
    past = {
        turn: np.zeros((2, *shape[1:]), "float32")
        for turn, shape in step.past_shape().items()
    }
    assert len(past) == dilation
    for position in range(23):
        y, past = step.step(ops.convert_to_tensor(x[:, position]), past)
        np.testing.assert_allclose(
            ops.convert_to_numpy(y), whole[:, position], atol=1e-5
        )
    # Remembered is what the ReLU let through, for each turn the oldest first.
    for turn in range(dilation):
        seen = np.maximum(x[:, 23 - 4 * dilation + turn :: dilation], 0)
        np.testing.assert_array_equal(ops.convert_to_numpy(past[f"turn{turn}"]), seen)


def test_a_step_that_sees_the_future_cannot_go_one_by_one():
    step = ConvStep(4, (3, 1), name="centred")
    step.build((None, None, 4))
    with pytest.raises(ValueError, match="centred is no causal step"):
        step.past_shape()
