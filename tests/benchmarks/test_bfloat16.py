"""The comparison of float32 and bfloat16: what it calls noise, and that it goes on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "bfloat16.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_bfloat16", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.FLAGS(["bfloat16.py"])
    return module


def test_a_difference_is_measured_by_the_spread_of_seeds(benchmark) -> None:
    near = benchmark.Compared("near", (90.0, 92.0, 94.0), (91.0, 93.0, 95.0))
    assert near.difference == pytest.approx(1.0)
    assert near.error == pytest.approx(((4 + 4) / 3) ** 0.5)
    assert near.is_noise is True
    far = benchmark.Compared("far", (90.0, 92.0, 94.0), (80.0, 82.0, 84.0))
    assert (far.difference, far.is_noise) == (pytest.approx(-10.0), False)


def test_where_seeds_agree_the_examples_decide(benchmark) -> None:
    alike = ((99.8, 99.8), (99.6, 99.6))
    assert benchmark.Compared("m", *alike).is_noise is False
    assert benchmark.Compared("m", *alike, noise=0.3).is_noise is True


def test_one_seed_without_an_interval_tells_nothing(benchmark) -> None:
    one = benchmark.Compared("m", (1.0,), (2.0,))
    assert (one.error, one.is_noise) == (None, None)
    assert benchmark.Compared("m", (1.0,), (2.0,), noise=0.5).is_noise is False


def test_losses_are_means_of_targets_at_whole_intervals(benchmark, tmp_path) -> None:
    problems = {
        "a": {"loss": 1.0, "targets": 30},
        "b": {"loss": 5.0, "targets": 10},
        "c": {"loss": None, "targets": 9},
    }
    lines = [
        {"step": 20, "problems": problems},
        {"step": 33, "problems": problems},
        {"step": 40, "mixture": {"old": "", "new": ""}},
    ]
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert benchmark.losses_of(ledger) == {"20": (2.0, None)}


def test_runs_that_are_done_are_not_run_again(
    benchmark, tmp_path, monkeypatch, capsys
) -> None:
    started = []

    def run(command, check):
        policy, seed = command[-1].removeprefix("--child=").split(",")
        started.append((policy, seed))
        value = 90.0 + (policy == "mixed_bfloat16") + 2.0 * int(seed)
        record = {
            "scores": {"p/bleu": (value, (value - 1, value + 1))},
            "losses": {"20": (2.0, None), "40": (1.5, None)},
            "seconds": 10.0,
        }
        file = benchmark.record_file(tmp_path, policy, seed)
        file.write_text(json.dumps(record), "utf-8")
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(benchmark.subprocess, "run", run)
    benchmark.FLAGS(["", f"--folder={tmp_path}", "--data_dir=data", "--seeds=0,1"])
    benchmark.main([])
    both = [(policy, seed) for seed in "01" for policy in benchmark.POLICIES]
    assert started == both
    benchmark.FLAGS(["", "--seeds=0,1,2"])
    benchmark.main([])
    assert started == both + [(policy, "2") for policy in benchmark.POLICIES]
    last = [line.split() for line in capsys.readouterr().out.splitlines()]
    row = ["p/bleu", "92.00", "93.00", "+1.00", "1.63", "±1.00", "yes"]
    assert row in last
