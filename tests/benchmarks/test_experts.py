"""The benchmark of experts counts operations and bytes rightly and tells a case."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "experts.py"


def test_operations_and_bytes_by_hand() -> None:
    shape = runpy.run_path(str(FILE))["Shape"](10, 3, 5, experts=7, top_k=2)
    # Two products of [10 * 2, 3] and [3, 5], a multiplication and an addition each.
    assert shape.flops == 2 * 2 * 20 * 3 * 5
    assert shape.weight_bytes == 4 * 7 * (3 * 5 + 5 + 5 * 3 + 3)


def test_the_fastest_round_counts_but_not_the_first() -> None:
    now = [0.0]

    def work(*seconds: float) -> Callable[[], None]:
        left = list(seconds)

        def call() -> None:
            now[0] += left.pop(0)

        return call

    calls = {"a": work(1.0, 5.0, 4.0), "b": work(9.0, 2.0, 3.0)}
    seconds, cores = runpy.run_path(str(FILE))["fastest"](calls, 2, lambda: now[0])
    assert seconds == {"a": 4.0, "b": 2.0}
    assert cores.keys() == {"a", "b"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_case_is_measured(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dtype: str,
) -> None:
    output = tmp_path / "experts.json"
    size = ("--experts=6", "--tokens=32", "--depth=8", "--hidden=4", "--top_k=2")
    flags = (*size, f"--dtype={dtype}", "--rounds=1", f"--output={output}")
    monkeypatch.setattr(sys, "argv", ["experts", *flags])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FILE), run_name="__main__")
    assert status.value.code == 0
    (case,) = json.loads(output.read_text())["cases"]
    assert case["both_times_dense"] == case["both_s"] / case["dense_both_s"]
    rate = 3 * 4 * 32 * 2 * 8 * 4 / case["both_s"]
    assert case["gflops"] == pytest.approx(rate / 1e9)
    assert set(case["stages_s"]) == {"router", "dispatch", "products", "combine"}
    assert f"depth 8, hidden 4, k 2, {dtype}" in capsys.readouterr().out
