"""One training step: what it changes, and that replicas change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import TrainStep
from t2t_multimodel.training.strategy import make_strategy

CONFIG = TrainingConfig()
JOINT = ["first", "second", "label"]


def specs(batch: Any, names: list[str]) -> Any:
    return {
        name: {
            key: tf.TensorSpec([None] * value.ndim, value.dtype)
            for key, value in batch(name, 0).items()
        }
        for name in names
    }


def stepped(
    stub_model: Any, batch: Any, strategy: str, size: int, **options: Any
) -> Any:
    """The model's weights after a step on each kind of problem, and the results."""
    scope = make_strategy(strategy)
    with scope.scope():
        model = stub_model(**options)
        adam = Adam(model.trainable_variables, CONFIG)
    take = TrainStep(model, adam, scope, specs(batch, ["first", "label"]), seed=3)
    results = [
        [float(x) for x in take(name, step, 0.1, batch(name, step, size))]
        for step, name in enumerate(("first", "label"))
    ]
    return [w.numpy() for w in model.trainable_variables], results


def test_mirrored_uses_two_replicas_here() -> None:
    assert make_strategy("mirrored").num_replicas_in_sync == 2
    assert make_strategy("auto").num_replicas_in_sync == 1


@pytest.mark.parametrize("size", [5, 1])
def test_two_replicas_update_like_one(stub_model: Any, batch: Any, size: int) -> None:
    one = stepped(stub_model, batch, "one_device", size, dropout=0.0)
    two = stepped(stub_model, batch, "mirrored", size, dropout=0.0)
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(one[1], two[1], rtol=1e-5, atol=1e-6)


def test_only_the_weights_of_the_problem_change(stub_model: Any, batch: Any) -> None:
    scope = make_strategy("one_device")
    with scope.scope():
        model = stub_model()
        adam = Adam(model.trainable_variables, CONFIG)
    take = TrainStep(model, adam, scope, specs(batch, ["label"]), seed=3)
    before = [w.numpy() for w in model.trainable_variables]
    take("label", 0, 0.1, batch("label", 0))
    changed = {
        id(w)
        for w, old in zip(model.trainable_variables, before, strict=True)
        if not np.array_equal(w, old)
    }
    used = model.view("label").trainable_variables
    assert changed == {id(weight) for weight in used if weight is not model.commands}


def test_noise_is_a_function_of_seed_and_step(stub_model: Any, batch: Any) -> None:
    def losses(seed: int, steps: list[int]) -> list[float]:
        scope = make_strategy("one_device")
        with scope.scope():
            model = stub_model()
            adam = Adam(model.trainable_variables, CONFIG)
        take = TrainStep(model, adam, scope, specs(batch, ["first"]), seed=seed)
        data = batch("first", 0)
        return [float(take("first", step, 1e-30, data).loss) for step in steps]

    a, b, again = losses(1, [0, 1, 0])
    assert a == again
    assert a != b
    assert losses(2, [0]) != [a]


def joint_step(stub_model: Any, batch: Any) -> tuple[Any, TrainStep]:
    """A model of three problems, two of one signature, and its steps."""
    scope = make_strategy("one_device")
    with scope.scope():
        model = stub_model(dropout=0.0)
        adam = Adam(model.trainable_variables, CONFIG)
    return model, TrainStep(model, adam, scope, specs(batch, JOINT), seed=0)


def test_views_of_one_signature_share_a_graph_and_differ_in_the_command(
    stub_model: Any, batch: Any
) -> None:
    model, take = joint_step(stub_model, batch)
    model.commands.assign([[0.0] * 4, [9.0] * 4])
    data = batch("first", 0)
    first = float(take("first", 0, 1e-30, data).loss)
    second = float(take("second", 1, 1e-30, data).loss)
    take("label", 2, 1e-30, batch("label", 0))
    assert first != second
    assert len(take._graphs) == 2


def test_a_joint_run_traces_one_graph_a_signature_whatever_its_batches_shapes(
    stub_model: Any, batch: Any
) -> None:
    _, take = joint_step(stub_model, batch)
    step = 0
    for size in (4, 2, 3):
        for name in JOINT:
            cut = {key: value[:size] for key, value in batch(name, step).items()}
            if name != "label":
                cut = {key: value[:, :size] for key, value in cut.items()}
            take(name, step, 0.1, cut)
            step += 1
    traced = [graph.experimental_get_tracing_count() for graph in take._graphs.values()]
    assert traced == [1, 1]


def test_an_unknown_strategy_is_refused_with_near_names() -> None:
    with pytest.raises(ValueError, match="no strategy 'miror'; near it: mirrored"):
        make_strategy("miror")


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
@pytest.mark.parametrize("fault", ["loss and gradient", "loss alone"])
def test_a_step_that_is_not_finite_touches_nothing(
    stub_model: Any,
    batch: Any,
    strategy: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scope = make_strategy(strategy)
    with scope.scope():
        model = stub_model()
        adam = Adam(model.trainable_variables, CONFIG)
    features = batch("label", 0, 4)
    if fault == "loss alone":

        def infinite(view: Any, logits: Any, features: Any) -> Any:
            return tf.constant(float("inf")) + 0.0 * tf.reduce_sum(logits), 1.0

        view = type(model.view("label"))
        monkeypatch.setattr(view, "loss_terms", infinite)
    else:
        features["inputs"][0] = 0  # one example, so one replica of two
    variables = [*(w.value for w in model.trainable_variables), *adam.mean]
    variables += [*adam.square, adam.updates]
    before = [variable.numpy() for variable in variables]
    take = TrainStep(model, adam, scope, specs(batch, ["label"]), seed=3)
    assert not np.isfinite(float(take("label", 0, 0.1, features).loss))
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    monkeypatch.undo()
    take = TrainStep(model, adam, scope, specs(batch, ["label"]), seed=3)
    assert np.isfinite(float(take("label", 1, 0.1, batch("label", 1, 4)).loss))
    assert adam.updates.numpy().max() == 1
