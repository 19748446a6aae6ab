"""Early stopping and the best checkpoint, in whole and in interrupted runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.training.checkpoint import Checkpoints, restore_weights
from t2t_multimodel.training.checkpoint_choice import find_checkpoint
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.listener import Control, Listener
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.watching.best import BestKept, EarlyStopping
from t2t_multimodel.training.watching.evaluator import Figure, figure_of

# What the loss is after each step; it is looked at every second one.
LOSSES = dict(enumerate([9, 5, 5, 4, 4, 4, 4, 6, 6, 3, 3, 8, 8, 7, 7, 3, 3, 9, 9], 1))
LOSS = Figure("first", "loss", is_lower_better=True)


class Script(Listener):
    """Evaluations with given results."""

    every = 2

    def __init__(self, values: dict[int, float]) -> None:
        self.values = values

    def on_start(self, step: int, control: Control) -> None:
        self.control = control

    def on_turn(self, step: int) -> None:
        self.control.dev_begins(step)
        self.control.dev_ends(step, {"first/loss": self.values[step]})


@pytest.fixture
def run(bench: Any) -> Any:
    def run(folder: Path, patience: int, train_steps: int = 18, **fields: Any) -> Any:
        (folder).mkdir(exist_ok=True)
        for file in ("config.json", "parse.symbols.json"):
            (folder / file).write_text("{}")

        def make(best: Path) -> Checkpoints:
            adam = Adam(bench.model.trainable_variables, TrainingConfig())
            return Checkpoints(best, bench.model, adam, None, keep=1)

        judges = (
            Script(LOSSES),
            EarlyStopping(LOSS, patience),
            BestKept(LOSS, 10, make, folder, bench.say),
        )
        return bench.train(folder, listeners=judges, train_steps=train_steps, **fields)

    return run


@pytest.mark.parametrize(("patience", "step"), [(1, 6), (2, 8), (3, 16), (9, 18)])
def test_a_run_ends_when_so_many_evaluations_brought_nothing_better(
    run: Any, bench: Any, tmp_path: Path, patience: int, step: int
) -> None:
    result = run(tmp_path / "run", patience)
    assert result.step == step
    assert result.stopped_by == (None if step == 18 else "stop_on")
    best = {6: (4.0, 4), 8: (4.0, 4), 16: (3.0, 10), 18: (3.0, 10)}[step]
    told = json.loads((tmp_path / "run" / "best" / "best.json").read_text())
    assert (told["value"], told["step"]) == best
    if step != 18:
        line = f"(best: {best[0]:.4g}, at step {best[1]}); a larger stop_patience"
        assert line in bench.output
        # Asked again it takes no step; with more patience it goes on.
        assert run(tmp_path / "run", patience).step == step
        assert run(tmp_path / "run", 9).step == 18


@pytest.mark.parametrize("cut", [3, 4, 7, 10, 11])
def test_a_run_that_was_stopped_in_between_judges_as_an_unbroken_one(
    run: Any, bench: Any, tmp_path: Path, cut: int
) -> None:
    whole = run(tmp_path / "whole", 3)
    expected = bench.saved(tmp_path / "whole")
    run(tmp_path / "parts", 3, train_steps=cut)
    parts = run(tmp_path / "parts", 3)
    assert (parts.step, parts.stopped_by) == (whole.step, whole.stopped_by)
    found = bench.saved(tmp_path / "parts")
    assert json.loads(found["state"]) == json.loads(expected["state"])
    kept = [tmp_path / name / "best" for name in ("whole", "parts")]
    one, two = (bench.saved(folder) for folder in kept)
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)
    assert (kept[0] / "best.json").read_text() == (kept[1] / "best.json").read_text()


def test_the_best_folder_is_a_run_with_the_weights_of_that_step(
    run: Any, bench: Any, stub_model: Any, tmp_path: Path
) -> None:
    run(tmp_path / "run", 9)
    best = tmp_path / "run" / "best"
    assert (best / "config.json").exists()
    assert (best / "parse.symbols.json").exists()
    assert find_checkpoint(best).endswith("model.ckpt-10")
    assert len(list(best.glob("*.index"))) == 1
    restored = stub_model()
    assert restore_weights(find_checkpoint(best), restored, averaged=False) == 10
    bench.train(tmp_path / "ten", train_steps=10)
    for weight, expected in zip(
        restored.trainable_variables, bench.weights, strict=True
    ):
        np.testing.assert_array_equal(weight, expected)


def test_nan_is_never_better_and_equal_is_not_better() -> None:
    higher = Figure("a", "bleu", is_lower_better=False)
    for figure, better, worse in ((LOSS, 1.0, 2.0), (higher, 2.0, 1.0)):
        assert figure.is_better(better, worse)
        assert not figure.is_better(worse, better)
        assert not figure.is_better(better, better)
        assert figure.is_better(worse, None)
        assert not figure.is_better(float("nan"), None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("third/loss", "stop_on is 'third/loss', but the run's problems are: a, b"),
        ("b/loss", "stop_on is 'b/loss', but b has no dev split"),
        ("a/bleu", "stop_on is 'a/bleu', which takes decoding"),
    ],
)
def test_a_figure_that_does_not_exist_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        figure_of("stop_on", name, ("a", "b"), ("a",), None)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stop_on": "a"}, "stop_on is 'a'; it must be PROBLEM/METRIC"),
        ({"best_by": "/loss"}, "best_by is '/loss'; it must be PROBLEM/METRIC"),
        ({"stop_on": "a/loss"}, "stop_on and best_by need eval_steps above 0"),
        ({"on_nonfinite": "ignore"}, "on_nonfinite is 'ignore'; it must be stop"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        TrainingConfig(**fields)
    assert str(caught.value).startswith(message)
