"""Whole runs of a really small MultiModel on two problems made here."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from t2t_multimodel import registry
from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.evaluation.evaluate import evaluate
from t2t_multimodel.evaluation.while_training import WhileTraining
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.training.checkpoint import restore_weights, weights_by_part
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.dry_run import dry_run
from t2t_multimodel.training.ledger_file import read_ledger
from t2t_multimodel.training.restore import load_run
from t2t_multimodel.training.run import train
from t2t_multimodel.training.warm_start import WarmStartFrom

NAMES = ("training_reversal", "training_length")
HPARAMS = HParams(
    ModelConfig(
        depth=16,
        num_heads=2,
        encoder_blocks=1,
        mixer_blocks=0,
        decoder_blocks=1,
        num_experts=4,
        top_k=2,
        expert_hidden_size=8,
        dropout=0.2,
        attention_dropout=0.1,
        categorical_filters=(8, 8),
    ),
    TrainingConfig(
        train_steps=8,
        learning_rate=0.01,
        warmup_steps=2,
        log_steps=3,
        batch_cost_text=64,
        ema_decay=0.9,
    ),
    "small",
)


def words(split: str, count: int) -> Iterator[list[str]]:
    random = np.random.default_rng(len(split))
    for _ in range(count):
        yield list(random.choice(["red", "dog", "sees", "two"], random.integers(1, 5)))


@registry.register_problem("training_reversal")
class Reversal(Problem):
    inputs = Text()
    targets = Text("backward")
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for line in words(split, 30):
            yield {"inputs": " ".join(line), "targets": " ".join(reversed(line))}


@registry.register_problem("training_length")
class Length(Problem):
    inputs = Text()
    targets = ClassLabel(("one", "two", "three", "four"))
    needs_source = False

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for line in words(split, 30):
            yield {"inputs": " ".join(line), "targets": len(line) - 1}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    options = Options(num_shards=1, vocab_size=300)
    generate([registry.problem(name) for name in NAMES], folder, options=options)
    return folder


@pytest.fixture(scope="module")
def whole(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unbroken run with checkpoints of step 5 and 8."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    hparams = HPARAMS.replace(eval_steps=4, eval_batches=1, save_steps=5)
    train(hparams, NAMES, data_dir, folder)
    return folder


def tensors(output_dir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(output_dir)))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in name
    }


def test_a_run_that_goes_on_ends_with_the_bits_of_an_unbroken_one(
    whole: Path, data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("model.ckpt-8.*"))
    (folder / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-5"\n')
    result = train(HPARAMS, NAMES, data_dir, folder)
    assert (result.step, result.stopped_by) == (8, None)
    expected, found = tensors(whole), tensors(folder)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)


def test_the_ledger_tells_of_every_step_once(whole: Path) -> None:
    lines = read_ledger(whole)
    assert [(line["since"], line["step"]) for line in lines] == [
        *((0, 3), (3, 5), (5, 6), (6, 8))
    ]
    for name in NAMES:
        had = [line["problems"][name] for line in lines if name in line["problems"]]
        assert sum(amounts["batches"] for amounts in had) == 4
        for amounts in had:
            assert 0 < amounts["targets"] <= amounts["padded_targets"]
            assert amounts["examples"] >= amounts["batches"]
            assert amounts["loss"] > 0 and amounts["seconds"] > 0
        assert had[-1]["epochs"] > 0


def test_every_weight_is_saved_and_restored(whole: Path) -> None:
    run = load_run(whole)
    assert (run.step, run.problem_names) == (8, NAMES)
    assert run.vocabulary is not None
    assert run.hparams.training.train_steps == 8
    saved = tensors(whole)
    for part, weights in weights_by_part(run.model).items():
        for number, weight in enumerate(weights):
            key = f"average/{part}/{number}/.ATTRIBUTES/VARIABLE_VALUE"
            np.testing.assert_array_equal(saved.pop(key), weight, err_msg=weight.path)
    assert not any(key.startswith("average") for key in saved)
    used = saved["adam_updates/.ATTRIBUTES/VARIABLE_VALUE"]
    # Two problems in turn: a weight is used in every step or in every other one.
    assert set(used.tolist()) == {4, 8}


def test_without_an_average_the_last_weights_are_restored(whole: Path) -> None:
    run = load_run(whole)
    random = [weight.numpy() for weight in run.model.trainable_variables]
    restore_weights(run.checkpoint, run.model, averaged=False)
    saved = tensors(whole)
    for part, weights in weights_by_part(run.model).items():
        for number, weight in enumerate(weights):
            key = f"weights/{part}/{number}/.ATTRIBUTES/VARIABLE_VALUE"
            np.testing.assert_array_equal(saved[key], weight, err_msg=weight.path)
    for old, weight in zip(random, run.model.trainable_variables, strict=True):
        assert not np.array_equal(old, weight), weight.path


def test_a_runs_folder_needs_nothing_else(whole: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(whole, moved)
    assert load_run(moved, "8").checkpoint == str(moved / "model.ckpt-8")
    config = json.loads((moved / "config.json").read_text())
    assert config["problems"] == list(NAMES)
    assert config["tasks"][1]["targets"]["options"] == {"num_classes": 4}


def test_another_vocabulary_in_the_runs_folder_is_refused(
    whole: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "run"
    shutil.copytree(whole, moved)
    config = json.loads((moved / "config.json").read_text())
    config["vocabulary"]["fingerprint"] = "0" * 16
    (moved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"but the run was trained with 0000"):
        load_run(moved)


def test_two_replicas_start_like_one(data_dir: Path, tmp_path: Path) -> None:
    # Dropout, gate noise and the balance of a whole batch differ by nature.
    hparams = HPARAMS.override(
        "dropout=0,attention_dropout=0,use_experts=false,train_steps=1,ema_decay=0"
    )
    results = [
        train(hparams, NAMES[1:], data_dir, tmp_path / strategy, strategy=strategy)
        for strategy in ("one_device", "mirrored")
    ]
    one, two = (result.losses[NAMES[1]] for result in results)
    assert one == pytest.approx(two, rel=1e-5)
    first, second = tensors(tmp_path / "one_device"), tensors(tmp_path / "mirrored")
    means = [name for name in first if name.startswith("adam_mean")]
    assert means
    for name in means:
        np.testing.assert_allclose(
            first[name], second[name], rtol=1e-3, atol=1e-6, err_msg=name
        )


def test_a_run_that_differs_is_refused(whole: Path, data_dir: Path) -> None:
    before = (whole / "config.json").read_bytes()
    with pytest.raises(ValueError, match="holds a run with num_experts 4, not 8"):
        train(HPARAMS.replace(num_experts=8), NAMES, data_dir, whole)
    with pytest.raises(ValueError, match="holds a run with seed 0, not 5"):
        train(HPARAMS, NAMES, data_dir, whole, seed=5)
    assert (whole / "config.json").read_bytes() == before


def test_missing_data_names_the_command_that_makes_it(
    data_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as error:
        train(HPARAMS, (*NAMES, "parse_mini"), data_dir, tmp_path / "run")
    assert str(error.value).endswith(
        f"t2t-datagen --problems=parse_mini --data_dir={data_dir}"
    )
    assert not (tmp_path / "run").exists()


def test_a_dry_run_shows_parts_and_a_step_of_each_problem(data_dir: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    found = dry_run(
        HPARAMS,
        NAMES[1:],
        data_dir,
        console=console,
        output_dir=data_dir / "none" / "run",
        apart=False,
    )
    assert not (data_dir / "none").exists()
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    rows = [line.split() for line in shown.splitlines()]
    parts = {row[0]: row[1:] for row in rows if row}
    assert parts["encoder"] == [parts["encoder"][0]] * 2 + ["all"]
    assert parts["training_length_top"][:2] == ["36", "36"]
    assert float(parts["training_length"][0]) == pytest.approx(np.log(4), rel=0.5)
    assert parts["training_length"][-3] == "8"  # all steps are its own
    assert "Peak of the process: predicted" in shown
    assert "It fits into" in shown
    assert json.loads(json.dumps(found.to_dict()))["fits"] is True


def test_a_dry_run_of_what_cannot_fit_says_so_and_runs_no_whole_batch(
    data_dir: Path,
) -> None:
    console = Console(file=io.StringIO(), width=80)
    found = dry_run(
        HPARAMS, NAMES[1:], data_dir, console=console, memory_limit=10**7, apart=False
    )
    assert (found.fits, found.proposal) == (False, "")
    assert found.trial
    assert found.trial.process_peak is None
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    shown = " ".join(" ".join(lines).split())
    assert "It does NOT fit into 10.00 MB. Not even a batch of one example" in shown
    assert "With recompute=true a step takes less memory" in shown


def test_a_dry_run_shows_what_is_frozen_and_what_is_taken_over(
    whole: Path, data_dir: Path
) -> None:
    console = Console(file=io.StringIO(), width=120)
    hparams = HPARAMS.replace(train_parts="encoder,training_length_top")
    start = WarmStartFrom(whole)
    dry_run(hparams, NAMES[1:], data_dir, console=console, start=start, apart=False)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    rows = [line.split() for line in shown.splitlines() if line]
    parts = [row for row in rows if row[0] == "categorical"]
    assert [row[2] for row in parts] == ["taken", "frozen"]
    assert "left over: the new model has none" in shown
    hparams = HPARAMS.replace(train_parts="training_length_top")
    dry_run(hparams, NAMES, data_dir, console=console, apart=False)
    assert "nothing to train" in console.file.getvalue()


@pytest.fixture(scope="module")
def watched(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `whole`, but decoded and judged on its way."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    hparams = HPARAMS.replace(
        eval_steps=4,
        eval_batches=1,
        save_steps=5,
        stop_on="training_length/top_1",
        best_by="training_reversal/bleu",
        metric_examples=7,
        sample_steps=4,
        sample_count=2,
    )
    train(hparams, NAMES, data_dir, folder, make_evaluator=WhileTraining)
    return folder


def test_watching_a_run_changes_none_of_its_weights(whole: Path, watched: Path) -> None:
    expected, found = tensors(whole), tensors(watched)
    for name in expected.keys() - {"state/.ATTRIBUTES/VARIABLE_VALUE"}:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)


def test_the_best_run_scores_as_was_told_with_the_averaged_weights(
    watched: Path,
) -> None:
    told = json.loads((watched / "best" / "best.json").read_text())
    run = load_run(watched / "best")
    assert run.step == told["step"]
    (result,) = evaluate(run, NAMES[:1], split="dev", max_examples=7)
    assert result.value("bleu") == pytest.approx(told["value"], abs=1e-4)


def test_tensorboard_gets_figures_samples_and_the_map_of_experts(
    watched: Path,
) -> None:
    found: dict[tuple[str, int], Any] = {}
    for file in watched.glob("*/events.*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(v.tag, event.step): v.tensor for v in event.summary.value}
    assert {
        *(("training_length/top_1", step) for step in (4, 8)),
        *(("training_reversal/bleu", step) for step in (4, 8)),
        *((f"experts/{layer}", 3) for layer in ("encoder", "decoder")),
    } <= found.keys()
    for name in NAMES:
        (table,) = found[f"samples/{name}", 8].string_val
        head, _, *rows = table.decode().splitlines()
        assert head == "| inputs | right | output |"
        assert [row.count(" | ") for row in rows] == [2, 2]
    counts = json.loads((watched / "experts.json").read_text())["total"]["encoder"]
    assert all(sum(loads) > 0 for loads in counts.values())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("training_length/bleu", "has no metric 'bleu'; it has: loss, top_1"),
        ("training_lenght/loss", "but the run's problems are: training_reversal"),
    ],
)
def test_a_metric_that_the_problem_does_not_have_is_refused(
    data_dir: Path, tmp_path: Path, name: str, message: str
) -> None:
    hparams = HPARAMS.replace(eval_steps=4, stop_on=name)
    with pytest.raises(ValueError, match=message):
        train(hparams, NAMES, data_dir, tmp_path, make_evaluator=WhileTraining)
