"""The benchmark that kills trainings: it hits what it aims at, and sees differences."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import tensorflow as tf

from t2t_multimodel.training import checkpoint_files
from t2t_multimodel.training.ledger_file import LedgerFile
from t2t_multimodel.training.tensor_file import write_tensors

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "kill_and_resume.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_kills", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_phase_is_aimed_at_and_the_data_come_first(
    benchmark: ModuleType,
) -> None:
    chance = random.Random(0)
    spans = dict.fromkeys(benchmark.PHASES, 2.0)
    seen = set()
    for _ in range(20):
        found = benchmark.aims(chance, spans, 3)
        is_generation = [aim.phase == benchmark.GENERATION for aim in found]
        assert is_generation == sorted(is_generation, reverse=True)
        assert all(0 <= aim.delay <= 2 and aim.turn >= 1 for aim in found)
        seen |= {aim.phase for aim in found}
    assert seen == set(benchmark.PHASES)


def test_a_command_is_killed_in_its_phase_and_ends_when_called_again(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    monkeypatch.setenv("PYTHONPATH", path)
    job = benchmark.Job(tmp_path, "image_mini", [["--train_steps=1"]])
    aim = benchmark.Aim(benchmark.GENERATION, 1, 0.1)
    assert job.run(job.generate, aim) == benchmark.GENERATION
    assert not (tmp_path / "data" / "image_mini.manifest.json").exists()
    assert job.run(job.generate, None) is None
    assert (tmp_path / "data" / "image_mini.manifest.json").exists()
    with pytest.raises(SystemExit, match=r"ended with status 1: .* no flag"):
        job.run([*job.generate, "nonsense=1"], None)


def test_the_mixture_of_the_second_half_is_a_training_of_its_own(
    benchmark: ModuleType,
) -> None:
    given = SimpleNamespace(train_steps=9, mixture="a=2", then=None, batches_per_step=3)
    (alone,) = benchmark.trainings(given)
    assert alone[1:] == ["--train_steps=9", "--mixture=a=2"]
    assert alone[0].endswith(",batches_per_step=3")
    given.then = "b=2"
    assert [flags[1:] for flags in benchmark.trainings(given)] == [
        ["--train_steps=4", "--mixture=a=2"],
        ["--train_steps=9", "--mixture=b=2"],
    ]


def test_a_difference_is_named(benchmark: ModuleType, tmp_path: Path) -> None:
    whole, other = tmp_path / "whole", tmp_path / "other"
    save(whole, weight=1.0, state='{"positions": {"a": 3}, "ledger": 1.5}')
    (whole / "data").mkdir()
    (whole / "data" / "vocab.model").write_bytes(b"v")
    shutil.copytree(whole, other)
    assert benchmark.difference(other, whole) == ""
    save(other, weight=1.0, state='{"positions": {"a": 3}, "ledger": 2.5}')
    assert benchmark.difference(other, whole) == ""
    save(other, weight=1.0, state='{"positions": {"a": 4}, "ledger": 1.5}')
    assert benchmark.difference(other, whole).startswith("state/")
    save(other, weight=1.0 + 2**-23, state='{"positions": {"a": 3}}')
    assert benchmark.difference(other, whole).startswith("weights/a/0/")
    LedgerFile(other / "run").append({"step": 3, "since": 0, "problems": {}})
    assert benchmark.difference(other, whole) == "ledger"
    (other / "data" / "vocab.model").write_bytes(b"w")
    assert benchmark.difference(other, whole) == "data"


def save(folder: Path, weight: float, state: str) -> None:
    """A checkpoint of one weight."""
    path = checkpoint_files.start_saving(folder / "run", 1)
    write_tensors(path, {"weights/a/0": tf.constant(weight), "state": state})
    checkpoint_files.write_manifest(path)
    checkpoint_files.finish_saving(folder / "run", path)
    checkpoint_files.prune(folder / "run", 1)
