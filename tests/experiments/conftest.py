"""The world of two problems, and a recipe for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.testing.small_experiment import company, make_world


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    """The name of an experiment, whose problems are known."""
    make_world(tmp_path / "world")
    registry.register_experiment(company)
    return "company"
