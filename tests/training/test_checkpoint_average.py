"""The average of checkpoints: the mean of the weights, and a run that loads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.testing.small_model import CONFIG
from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.checkpoint_average import average_checkpoints
from t2t_multimodel.training.checkpoint_files import list_checkpoints
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.restore import Run, load_run
from t2t_multimodel.training.run import train
from t2t_multimodel.training.run_copy import copy_checkpoint

SMALL = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
NAMES = ("image_mini",)


@pytest.fixture(scope="module", params=[0.0, 0.9], ids=["plain", "ema"])
def folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    root = tmp_path_factory.mktemp("average")
    problems = [registry.problem(name) for name in NAMES]
    generate(problems, root / "data", options=Options(max_examples=8))
    training = TrainingConfig(
        train_steps=16,
        save_steps=8,
        keep_checkpoints=5,
        batch_cost_text=64,
        ema_decay=request.param,
    )
    train(HParams(SMALL, training), NAMES, root / "data", root / "run")
    return root / "run"


def values(run: Run) -> list[np.ndarray]:
    parts = weights_by_part(run.model).values()
    return [weight.value.numpy() for own in parts for weight in own]


def test_the_average_is_the_mean_and_loads_as_a_run(
    folder: Path, tmp_path: Path
) -> None:
    assert [Path(path).name for path in list_checkpoints(folder)] == [
        "model.ckpt-8",
        "model.ckpt-16",
    ]
    run = load_run(folder, "8")
    first = values(run)
    second_run = run.at("16")
    second = values(second_run)
    assert (run.step, second_run.step) == (8, 16)
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    made, taken = average_checkpoints(folder, tmp_path / "average", last=2)
    assert [Path(path).name for path in taken] == ["model.ckpt-8", "model.ckpt-16"]
    averaged = load_run(tmp_path / "average")
    assert averaged.step == 16 and averaged.checkpoint == made
    for a, b, mean in zip(first, second, values(averaged), strict=True):
        if np.issubdtype(a.dtype, np.floating):
            np.testing.assert_allclose(mean, (a + b) / 2, rtol=1e-5, atol=1e-7)
        else:
            np.testing.assert_array_equal(mean, b)


def test_a_copied_checkpoint_is_a_run_and_replaces_the_one_before(
    folder: Path, tmp_path: Path
) -> None:
    for step in (8, 16):
        path = str(folder / f"model.ckpt-{step}")
        copied = copy_checkpoint(path, folder, tmp_path)
        run = load_run(tmp_path)
        assert (run.step, run.checkpoint) == (step, copied)
        assert list_checkpoints(tmp_path) == (copied,)
        for ours, theirs in zip(
            values(run), values(load_run(folder, str(step))), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_too_few_checkpoints_or_a_folder_in_use_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"has 2 checkpoints, not 3 .* model\.ckpt-8"):
        average_checkpoints(folder, tmp_path, last=3)
    with pytest.raises(ValueError, match="holds a run"):
        average_checkpoints(folder, folder, last=2)
