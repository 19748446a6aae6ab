"""The benchmark of training tells a case's figures, and the peer's beside them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import registry

FILE = Path(__file__).parents[2] / "benchmarks" / "training.py"


def test_a_case_is_measured(measured_case: Any) -> None:
    found = measured_case(FILE, "text_tiny_k4", 1)
    assert found["target_tokens_per_s"] == pytest.approx(16 * 64 / found["step_s"])
    assert found["losses"][-1] < found["losses"][0]
    assert found["products"] == "float32" and found["ceiling_gflops"] > 1
    # The top alone: forward and both gradients of [1024, 16] x [16, 8192].
    top = 2 * 1024 * 16 * 8192 / 1e9
    assert found["gflop_per_step"] > 3 * top
    assert top < found["gflop_forward"] < found["gflop_per_step"] / 2


def test_a_row_compares_with_the_ceiling_and_with_the_peer() -> None:
    rows_of = runpy.run_path(str(FILE))["rows_of"]
    ours = {
        "step_s": 0.5,
        "forward_s": 0.1,
        "first_step_s": 5.0,
        "params": 2e6,
        "gflop_per_step": 30.0,
        "gflop_forward": 10.0,
        "rss_peak_mib": 300,
    }
    peer = {**ours, "step_s": 1.0, "rss_peak_mib": 600}
    half = {**ours, "step_s": 0.25, "products": "bfloat16", "ceiling_gflops": 600.0}
    ours["ceiling_gflops"] = 200.0
    sides = {"ours": ours, "peer": peer, "again": ours, "bfloat16": half}
    rows = rows_of("case", sides)
    told = {row["what"]: row["ratio"] for row in rows}
    assert told["step, bfloat16"] == 30 / 0.25 / 600
    assert told["steps a second, bfloat16"] == 4.0
    assert told["step, ours"] == 30 / 0.5 / 200
    assert told["step, peer"] == 30 / 1.0 / 200
    assert told["steps a second, again"] == 2.0
    assert told["forward"] == 10 / 0.1 / 200
    assert told["peak memory"] == 0.5
    assert told["first step"] == 10


def test_every_case_is_a_model_that_its_set_can_be() -> None:
    for case in runpy.run_path(str(FILE))["CASES"].values():
        changed = registry.hparams(case.hparams_set).override(case.changes)
        assert changed.model.top_k in (2, 4)
