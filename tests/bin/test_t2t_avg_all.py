"""The program t2t-avg-all: its help, its errors, a run averaged and evaluated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from t2t_multimodel.bin import t2t_avg_all
from t2t_multimodel.training.restore import load_run


def call(*arguments: str) -> None:
    for name in t2t_avg_all.FLAGS:
        t2t_avg_all.FLAGS[name].unparse()
    t2t_avg_all.main(t2t_avg_all.FLAGS(["t2t-avg-all", *arguments])[1:])


def test_help_teaches_and_needs_no_tensorflow() -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write(str('tensorflow' in sys.modules)))\n"
        "from t2t_multimodel.bin import t2t_avg_all\n"
        "sys.argv = ['t2t-avg-all', '--help']\n"
        "t2t_avg_all.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == "False"
    assert "--averaged_dir=run_averaged --n=5" in done.stdout


def test_a_run_of_one_checkpoint_is_its_own_average(
    run_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "averaged"
    call(f"--output_dir={run_folder / 'run'}", f"--averaged_dir={target}", "--n=1")
    assert load_run(target).problem_names == load_run(run_folder / "run").problem_names


def test_faults_are_named(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--averaged_dir is missing"):
        call(f"--output_dir={run_folder / 'run'}")
    with pytest.raises(ValueError, match="has 1 checkpoints, not 8"):
        call(f"--output_dir={run_folder / 'run'}", f"--averaged_dir={tmp_path}")
    with pytest.raises(ValueError, match="takes flags only"):
        call("run")
