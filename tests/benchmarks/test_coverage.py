"""The trials of intervals."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "coverage.py"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_coverage", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_wide_spread_gives_wide_intervals_which_hold_the_truth(
    coverage: ModuleType,
) -> None:
    covered, cases = coverage.covered, coverage.CASES
    part, width = covered(3, cases["all, seeds most"], tries=20)
    assert part >= 0.8
    assert width > 2 * covered(3, cases["all, seeds least"], tries=20)[1]


def test_looking_often_finds_more_often_than_one_time_in_twenty(
    coverage: ModuleType,
) -> None:
    assert 0.06 < coverage.found_by_looking(1000) < 0.2


def test_every_case_has_a_line(
    coverage: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    coverage.main(["--tries=1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 3 * len(coverage.CASES) + 1
