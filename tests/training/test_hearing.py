"""What a run makes of stored sound is the run's own choice, and it remembers it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.features import Audio, Text
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import eval_batches
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.models.task import task_of
from t2t_multimodel.testing.small_model import CONFIG
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.hearing import as_heard
from t2t_multimodel.training.record import RunRecord
from t2t_multimodel.training.restore import load_run
from t2t_multimodel.training.run import train


class Heard(Problem):
    """A second of noise."""

    needs_source = False
    inputs, targets = Audio(num_bins=20), Text("english")
    metrics = ("wer",)

    def examples(self, split: str, source_dir: Path) -> Iterator[dict[str, Any]]:
        for number in range(4):
            chance = np.random.default_rng(number)
            noise = chance.integers(-999, 999, 16000).astype(np.int16)
            yield {"inputs": noise, "targets": f"noise {number}"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    registry.register_problem("heard")(Heard)
    generate([registry.problem("heard")], tmp_path / "data", options=Options())
    return tmp_path / "data"


def test_problems_are_heard_as_they_are_unless_told_otherwise() -> None:
    problem = as_heard(Heard(), TrainingConfig(audio_step_ms=20.0))
    assert isinstance(problem.inputs, Audio)
    assert (problem.inputs.num_bins, problem.inputs.window_ms) == (20, 25.0)
    assert problem.inputs.step_ms == 20.0
    assert Heard.inputs.step_ms == 10.0
    with pytest.raises(ValueError, match=r"audio_form.*spectrogram \| waveform"):
        TrainingConfig(audio_form="picture")


def test_a_run_may_hear_waveforms(data_dir: Path) -> None:
    problem = as_heard(Heard(), TrainingConfig(audio_form="waveform"))
    problem.name = "heard"
    vocabulary = Vocabulary.load(data_dir / "vocab.model")
    (batch,) = eval_batches(problem, data_dir, vocabulary)
    assert batch["inputs"].shape == (4, 17920)
    assert dict(task_of(problem).inputs.options) == {"form": "waveform", "num_bins": 0}


def test_a_run_remembers_how_it_hears(
    data_dir: Path, tmp_path: Path, op_by_op: Any
) -> None:
    model = dataclasses.replace(
        CONFIG, encoder_blocks=1, decoder_blocks=1, audio_filters=(2, 2)
    )
    config = TrainingConfig(
        train_steps=1,
        audio_num_bins=12,
        audio_step_ms=20.0,
        audio_window_ms=40.0,
    )
    with op_by_op():
        train(HParams(model, config), ("heard",), data_dir, tmp_path / "run")
    run = load_run(tmp_path / "run")
    options = dict(run.model.tasks["heard"].inputs.options)
    assert options == {"form": "spectrogram", "num_bins": 12}
    (batch,) = eval_batches(run.problem("heard"), data_dir, run.vocabulary)
    assert batch["inputs"].shape == (4, 64, 12)
    before = RunRecord.read(tmp_path / "run")
    changed = dataclasses.replace(config, audio_step_ms=30.0)
    after = dataclasses.replace(before, hparams=HParams(model, changed))
    with pytest.raises(ValueError, match="audio_step_ms"):
        before.check_goes_on(after, tmp_path / "run")
