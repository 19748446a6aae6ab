"""A run's folder, made by the library as the programs make it: one step of training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate

RUN_PROBLEMS = ("translate_ende_mini", "parse_mini", "image_mini")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, op_by_op: Any) -> Path:
    """A folder with `data` and `run`; the run knows `RUN_PROBLEMS`."""
    from t2t_multimodel.testing.small_model import CONFIG
    from t2t_multimodel.training.config import HParams, TrainingConfig
    from t2t_multimodel.training.run import train

    root = tmp_path_factory.mktemp("programs")
    problems = [registry.problem(name) for name in RUN_PROBLEMS]
    generate(problems, root / "data", options=Options(max_examples=8))
    model = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
    training = TrainingConfig(train_steps=1, max_length=40, batch_cost_text=64)
    with op_by_op():
        train(HParams(model, training), RUN_PROBLEMS, root / "data", root / "run")
    return root
