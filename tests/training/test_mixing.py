"""A run's mixture: kept when the run goes on, changed where it stands, stamped."""

from __future__ import annotations

import io
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from t2t_multimodel.data.mixture import Mixture
from t2t_multimodel.training.accumulation import AccumulatedStep
from t2t_multimodel.training.checkpoint import Checkpoints
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.ledger import Entry
from t2t_multimodel.training.ledger_file import read_ledger
from t2t_multimodel.training.listener import Listener
from t2t_multimodel.training.loop import Loop
from t2t_multimodel.training.mixing import RunMixture
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.progress import Progress
from t2t_multimodel.training.realised import Realised
from t2t_multimodel.training.strategy import make_strategy
from t2t_multimodel.training.summaries import Summaries

NAMES = ("first", "second", "label")
SIZES = dict.fromkeys(NAMES, 100)
SCHEDULE = "first=linear(1@0,5@8),label=1@2..7"
CONSTANT = "second=3,label=0.5"
K = 3
TIMES = ", 3 batches a step"


def run_mixture(folder: Path, rates: str, k: int = K, seed: int = 5) -> RunMixture:
    def make(origin: int) -> Mixture:
        return Mixture(NAMES, SIZES, rates, seed, origin, k)

    return RunMixture(make, rates, k, Summaries(folder))


class Taken(Listener):
    """Which problems' batches were taken."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def on_step(self, entry: Entry) -> None:
        self.problems.append(entry.problem)


@pytest.fixture
def train(stub_model: Any, streams: Any) -> Any:
    """Trains the stub model to a step; what was taken, in order."""

    def train(folder: Path, rates: str, train_steps: int) -> list[str]:
        config = TrainingConfig(train_steps=train_steps, save_steps=2, log_steps=3)
        scope = make_strategy("one_device")
        with scope.scope():
            model = stub_model()
            adam = Adam(model.trainable_variables, config)
        mixture, taken = run_mixture(folder, rates), Taken()
        summaries = Summaries(folder)
        progress = Progress(summaries, train_steps, Console(file=io.StringIO()))
        account = Realised(
            folder, mixture, dict.fromkeys(NAMES, 10), summaries, progress.show
        )
        Loop(
            config=config,
            mixture=mixture,
            streams=streams,
            make_step=lambda specs: AccumulatedStep(model, adam, scope, specs, 0, K),
            checkpoints=Checkpoints(folder, model, adam, None, keep=99),
            average=None,
            progress=progress,
            listeners=[mixture, account, taken],
        ).run(folder)
        return taken.problems

    return train


def tensors(folder: Path) -> dict[str, Any]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    names = reader.get_variable_to_shape_map()
    return {
        name: reader.get_tensor(name)
        for name in names
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name
    }


def untimed(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's ledger without what differs from run to run."""
    lines = read_ledger(folder)
    for line in lines:
        for amounts in line.get("problems", {}).values():
            assert amounts.pop("seconds") > 0
    return lines


def cut_back(source: Path, target: Path, step: int) -> None:
    """A run's folder as it was when it was killed after the checkpoint of a step."""
    shutil.copytree(source, target)
    for file in target.glob("model.ckpt-*"):
        if int(file.stem.removeprefix("model.ckpt-").split(".")[0]) > step:
            file.unlink()
    (target / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"\n')


@pytest.mark.parametrize(
    ("old", "new", "killed_at"), [(SCHEDULE, CONSTANT, 4), (CONSTANT, SCHEDULE, 6)]
)
def test_a_killed_run_ends_with_the_bits_of_an_unbroken_one(
    train: Any, tmp_path: Path, old: str, new: str, killed_at: int
) -> None:
    """With several batches a step, and a mixture that was changed after step 4."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(whole, old, 4)
    rest = train(whole, new, 9)
    cut_back(whole, broken, killed_at)
    assert train(broken, new, 9) == rest[(killed_at - 4) * K :]
    expected, found = tensors(whole), tensors(broken)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)
    assert untimed(broken) == untimed(whole)
    lines = untimed(whole)
    assert [line for line in lines if "mixture" in line] == [
        {"step": 4, "mixture": {"old": f"{old}{TIMES}", "new": f"{new}{TIMES}"}}
    ]
    assert [(line["since"], line["step"]) for line in lines if "since" in line] == [
        *((0, 2), (2, 3), (3, 4)),
        *((4, 6), (6, 8), (8, 9)),
    ]


def test_each_problems_data_goes_on_where_it_stood(
    train: Any, tmp_path: Path, streams: Any
) -> None:
    taken = train(tmp_path, SCHEDULE, 4)
    opened = {}
    for name, stream in streams.items():
        dataset = stream.dataset

        def watched(
            first_batch: int = 0, name: str = name, dataset: Any = dataset
        ) -> tf.data.Dataset:
            opened[name] = first_batch
            return dataset(first_batch=first_batch)

        stream.dataset = watched
    train(tmp_path, CONSTANT, 6)
    assert opened == {name: taken.count(name) for name in NAMES}


def test_a_change_begins_where_the_run_stands_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = run_mixture(tmp_path, SCHEDULE)
    new = run_mixture(tmp_path, "first = 2, label = 0", k=2)
    new.set_state(old.state())
    control: Any = None
    with caplog.at_level(logging.INFO):
        new.on_start(7, control)
    line = f"{SCHEDULE}{TIMES} -> first=2,label=0, 2 batches a step"
    assert caplog.messages == [f"mixture from step 7 on: {line}"]
    (file,) = (tmp_path / "train").glob("events.*")
    values = [
        (event.step, value.tensor.string_val[0].decode())
        for record in tf.data.TFRecordDataset(str(file))
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
        for value in event.summary.value
    ]
    assert values == [(7, line)]
    stamp = {"rates": "first=2,label=0", "batches_per_step": 2, "origin": 7}
    assert new.state() == stamp
    assert "label" not in [name for s in range(7, 30) for name in new.problems_at(s)]
    assert sum(new.counts_before(10).values()) == 3 * 2


def test_the_same_mixture_goes_on_silently_in_its_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = run_mixture(tmp_path, CONSTANT)
    control: Any = None
    first = run_mixture(tmp_path, CONSTANT)
    first.set_state({"rates": SCHEDULE, "batches_per_step": K, "origin": 0})
    first.on_start(4, control)
    caplog.clear()
    again = run_mixture(tmp_path, " second = 3, label = 0.5 ")
    again.set_state(first.state())
    with caplog.at_level(logging.INFO):
        again.on_start(9, control)
    assert not caplog.messages and again.change is None
    steps = range(9, 40)
    assert [again.problems_at(s) for s in steps] == [
        first.problems_at(s) for s in steps
    ]
    assert [again.problems_at(s) for s in steps] != [
        whole.problems_at(s) for s in steps
    ]
