"""The benchmark of training counts operations rightly and tells a case's figures."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from t2t_multimodel.models.config import ModelConfig

FILE = Path(__file__).parents[2] / "benchmarks" / "training.py"


def operations(function, *arguments):
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
    count = runpy.run_path(str(FILE))["flops"]
    found = operations(function, *(tf.zeros(shape) for shape in shapes))
    assert sum(count(operation, 1.0) for operation in found) == expected


def test_a_gradient_costs_as_much_as_the_convolution_for_each_of_its_two() -> None:
    count = runpy.run_path(str(FILE))["flops"]
    x, w = tf.zeros((2, 6, 5, 3)), tf.zeros((3, 3, 3, 8))

    def backward(x, w):
        y = tf.nn.conv2d(x, w, 1, "SAME")
        return tf.gradients(y, [x, w])

    found = operations(backward, x, w)
    one = 2 * (2 * 6 * 5 * 8) * (3 * 3 * 3)
    assert sum(count(operation, 1.0) for operation in found) == 3 * one


def test_an_experts_open_dimension_is_what_it_gets_on_average() -> None:
    count = runpy.run_path(str(FILE))["flops"]
    tokens = tf.TensorSpec((5, None, 4))
    found = operations(tf.matmul, tokens, tf.TensorSpec((5, 4, 6)))
    assert sum(count(operation, 2.5) for operation in found) == 2 * 5 * 2.5 * 4 * 6


def test_tokens_an_expert_gets_are_told_by_the_routers_not_by_their_gradients() -> None:
    tokens_an_expert = runpy.run_path(str(FILE))["tokens_an_expert"]
    x, w = tf.zeros((50, 4)), tf.zeros((4, 10))

    def backward(x, w):
        return tf.gradients(tf.matmul(x, w), [x, w])

    config = ModelConfig(num_experts=10, top_k=2)
    found = operations(lambda x, w: (tf.matmul(x, w), backward(x, w)), x, w)
    assert tokens_an_expert(found, config) == 50 * 2 / 10


def test_a_case_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = "depth=16,num_experts=4,expert_hidden_size=8,encoder_blocks=1"
    flags = ("--child=text_tiny_k4", "--rounds=1", f"--hparams={changes}")
    monkeypatch.setattr(sys, "argv", ["training", *flags])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FILE), run_name="__main__")
    assert status.value.code == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["step_s"] > 0
    assert found["target_tokens_per_s"] == pytest.approx(16 * 64 / found["step_s"])
    assert found["losses"][-1] < found["losses"][0]
    # The top alone: forward and both gradients of [1024, 16] x [16, 8192].
    assert found["gflop_per_step"] > 3 * 2 * 1024 * 16 * 8192 / 1e9
