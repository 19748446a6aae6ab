"""The benchmark of other backends tells what is missing, and a case's figures."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "other_backends.py"


def test_a_backend_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "jax" else find(name)
    )
    monkeypatch.setattr(sys, "argv", ["other_backends", "--backend=jax"])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FILE), run_name="__main__")
    assert status.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("other-backends: error: --backend=jax: the Python package")
    assert said.count("\n") == 1


def test_a_rate_is_compared_with_products_of_its_own_type() -> None:
    rows_of = runpy.run_path(str(FILE))["rows_of"]
    record = {
        "step_s": 0.3,
        "queued_step_s": 0.2,
        "achieved_gflops": 50.0,
        "gflop_per_step": 10.0,
        "target_tokens_per_s": 7.0,
        "first_step_s": 9.0,
        "peak_device_mib": None,
        "program_gflop": 40.0,
    }
    ceilings = {"float32 products": 100.0, "bfloat16 products": 400.0}
    told = {
        policy: {
            row["what"]: row["ratio"]
            for row in rows_of("text", policy, record, ceilings)
        }
        for policy in ("float32", "mixed_bfloat16")
    }
    assert told["float32"]["rate"] == 0.5
    assert told["mixed_bfloat16"]["rate"] == 0.125
    assert told["float32"]["operations of the program"] == 4.0
    assert "peak device memory" not in told["float32"]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_case_is_measured(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    output = tmp_path / "steps.json"
    changes = (
        "depth=16,num_experts=4,expert_hidden_size=8,encoder_blocks=1,"
        "decoder_blocks=1,mixer_blocks=1"
    )
    command = [sys.executable, str(FILE), f"--backend={backend}", "--platform=cpu"]
    command += ["--cases=speech_tiny", "--policies=mixed_bfloat16", "--rounds=2"]
    done = subprocess.run(
        [*command, f"--hparams={changes}", f"--output={output}"],
        env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text("utf-8"))
    record = found["cases"]["speech_tiny@mixed_bfloat16"]
    assert record["losses"][-1] < record["losses"][0]
    # The top alone: forward and both gradients of [1024, 16] x [16, 8192].
    assert record["gflop_per_step"] > 3 * 2 * 1024 * 16 * 8192 / 1e9
    assert found["ceilings"]["bfloat16 products"] > 0
