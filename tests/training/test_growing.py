"""A problem added to a trained model: what was learnt stays, and the run goes on."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.testing.word_problems import Length, Reversal
from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.checkpoint_average import average_checkpoints
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.restore import Run, load_run
from t2t_multimodel.training.run import train

OLD, CLASS, COPY = "growing_reversal", "growing_length", "growing_copy"
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
        categorical_filters=(8, 8),
    ),
    TrainingConfig(
        train_steps=8,
        learning_rate=0.01,
        warmup_steps=2,
        batch_cost_text=64,
        ema_decay=0.9,
    ),
    "small",
)


pytestmark = pytest.mark.usefixtures("all_op_by_op")

registry.register_problem(OLD)(Reversal)


@registry.register_problem(COPY)
class Copy(Reversal):
    targets = Text("as_it_is")


registry.register_problem(CLASS)(Length)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    options = Options(num_shards=1, vocab_size=300)
    generate([registry.problem(n) for n in (OLD, CLASS, COPY)], folder, options=options)
    return folder


@pytest.fixture(scope="module")
def old(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the old problem alone, of eight steps."""
    folder = tmp_path_factory.mktemp("old") / "run"
    train(HPARAMS, (OLD,), data_dir, folder)
    return folder


@pytest.fixture(scope="module")
def grown(old: Path, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second problem added, of which alone what is new has learnt."""
    folder = tmp_path_factory.mktemp("grown") / "run"
    train(
        HPARAMS.replace(train_parts="new", save_steps=4),
        (OLD, CLASS),
        data_dir,
        folder,
        mixture=f"{OLD}=0",
        warm_start_from=old,
    )
    return folder


def weights(run: Run) -> dict[str, list[bytes]]:
    parts = weights_by_part(run.model).items()
    return {part: [w.value.numpy().tobytes() for w in own] for part, own in parts}


def test_a_frozen_body_keeps_every_bit_of_what_it_knew(old: Path, grown: Path) -> None:
    before, start, after = load_run(old), load_run(grown, "0"), load_run(grown)
    assert (before.step, start.step, after.step) == (8, 0, 8)
    known, began, ended = weights(before), weights(start), weights(after)
    new = {"categorical", f"{CLASS}_top"}
    assert ended.keys() - known.keys() == new
    for part in known:
        assert began[part] == ended[part] == known[part], part
    for part in new:
        assert all(a != b for a, b in zip(began[part], ended[part], strict=True)), part


def test_the_warm_start_is_recorded(old: Path, grown: Path) -> None:
    config = json.loads((grown / "config.json").read_text())
    found = config["warm_start"]
    assert (found["source"], found["step"]) == (str(old), 8)
    assert found["random"] == ["categorical", f"{CLASS}_top"]
    assert "commands/backward" in found["taken"]
    assert len(found["fingerprint"]) == 16
    assert config["hparams"]["training"]["train_parts"] == ",".join(found["random"])


def test_a_run_that_goes_on_takes_nothing_and_ends_with_the_same_bits(
    grown: Path, data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, gone = tmp_path / "run", tmp_path / "gone"
    shutil.copytree(grown, folder, ignore=shutil.ignore_patterns("model.ckpt-8.*"))
    (folder / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-4"\n')
    caplog.set_level(logging.INFO)
    train(
        HPARAMS.replace(train_parts="new"),
        (OLD, CLASS),
        data_dir,
        folder,
        mixture=f"{OLD}=0",
        warm_start_from=gone,
    )
    assert f"nothing is taken from {gone}" in caplog.text
    assert weights(load_run(folder)) == weights(load_run(grown))
    record = [json.loads((f / "config.json").read_text()) for f in (folder, grown)]
    assert record[0]["warm_start"] == record[1]["warm_start"]


def test_a_command_alone_learns_where_nothing_else_is_new(
    old: Path, data_dir: Path, tmp_path: Path
) -> None:
    train(
        HPARAMS.replace(train_parts="new", train_steps=3, ema_decay=0.0),
        (COPY, OLD),
        data_dir,
        tmp_path,
        mixture=f"{OLD}=0",
        warm_start_from=old,
    )
    before, after = load_run(old), load_run(tmp_path)
    assert after.hparams.training.train_parts == "commands/as_it_is"
    assert after.model.commands == ("as_it_is", "backward")
    known, ended = weights(before), weights(after)
    assert ended.pop("commands") != known["commands"]
    assert ended.items() <= known.items()
    began = weights_by_part(load_run(tmp_path, "0").model)["commands"][0]
    (table,) = weights_by_part(after.model)["commands"]
    (row,) = weights_by_part(before.model)["commands"][0].value.numpy()
    assert table.value.numpy()[1].tobytes() == row.tobytes()
    assert np.all(table.value.numpy()[0] != began.value.numpy()[0])


def test_everything_may_learn_from_where_it_was(
    old: Path, data_dir: Path, tmp_path: Path
) -> None:
    hparams = HPARAMS.replace(train_steps=2, ema_decay=0.0)
    train(hparams, (OLD, CLASS), data_dir, tmp_path, warm_start_from=old)
    known, began = weights(load_run(old)), weights(load_run(tmp_path, "0"))
    ended = weights(load_run(tmp_path))
    for part, bits in known.items():
        assert began[part] == bits, part
        assert ended[part] != bits, part


def test_a_start_that_was_broken_off_is_not_made_at_random(
    old: Path, grown: Path, data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(
        grown, folder, ignore=shutil.ignore_patterns("*ckpt*", "checkpoint")
    )
    assert not list_checkpoints(folder)
    parts = load_run(grown).hparams.training.train_parts
    hparams = HPARAMS.replace(train_parts=parts, mixture=f"{OLD}=0", train_steps=1)
    with pytest.raises(ValueError, match="has no checkpoint yet: give --warm_start"):
        train(hparams, (OLD, CLASS), data_dir, folder)
    train(hparams, (OLD, CLASS), data_dir, folder, warm_start_from=old)
    assert weights(load_run(folder, "0")) == weights(load_run(grown, "0"))


def test_a_refused_start_leaves_no_folder(
    old: Path, data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    for hparams, fault in (
        (HPARAMS.replace(depth=32), "in the new model; build it alike"),
        (HPARAMS.replace(train_parts="new"), "nothing to train; give no steps"),
    ):
        with pytest.raises(ValueError, match=fault):
            train(hparams, (OLD, CLASS), data_dir, folder, warm_start_from=old)
    assert not folder.exists()


def test_the_average_of_a_grown_run_keeps_what_was_frozen(
    old: Path, grown: Path, tmp_path: Path
) -> None:
    average_checkpoints(grown, tmp_path / "averaged", last=2)
    known, averaged = weights(load_run(old)), weights(load_run(tmp_path / "averaged"))
    assert known.items() <= averaged.items()
    assert averaged["categorical"] != weights(load_run(grown))["categorical"]


def test_what_was_grown_grows_again_and_all_of_it_may_learn(
    grown: Path, data_dir: Path, tmp_path: Path
) -> None:
    hparams = HPARAMS.replace(train_steps=3, batches_per_step=2, ema_decay=0.0)
    train(hparams, (OLD, CLASS, COPY), data_dir, tmp_path, warm_start_from=grown)
    known, ended = weights(load_run(grown)), weights(load_run(tmp_path))
    assert load_run(tmp_path, "0").model.commands == ("backward", "as_it_is")
    assert all(ended[part] != bits for part, bits in known.items())
