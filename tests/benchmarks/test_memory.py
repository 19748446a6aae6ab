"""The benchmark of memory: it measures processes, and shows what it measured."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

FILE = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_memory", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# A process counts what its parent held when it began; here that is little.
_MEASURE = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("benchmark_of_memory", {str(FILE)!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for size in (1, 200_000_000):
    print(module.peak_of([sys.executable, "-c", f"b'1' * {{size}}"]))
"""


def test_the_most_that_a_process_held_is_measured() -> None:
    command = [sys.executable, "-c", _MEASURE]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    none, much = map(int, told.split())
    assert 150e6 < much - none < 250e6


def test_a_program_that_fails_is_named(benchmark: ModuleType) -> None:
    with pytest.raises(OSError, match=r"-c raise SystemExit\(3\): exit status 3"):
        benchmark.peak_of([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_set_that_fits_has_an_error_and_another_one_a_remedy(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    fits = {"set": "a", "predicted": 2e9, "measured": 1.6e9, "error": 0.25}
    large = {"set": "b", "predicted": 5e10, "proposal": "num_experts=9"}
    rows = [
        {**fits, "fits": True, "proposal": ""},
        {**large, "fits": False},
    ]
    Console(width=80).print(benchmark.as_table(rows))
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["a", "2.00", "GB", "1.60", "GB", "+25.0", "%"] in shown
    assert ["b", "50.00", "GB", "does", "not", "fit", "num_experts=9"] in shown
