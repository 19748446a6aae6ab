"""The model of what several workers gain: its numbers by hand, and its fit."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "scaling.py"


@pytest.fixture(scope="module")
def scaling() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_scaling", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_ring_sends_all_but_what_it_keeps_twice(scaling: Any) -> None:
    assert scaling.ring_seconds(100.0, 50.0, 1) == 0.0
    assert scaling.ring_seconds(100.0, 50.0, 2) == 2.0
    assert scaling.ring_seconds(100.0, 50.0, 4) == 3.0


def test_efficiency_is_what_communication_leaves(scaling: Any) -> None:
    assert scaling.efficiency(1.0, 100.0, 50.0, 1) == 1.0
    assert scaling.efficiency(2.0, 100.0, 50.0, 2) == 0.5
    assert scaling.efficiency(1.0, 100.0, 1e12, 16) > 0.999


def test_the_fit_gives_back_what_the_times_were_made_of(scaling: Any) -> None:
    sizes = (4096.0, 1e6, 1e8)
    times = {size: 0.002 + scaling.ring_seconds(size - 4096, 3e8, 4) for size in sizes}
    latency, bandwidth = scaling.fit(times, 4)
    assert latency == pytest.approx(0.002)
    assert bandwidth == pytest.approx(3e8)


def test_more_workers_and_slower_networks_leave_less(scaling: Any) -> None:
    rows = scaling.predictions(1.0)
    assert len(rows) == 12
    for row in rows:
        shares = [row[str(n)] for n in scaling.NUM_WORKERS]
        assert shares == sorted(shares, reverse=True)
        assert all(0 < share <= 1 for share in shares)
    by_network = [row["16"] for row in rows if row["set"] == "multimodel_base"]
    assert by_network == sorted(by_network)
