"""A run's folder: what it records, and which runs may go on in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.models.task import Port, Task
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.gin_bindings import apply_gin
from t2t_multimodel.training.record import RunRecord

TEXT = Port("text")
TASKS = (
    Task("a", TEXT, TEXT, "english"),
    Task("b", TEXT, Port("label", (("num_classes", 3),)), "image_label"),
)
RECORD = RunRecord(
    hparams=HParams(ModelConfig(), TrainingConfig(seed=7), "mine"),
    tasks=TASKS,
    vocabulary_fingerprint="00ff",
    vocabulary_size=300,
    data_dir="data",
    command_line=("t2t-trainer", "--seed=7"),
    problem_options={"b": {"classes": ["x", "y", "z"]}},
)


@pytest.fixture
def vocabulary_file(tmp_path: Path) -> Path:
    file = tmp_path / "vocab.model"
    file.write_bytes(b"pieces")
    return file


def test_a_record_survives_its_file(tmp_path: Path, vocabulary_file: Path) -> None:
    RECORD.write(tmp_path / "run", vocabulary_file)
    assert RunRecord.read(tmp_path / "run") == RECORD
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["config.json", "hparams.gin", "vocab.model"]
    other = HParams(ModelConfig(depth=8), TrainingConfig(), "mine")
    gin_file = str(tmp_path / "run" / "hparams.gin")
    assert apply_gin(other, [gin_file]) == RECORD.hparams


def test_a_run_goes_on_with_more_steps(tmp_path: Path) -> None:
    more = RECORD.hparams.replace(train_steps=5, save_steps=3, learning_rate=1.0)
    RECORD.check_goes_on(dataclasses.replace(RECORD, hparams=more), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"hparams": RECORD.hparams.replace(depth=64)},
            "with depth 128, not 64: use the same",
        ),
        ({"hparams": RECORD.hparams.replace(seed=8)}, "with seed 7, not 8:"),
        ({"tasks": TASKS[:1]}, "with problems a,b, not a:"),
        (
            {"problem_options": {"b": {"classes": ["x", "z", "y"]}}},
            "with b with {'classes': ['x', 'y', 'z']}, not {",
        ),
        (
            {"vocabulary_fingerprint": "aa"},
            "with vocabulary 00ff (300 pieces), not aa (300 pieces):",
        ),
    ],
)
def test_a_run_that_differs_is_refused_with_field_and_values(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as error:
        RECORD.check_goes_on(dataclasses.replace(RECORD, **change), tmp_path)
    assert message in str(error.value)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no config.json: it is not"):
        RunRecord.read(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json cannot be read: "):
        RunRecord.read(tmp_path)
