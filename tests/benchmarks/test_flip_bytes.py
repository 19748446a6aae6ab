"""Damaged checkpoints: the benchmark finds nothing, and would find it."""

from __future__ import annotations

import importlib.util
import io
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from t2t_multimodel.training import checkpoint_choice

FILE = Path(__file__).parents[2] / "benchmarks" / "flip_bytes.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_flips", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench(benchmark: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return benchmark.Bench(tmp_path_factory.mktemp("flips"))


def judged(benchmark: ModuleType, bench: Any, times: int) -> tuple[dict[str, int], str]:
    console = Console(file=io.StringIO(), width=1000)
    counts = benchmark.damage(bench, times, random.Random(1), console)
    total: dict[str, int] = {}
    for row in counts.values():
        for verdict, count in row.items():
            total[verdict] = total.get(verdict, 0) + count
    assert isinstance(console.file, io.StringIO)
    return total, console.file.getvalue()


def test_every_damage_ends_as_the_older_or_the_right_weights(
    benchmark: ModuleType, bench: Any
) -> None:
    total, output = judged(benchmark, bench, 12)
    assert total["older"] >= 4 and total["right"] >= 1
    assert (total["older"] + total["right"], output) == (12, "")


def test_what_goes_unnoticed_is_counted(
    benchmark: ModuleType, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_choice, "check_whole", lambda path: None)
    total, output = judged(benchmark, bench, 12)
    assert total["others"] >= 1
    assert len(output.splitlines()) == total["others"]
