"""Cosines between problems' gradients: right, and without a trace in the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.strategy import make_strategy
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.cosines import GradientCosines, cosine

PARTS = ("embedding", "text_top")


def events(folder: Path) -> dict[tuple[str, int], Any]:
    found = {}
    for file in (folder / "train").glob("events.*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(v.tag, event.step): v.tensor for v in event.summary.value}
    return found


class At:
    """A place in the data."""

    def __init__(self, **positions: int) -> None:
        self.positions = positions


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_gradient_is_that_of_the_next_batch_without_dropout(
    stub_model: Any, streams: Any, batch: Any, tmp_path: Path, strategy: str
) -> None:
    scope = make_strategy(strategy)
    with scope.scope():
        model = stub_model()
    cosines = GradientCosines(1, model, streams, scope, Summaries(tmp_path), PARTS)
    control: Any = At(first=3, second=0, label=1)
    cosines.on_start(9, control)
    found = cosines.gradient("label")
    assert found.keys() == {"embedding"}  # its own top is no part of the body
    plain, features = stub_model(), batch("label", 1)
    with tf.GradientTape() as tape:
        view = plain.view("label")
        loss_sum, weight = view.loss_terms(view(features), features)
        loss = loss_sum / weight
    expected = tape.gradient(loss, plain.embedding.embeddings.value)
    np.testing.assert_allclose(
        found["embedding"],
        tf.reshape(tf.convert_to_tensor(expected), [-1]),
        rtol=1e-5,
        atol=1e-7,
    )


def test_cosines_are_of_the_parts_that_both_use() -> None:
    one = {"encoder": np.array([3.0, 4.0]), "decoder": np.array([100.0])}
    assert cosine(one, one) == pytest.approx(1.0)
    assert cosine(one, {k: -2 * v for k, v in one.items()}) == pytest.approx(-1.0)
    assert cosine(one, {"encoder": np.array([4.0, -3.0])}) == pytest.approx(0.0)
    assert cosine(one, {"encoder": np.array([1.0, 0.0])}) == pytest.approx(0.6)
    assert cosine(one, {"encoder": np.zeros(2)}) == 0.0
    assert cosine(one, {"mixer": np.ones(2)}) == 0.0


def test_the_matrix_is_shown_and_the_run_ends_with_the_same_bits(
    bench: Any, stub_model: Any, streams: Any, tmp_path: Path
) -> None:
    bench.train(tmp_path / "plain", train_steps=7)
    expected = bench.weights
    summaries = Summaries(tmp_path / "watched")

    class Late(GradientCosines):
        """Made when the run has its model."""

        def __init__(self) -> None:
            self.every = 3

        def on_start(self, step: int, control: Any) -> None:
            parts = (bench.model, streams, make_strategy("one_device"), summaries)
            super().__init__(3, *parts, PARTS)
            super().on_start(step, control)

    bench.train(tmp_path / "watched", listeners=(Late(),), train_steps=7)
    for one, other in zip(expected, bench.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    found = events(tmp_path / "watched")
    pairs = ("first/second", "first/label", "second/label")
    for step in (3, 6):
        values = [
            float(tf.make_ndarray(found[f"gradient_cosine/{pair}", step]))
            for pair in pairs
        ]
        assert all(-1 <= value <= 1 for value in values)
        (table,) = found["gradient_cosine/table", step].string_val
        rows = [row.split(" | ") for row in table.decode().splitlines()]
        assert rows[2][2] == rows[3][1] == f"{values[0]:.2f}"
        width, height, png = found["gradient_cosine", step].string_val[:3]
        assert (int(width), int(height)) == (48, 48)
        cells = tf.io.decode_png(png).numpy()[::16, ::16, 0]
        assert cells.diagonal().tolist() == [255, 255, 255]
        assert cells[0, 2] == round(values[1] * 127.5 + 127.5)
