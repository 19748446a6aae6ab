"""One command runs the parts, joins their rows, and says which part failed."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def run_all(monkeypatch: pytest.MonkeyPatch, *flags: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["all", *flags])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FOLDER / "all.py"), run_name="__main__")
    return status.value.code


def test_a_part_is_run_and_its_rows_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "speed.json"
    status = run_all(monkeypatch, "--quick", "--parts=ceilings", f"--output={output}")
    assert status == 0
    found = json.loads(output.read_text("utf-8"))
    names = [(row["part"], row["what"]) for row in found["rows"]]
    assert ("ceilings", "bfloat16 products") in names
    first = next(row for row in found["rows"] if row["what"] == "float32 products")
    assert first["ratio"] == 1.0
    assert first["value"] == found["parts"]["ceilings"]["ceilings"]["float32 products"]
    assert "bfloat16 products" in capsys.readouterr().out


def test_a_part_that_fails_is_named_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "speed.json"
    flags = ("--parts=joint,ceilings", f"--data_dir={tmp_path}", f"--output={output}")
    assert run_all(monkeypatch, "--quick", *flags) == 1
    assert "joint: " in capsys.readouterr().err
    assert list(json.loads(output.read_text("utf-8"))["parts"]) == ["ceilings"]


def test_every_part_is_a_program_here_and_is_explained() -> None:
    found = runpy.run_path(str(FOLDER / "all.py"))
    for name, part in found["PARTS"].items():
        assert (FOLDER / part.script).is_file()
        assert f"\n  {name} " in found["__doc__"]


def test_rows_of_older_parts_compare_with_the_same_run() -> None:
    found = runpy.run_path(str(FOLDER / "all.py"))
    runs = [
        {"times": 1, "pairs_per_second": 10.0, "peak_mb": 100.0},
        {"times": 5, "pairs_per_second": 30.0, "peak_mb": 120.0},
    ]
    told = found["generation_rows"]({"runs": runs})
    assert [row["ratio"] for row in told] == [1.0, 1.0, 3.0, 1.2]
    beside = {"runs": runs, "tensor2tensor": {"pairs_per_second": 5.0}}
    assert found["generation_rows"](beside)[2]["ratio"] == 6.0
    case = {
        "experts": 4,
        "tokens": 8,
        "gflops": 50.0,
        "share_of_ceiling": 0.25,
        "forward_s": 1.0,
        "forward_times_dense": 2.0,
        "both_s": 4.0,
        "both_times_dense": 3.0,
    }
    told = found["experts_rows"]({"cases": [case]})
    assert [row["ratio"] for row in told] == [2.0, 3.0, 0.25]
    memory = [
        {"set": "a", "fits": True, "predicted": 3 * 2**20, "measured": 2**21},
        {"set": "b", "fits": False, "predicted": 2**40},
    ]
    assert [row["ratio"] for row in found["memory_rows"](memory)] == [1.5]
