"""Operations are counted rightly off a graph."""

from __future__ import annotations

import operations
import pytest
import tensorflow as tf

from t2t_multimodel.models.config import ModelConfig


def found(function, *arguments):
    graph = tf.function(function, autograph=False).get_concrete_function(*arguments)
    return graph.graph.get_operations()


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (tf.matmul, ((3, 4), (4, 5)), 2 * 3 * 4 * 5),
        (lambda a, b: tf.matmul(a, b, True), ((4, 3), (4, 5)), 2 * 3 * 4 * 5),
        (tf.matmul, ((7, 3, 4), (7, 4, 5)), 2 * 7 * 3 * 4 * 5),
        (
            lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"),
            ((2, 6, 5, 3), (3, 1, 3, 8)),
            2 * (2 * 6 * 5 * 8) * (3 * 1 * 3),
        ),
        (
            lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "SAME"),
            ((2, 6, 5, 3), (3, 1, 3, 1)),
            2 * (2 * 6 * 5 * 3) * 3,
        ),
        (lambda x, y: x + y, ((3, 4), (3, 4)), 0),
    ],
)
def test_operations_of_products_and_convolutions(function, shapes, expected) -> None:
    graph = found(function, *(tf.zeros(shape) for shape in shapes))
    assert sum(operations.flops(operation, 1.0) for operation in graph) == expected


def test_a_gradient_costs_as_much_as_the_convolution_for_each_of_its_two() -> None:
    x, w = tf.zeros((2, 6, 5, 3)), tf.zeros((3, 3, 3, 8))

    def backward(x, w):
        y = tf.nn.conv2d(x, w, 1, "SAME")
        return tf.gradients(y, [x, w])

    one = 2 * (2 * 6 * 5 * 8) * (3 * 3 * 3)
    graph = found(backward, x, w)
    assert sum(operations.flops(operation, 1.0) for operation in graph) == 3 * one


def test_an_experts_open_dimension_is_what_it_gets_on_average() -> None:
    tokens = tf.TensorSpec((5, None, 4))
    graph = found(tf.matmul, tokens, tf.TensorSpec((5, 4, 6)))
    counted = sum(operations.flops(operation, 2.5) for operation in graph)
    assert counted == 2 * 5 * 2.5 * 4 * 6


def test_tokens_an_expert_gets_are_told_by_the_routers_alone() -> None:
    x, w = tf.zeros((50, 8)), tf.zeros((8, 10))
    # A pointwise convolution to as many filters as there are experts.
    pixels, filters = tf.zeros((900, 3)), tf.zeros((3, 10))

    def routed(x, w, pixels, filters):
        y = tf.matmul(x, w)
        return y, tf.gradients(y, [x, w]), tf.matmul(pixels, filters)

    config = ModelConfig(depth=8, num_experts=10, top_k=2)
    graph = found(routed, x, w, pixels, filters)
    assert operations.tokens_an_expert(graph, config) == 50 * 2 / 10
