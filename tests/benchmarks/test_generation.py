"""The benchmark of generation measures what it says, on a little text."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "generation.py"

# The smallest encoder that can stand in for tensor2tensor's.
ENCODER = """
import tensorflow as tf

class SubwordTextEncoder:
    vocab_size = 7

    @classmethod
    def build_to_target_size(cls, size, counts, lowest, highest):
        tf.logging.info("%d tokens", len(counts))
        return cls()

    def encode(self, text):
        return list(text)
"""


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_generation", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_both_are_measured_on_the_same_text(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    package = tmp_path / "t2t" / "tensor2tensor" / "data_generators"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "text_encoder.py").write_text(ENCODER)
    (package / "tokenizer.py").write_text("encode = str.split\n")
    tensorflow = sys.modules.pop("tensorflow")
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", path)
        try:
            result = benchmark.main(
                [
                    *("--pairs=300", "--times=2", "--num_workers=1"),
                    *(f"--t2t_dir={tmp_path}/t2t", f"--tmp_dir={tmp_path}"),
                    f"--json={tmp_path}/result.json",
                ]
            )
        finally:
            sys.modules["tensorflow"] = tensorflow
            for name in [n for n in sys.modules if n.startswith("tensor2tensor")]:
                del sys.modules[name]
    (run,) = result["runs"]
    assert run["pairs"] == 300 * 2 + 300 * 2  # dev and test have the text once
    assert run["pairs_per_second"] == pytest.approx(run["pairs"] / run["seconds"])
    assert run["peak_mb"] > 30 and run["cpu_seconds"] > 0.1
    assert result["memory_ratio"] == 1.0
    assert result["tensor2tensor"]["vocab_size"] == 7
    assert json.loads((tmp_path / "result.json").read_text()) == result
    assert {path.name for path in tmp_path.iterdir()} == {"t2t", "result.json"}


def test_the_memory_of_all_processes_counts(benchmark: ModuleType) -> None:
    hungry = "b = bytearray(80_000_000); print('full', flush=True); input()"
    child = f"[sys.executable, '-c', {hungry!r}]"
    code = f"import subprocess, sys; subprocess.run({child})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout and process.stdin
    with process, process.stdout, process.stdin:
        assert process.stdout.readline() == b"full\n"
        family = benchmark._family(process.pid)
        assert len(family) == 2
        assert sum(map(benchmark._peak_bytes, family)) > 80_000_000
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.wait()
    assert benchmark._family(process.pid) == [process.pid]
    assert benchmark._peak_bytes(process.pid) == 0


def test_what_is_fixed_is_told_from_what_each_pair_takes(benchmark: ModuleType) -> None:
    def run(pairs: int, seconds: float) -> object:
        return benchmark.Run(1, 1, pairs, seconds, seconds, 100.0)

    parts = benchmark._parts(run(1_000, 3.0), run(5_000, 5.0))
    assert parts == {"further_pairs_per_second": 2_000.0, "fixed_seconds": 2.5}
