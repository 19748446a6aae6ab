"""Gin: the same fields, the same errors, and a file that reproduces a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.models.config import ModelConfig
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.gin_bindings import apply_gin, to_gin

HPARAMS = HParams(ModelConfig(), TrainingConfig(), "multimodel_tiny")


def test_bindings_win_over_files_and_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "a.gin"
    file.write_text("hparams.depth = 64\nhparams.mixture = 'a=3,b=1'\n")
    changed = apply_gin(HPARAMS, [str(file)], ["hparams.depth = 32"])
    assert changed.fields()["depth"] == 32
    assert changed.fields()["mixture"] == "a=3,b=1"
    assert apply_gin(HPARAMS) == HPARAMS


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    changed = HPARAMS.override(
        "depth=64,learning_rate=1e-5,mixture='a=3,b=1',image_filters=(8,9)"
    )
    file = tmp_path / "hparams.gin"
    file.write_text(to_gin(changed))
    assert apply_gin(HPARAMS, [str(file)]) == changed


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("hparams.dept = 3", "multimodel_tiny has no field 'dept'; near it: depth."),
        ("hparams.depth = 'a'", "multimodel_tiny: depth is of type int; 'a' is not."),
        ("hparams.depth =", "gin cannot read hparams.depth =: Unable to parse"),
        ("other.depth = 3", "gin cannot read other.depth = 3: No configurable"),
    ],
)
def test_a_wrong_binding_is_refused(binding: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        apply_gin(HPARAMS, [], [binding])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no gin file"):
        apply_gin(HPARAMS, [str(tmp_path / "no.gin")])
