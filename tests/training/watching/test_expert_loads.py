"""Experts' loads: what a step says, the map, the file, the alarm."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import (
    CONFIG,
    TASKS,
    VOCAB,
    make_batch,
    randomise_routers,
)
from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.ledger import Entry, Interval
from t2t_multimodel.training.optimizer import Adam
from t2t_multimodel.training.step import StepResult, TrainStep
from t2t_multimodel.training.strategy import make_strategy
from t2t_multimodel.training.summaries import Summaries
from t2t_multimodel.training.watching.expert_loads import FILE, ExpertLoads

SHALLOW = dataclasses.replace(
    CONFIG, encoder_blocks=1, mixer_blocks=0, decoder_blocks=1
)
LAYERS = ("encoder/experts/experts", "decoder/experts/experts")


def results(strategy: str, config: ModelConfig) -> tuple[StepResult, StepResult]:
    """Of a step on a translation, lengths 7, 4 and 5, and one on a class of a text."""
    tasks = [task for task in TASKS if task.name in ("translate", "sentiment")]
    scope = make_strategy(strategy)
    with scope.scope():
        model = MultiModel(config, tasks, VOCAB)
        model.build_views()
        randomise_routers(model)
        adam = Adam(model.trainable_variables, TrainingConfig())
    assert model.expert_layers == LAYERS
    batches = {task.name: make_batch(task) for task in tasks}
    specs = {
        name: {k: tf.TensorSpec([None] * v.ndim, v.dtype) for k, v in batch.items()}
        for name, batch in batches.items()
    }
    take = TrainStep(model, adam, scope, specs, 0)
    return (
        take("translate", 0, 0.1, batches["translate"]),
        take("sentiment", 1, 0.1, batches["sentiment"]),
    )


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_step_counts_every_position_that_is_no_padding(
    strategy: str, op_by_op: Any
) -> None:
    # A graph is built of two replicas, each of which has that of one.
    is_one = strategy == "one_device"
    with op_by_op() if is_one else contextlib.nullcontext():
        translate, sentiment = results(strategy, SHALLOW)
    encoder, decoder = translate.loads.numpy()
    # Two experts for each position.
    assert encoder.sum() == decoder.sum() == 2 * 16
    assert len(set(encoder.tolist())) > 1
    encoder, decoder = sentiment.loads.numpy()
    assert (encoder.sum(), decoder.sum()) == (2 * 16, 0)
    assert np.ndim(translate.dropped) == 0


def test_a_step_counts_the_choices_that_it_drops(op_by_op: Any) -> None:
    # An equal share of 16 positions is 16 * 2 / E; half of it is 16 / E rows for each.
    config = dataclasses.replace(SHALLOW, expert_capacity_factor=0.5)
    limit = math.ceil(16 / config.num_experts)
    with op_by_op():
        translate, sentiment = results("one_device", config)
    for result in (translate, sentiment):
        over_XE = np.maximum(result.loads.numpy() - limit, 0)
        np.testing.assert_array_equal(result.dropped, over_XE.sum(axis=1))
    assert translate.dropped.numpy().min() > 0
    assert sentiment.dropped.numpy()[1] == 0


def listener(folder: Path, lines: list[str], share: float = 0.1) -> ExpertLoads:
    parts = (share, folder, lines.append, Summaries(folder))
    return ExpertLoads(LAYERS, 4, ("a", "b"), *parts)


def entry(
    step: int, problem: str, loads: Any, loss: float = 1.0, dropped: Any = 0.0
) -> Entry:
    loads, dropped = np.array(loads, np.float32), np.array(dropped, np.float32)
    result = StepResult(loss, 1.0, 0.0, 1.0, loads=loads, dropped=dropped)
    return Entry(step, problem, result, 0.1)


def interval(step: int) -> Interval:
    return Interval(step, 1.0, 0.0, 0.1, {})


def events(folder: Path) -> dict[tuple[str, int], Any]:
    found = {}
    for file in (folder / "train").glob("events.*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(v.tag, event.step): v.tensor for v in event.summary.value}
    return found


BUSY, DEAD_ONE = [[100, 0, 300, 0], [50, 50, 50, 50]], [[0, 500, 9, 0], [0, 0, 0, 0]]


def test_the_map_and_the_file_hold_the_counts_by_problem(tmp_path: Path) -> None:
    lines: list[str] = []
    loads = listener(tmp_path, lines)
    loads.on_start(0, None)  # type: ignore[arg-type]
    poisoned = entry(3, "a", np.full((2, 4), 1e6), loss=float("nan"))
    loads.on_results([entry(1, "a", BUSY), entry(2, "b", DEAD_ONE), poisoned])
    loads.on_interval(interval(3))
    loads.on_results([entry(4, "a", BUSY)])
    loads.on_interval(interval(4))
    values = json.loads((tmp_path / FILE).read_text())
    assert (values["step"], values["since"]) == (4, 3)
    assert values["latest"]["encoder"] == {"a": [100, 0, 300, 0], "b": [0] * 4}
    assert values["total"]["encoder"] == {"a": [200, 0, 600, 0], "b": [0, 500, 9, 0]}
    seen = events(tmp_path)
    assert seen[("experts/rows", 0)].string_val[0] == b"0. a\n1. b"
    width, height, png = seen[("experts/encoder", 3)].string_val[:3]
    assert (int(width), int(height)) == (64, 32)
    cells = tf.io.decode_png(png).numpy()[::16, ::16, 0]
    # Shares 1, 0, 3, 0 of the mean of a; 0, 3.93, 0.07, 0 of b: 127.5 is 1.
    assert cells.tolist() == [[127, 0, 255, 0], [0, 255, 9, 0]]
    smallest = seen[("experts/decoder/smallest_share", 3)]
    assert float(tf.make_ndarray(smallest)) == 1.0


def test_a_dead_expert_is_told_of_once_until_others_are(tmp_path: Path) -> None:
    lines: list[str] = []
    loads = listener(tmp_path, lines)
    loads.on_start(0, None)  # type: ignore[arg-type]
    for step, batch in enumerate((BUSY, BUSY, DEAD_ONE), start=1):
        loads.on_results([entry(step, "a", batch)])
        loads.on_interval(interval(step))
    assert len(lines) == 2
    assert lines[0].startswith(
        "step 1: 2 of 4 experts of the encoder got less than 0.1 of an equal share "
        "since step 0: 1, 3. "
    )
    assert "since step 2: 0, 2, 3." in lines[1]


@pytest.mark.parametrize(("share", "load"), [(0.0, 1000), (0.1, 30)])
def test_no_alarm_where_none_is_asked_for_or_too_little_was_seen(
    tmp_path: Path, share: float, load: int
) -> None:
    lines: list[str] = []
    loads = listener(tmp_path, lines, share)
    loads.on_start(0, None)  # type: ignore[arg-type]
    loads.on_results([entry(1, "a", [[load, 0, 0, 0], [0, 0, 0, 0]])])
    loads.on_interval(interval(1))
    assert not lines


def test_the_totals_go_on_with_the_run(tmp_path: Path) -> None:
    first = listener(tmp_path, [])
    first.on_start(0, None)  # type: ignore[arg-type]
    first.on_results([entry(1, "a", BUSY)])
    first.on_interval(interval(1))
    first.on_results([entry(2, "b", DEAD_ONE)])  # saved within an interval
    kept = json.loads(json.dumps(first.state()))
    second = listener(tmp_path, [])
    second.set_state(kept)
    assert second.state() == kept
    assert kept["total"]["encoder"] == {"a": [100, 0, 300, 0], "b": [0, 500, 9, 0]}


def test_what_a_capacity_drops_is_counted_by_layer_and_problem(tmp_path: Path) -> None:
    loads = listener(tmp_path, [])
    loads.on_start(0, None)  # type: ignore[arg-type]
    loads.on_results([entry(1, "a", BUSY, dropped=[40, 50])])
    loads.on_interval(interval(1))
    loads.on_results([entry(2, "a", BUSY, dropped=[40, 0])])
    loads.on_results([entry(2, "b", DEAD_ONE, dropped=[509, 0])])
    kept = json.loads(json.dumps(loads.state()))
    loads.on_interval(interval(2))
    values = json.loads((tmp_path / FILE).read_text())["dropped"]
    assert values["latest"]["encoder"] == {"a": 40, "b": 509}
    assert values["total"] == {
        "encoder": {"a": 80, "b": 509},
        "decoder": {"a": 50, "b": 0},
    }
    seen = events(tmp_path)
    # Of 400 and of 200 choices; of 909.
    for tag, step, share in (
        ("encoder", 1, 40 / 400),
        ("decoder", 1, 50 / 200),
        ("encoder", 2, 549 / 909),
    ):
        found = seen[(f"experts/{tag}/dropped_share", step)]
        assert float(tf.make_ndarray(found)) == pytest.approx(share)
    again = listener(tmp_path, [])
    again.set_state(kept)
    assert again.state() == kept
    assert kept["dropped"] == values["total"]


def test_without_a_capacity_nothing_is_said_of_dropping(tmp_path: Path) -> None:
    loads = listener(tmp_path, [])
    loads.on_start(0, None)  # type: ignore[arg-type]
    loads.on_results([entry(1, "a", BUSY)])
    loads.on_interval(interval(1))
    assert "dropped" not in json.loads((tmp_path / FILE).read_text())
    assert "dropped" not in loads.state()
    assert ("experts/encoder/dropped_share", 1) not in events(tmp_path)
