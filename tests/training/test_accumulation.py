"""A step on several batches: the mean of their gradients, in one update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.accumulation import AccumulatedStep
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy

NAMES = ("first", "second", "label")


class Bench:
    """A model, its optimizer and a step of k batches; k = 1: a plain step."""

    def __init__(
        self,
        stub_model: Any,
        batch: Any,
        k: int,
        strategy: str,
        dropout: float = 0.0,
        **config: Any,
    ) -> None:
        scope = make_strategy(strategy)
        with scope.scope():
            self.model = stub_model(dropout=dropout)
            weights = self.model.trainable_variables
            self.adam = Adam(weights, TrainingConfig(**config))
        specs = {
            name: {
                key: tf.TensorSpec([None] * value.ndim, value.dtype)
                for key, value in batch(name, 0).items()
            }
            for name in NAMES
        }
        parts = (self.model, self.adam, scope, specs, 3)
        self.step = TrainStep(*parts) if k == 1 else AccumulatedStep(*parts, k)

    @property
    def weights(self) -> list[np.ndarray]:
        return [weight.numpy() for weight in self.model.trainable_variables]

    def used(self, name: str) -> list[bool]:
        ids = {id(weight) for weight in self.model.view(name).trainable_variables}
        if name == "label":  # has no command
            ids.discard(id(self.model.commands))
        return [id(weight) in ids for weight in self.model.trainable_variables]


def full(batch: Any, problem: str, number: int) -> dict[str, Any]:
    """A batch all of whose targets count, always as many."""
    features = batch(problem, 2 * number)
    if "targets_mask" in features:
        ones = np.ones_like(features["targets_mask"])
        features |= {"targets": features["inputs"], "targets_mask": ones}
    return dict(features)


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_batches_of_one_problem_are_one_big_batch(
    stub_model: Any, batch: Any, strategy: str
) -> None:
    split = Bench(stub_model, batch, 3, strategy)
    whole = Bench(stub_model, batch, 1, "one_device")
    for step in range(3):
        parts = [full(batch, "first", 3 * step + turn) for turn in range(3)]
        results = split.step.update(step, 0.1, [("first", part) for part in parts])
        big = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        (result,) = whole.step.update(step, 0.1, [("first", big)])
        losses = [float(part.loss) for part in results]
        assert float(result.loss) == pytest.approx(np.mean(losses), rel=1e-5)
        norms = [float(part.gradient_norm) for part in results]
        assert norms == pytest.approx([float(result.gradient_norm)] * 3, rel=1e-5)
        assert sum(float(part.examples) for part in results) == float(result.examples)
    for a, b in zip(split.weights, whole.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert split.adam.updates.numpy().tolist() == whole.adam.updates.numpy().tolist()


def test_the_update_goes_along_the_mean_of_the_batches_gradients(
    stub_model: Any, batch: Any
) -> None:
    """Batches of three problems, with different numbers of targets."""
    config = {"adam_beta1": 0.0, "clip_norm": 0.0}
    chosen = [(name, batch(name, number)) for number, name in enumerate(NAMES)]
    sums: list[Any] = [0.0] * len(stub_model().trainable_variables)
    for name, features in chosen:
        alone = Bench(stub_model, batch, 1, "one_device", **config)
        alone.step.update(0, 0.0, [(name, features)])
        # With a beta1 of 0 Adam's mean is the last gradient.
        sums = [total + mean for total, mean in zip(sums, alone.adam.mean, strict=True)]
    joint = Bench(stub_model, batch, 3, "one_device", **config)
    joint.step.update(0, 0.0, chosen)
    for total, mean in zip(sums, joint.adam.mean, strict=True):
        np.testing.assert_allclose(mean, total / 3, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_weights_that_no_batch_used_stay_as_they_are(
    stub_model: Any, batch: Any, strategy: str
) -> None:
    bench = Bench(stub_model, batch, 2, strategy)
    bench.step.update(0, 0.1, [(name, batch(name, 1)) for name in ("first", "label")])
    assert bench.adam.updates.numpy().tolist() == [1] * len(bench.weights)
    before, moments = bench.weights, [mean.numpy() for mean in bench.adam.mean]
    bench.step.update(1, 0.1, [("label", batch("label", n)) for n in range(2)])
    used = bench.used("label")
    assert bench.adam.updates.numpy().tolist() == [1 + own for own in used]
    for own, old, new, moment, mean in zip(
        used, before, bench.weights, moments, bench.adam.mean, strict=True
    ):
        assert np.array_equal(old, new) != own
        assert np.array_equal(moment, mean) != own


def test_two_replicas_update_like_one(stub_model: Any, batch: Any) -> None:
    """Uneven batches too, and one that leaves a replica without an example."""
    one, two = (
        Bench(stub_model, batch, 3, strategy) for strategy in ("one_device", "mirrored")
    )
    for step in range(2):
        chosen = [
            (name, batch(name, step + turn, size))
            for turn, (name, size) in enumerate(
                (("first", 5), ("label", 1), ("first", 3))
            )
        ]
        results = [bench.step.update(step, 0.1, chosen) for bench in (one, two)]
        np.testing.assert_allclose(*np.array(results, float), rtol=1e-5, atol=1e-6)
        assert [float(result.examples) for result in results[1]] == [5, 1, 3]
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_no_combination_of_problems_needs_a_graph_of_its_own(
    stub_model: Any, batch: Any
) -> None:
    bench = Bench(stub_model, batch, 2, "one_device")
    for step, names in enumerate([(a, b) for a in NAMES for b in NAMES]):
        bench.step.update(step, 0.1, [(name, batch(name, step)) for name in names])
    assert len(bench.step._graphs) == 2
    assert bench.step._update_graph.experimental_get_tracing_count() == 1


def test_each_batch_has_noise_of_its_own(stub_model: Any, batch: Any) -> None:
    step = Bench(stub_model, batch, 2, "one_device", dropout=0.5).step
    same = [("first", batch("first", 0))] * 2
    losses = [float(r.loss) for s in (0, 1, 0) for r in step.update(s, 0.0, same)]
    assert len(set(losses[:4])) == 4
    assert losses[4:] == losses[:2]


def test_a_batch_tells_its_examples_and_its_targets_with_and_without_padding(
    stub_model: Any, batch: Any
) -> None:
    bench = Bench(stub_model, batch, 1, "one_device")
    features = batch("first", 1, 7)
    (result,) = bench.step.update(0, 0.1, [("first", features)])
    assert float(result.weight) == features["targets_mask"].sum()
    assert (float(result.examples), float(result.padded)) == (7, 7 * 6)
    (result,) = bench.step.update(1, 0.1, [("label", batch("label", 1, 7))])
    assert [float(result.weight), float(result.examples), float(result.padded)] == [
        *(7, 7, 7)
    ]


def test_one_batch_that_is_not_finite_keeps_the_whole_update_from_the_weights(
    stub_model: Any, batch: Any
) -> None:
    bench = Bench(stub_model, batch, 2, "one_device")
    before = bench.weights
    good, bad = batch("first", 1), batch("label", 0)
    bad["inputs"][0] = 0  # the stub model divides by nothing there
    bench.step.update(0, 0.1, [("first", good), ("label", bad)])
    for old, weight in zip(before, bench.weights, strict=True):
        np.testing.assert_array_equal(old, weight)
    bench.step.update(1, 0.1, [("first", good), ("first", good)])
    assert max(bench.adam.updates.numpy()) == 1
    assert all(np.isfinite(weight).all() for weight in bench.weights)
