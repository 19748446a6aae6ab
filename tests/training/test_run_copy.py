"""Files of a run that are copied: whole, or as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t2t_multimodel.training.run_copy import copy_run_files


def test_a_copy_that_is_cut_off_leaves_the_file_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    run.mkdir()
    (run / "config.json").write_text("old")
    copy_run_files(run, copy)
    (run / "config.json").write_text("new and longer")

    def cut(source: Path, target: Path) -> None:
        target.write_text(source.read_text()[:5])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "copyfile", cut)
        copy_run_files(run, copy)
    assert (copy / "config.json").read_text() == "old"
    copy_run_files(run, copy)
    assert [path.name for path in copy.iterdir()] == ["config.json"]
    assert (copy / "config.json").read_text() == "new and longer"
