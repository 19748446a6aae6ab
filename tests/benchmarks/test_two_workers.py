"""Two worker processes on loopback, one of them killed: the weights of one process."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "two_workers.py"


@pytest.fixture(scope="module")
def two_workers() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_two_workers", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_workers_one_of_them_killed_end_where_one_process_ends(
    two_workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every process builds the steps' graphs; what workers exchange is the same of less.
    less = two_workers.HPARAMS.replace("mixer_blocks=1", "mixer_blocks=0")
    monkeypatch.setattr(two_workers, "HPARAMS", f"{less},use_attention=false")
    data, one, two = tmp_path / "data", tmp_path / "one", tmp_path / "two"
    two_workers.make_data(data)
    two_workers.train(data, one, 8)
    # Each of two workers trains on an odd number's half, or on nothing.
    two_workers.train(data, two, 8, "--local_workers=2", kill=True)
    found = two_workers.compare(one, two)
    assert found["tensors"] > 50
    assert found["largest_difference"] < 1e-5 < found["largest_weight"]
    assert (two / "config.json").exists()
    assert not list(tmp_path.glob("two/*.tmp"))
