"""Which checkpoints stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.training import checkpoint_files as files


def kept(folder: Path, steps: range, keep: int, keep_every: int) -> list[int]:
    """The steps left when a checkpoint of each step was saved in turn."""
    for step in steps:
        path = files.start_saving(folder, step)
        for end in ("index", "data-00000-of-00001"):
            Path(f"{path}.{end}").write_text(str(step))
        files.write_manifest(path)
        files.finish_saving(folder, path)
        files.prune(folder, keep, keep_every)
    for path in files.list_checkpoints(folder):
        files.check_files(path)
    return [files.step_of(path) for path in files.list_checkpoints(folder)]


@pytest.mark.parametrize(
    ("steps", "keep", "keep_every", "expected"),
    [
        (range(1, 8), 3, 0, [5, 6, 7]),
        (range(1, 8), 9, 0, [1, 2, 3, 4, 5, 6, 7]),
        (range(10, 100, 10), 2, 30, [30, 60, 80, 90]),
        # What falls between multiples: the first one after each stays.
        (range(10, 100, 10), 1, 25, [30, 50, 80, 90]),
        (range(10, 50, 10), 1, 1, [10, 20, 30, 40]),
    ],
)
def test_the_newest_stay_and_the_first_of_every_stretch(
    tmp_path: Path, steps: range, keep: int, keep_every: int, expected: list[int]
) -> None:
    assert kept(tmp_path, steps, keep, keep_every) == expected
    lines = (tmp_path / "checkpoint").read_text().splitlines()
    assert lines[0] == f'model_checkpoint_path: "model.ckpt-{expected[-1]}"'
    assert len(lines) == len(expected) + 1


def test_a_manifest_of_another_checkpoint_is_noticed(tmp_path: Path) -> None:
    kept(tmp_path, range(1, 3), 2, 0)
    one, two = (f"{tmp_path}/model.ckpt-{step}.manifest.json" for step in (1, 2))
    Path(one).replace(two)
    with pytest.raises(files.DamagedCheckpointError, match="is of another checkpoint"):
        files.check_files(str(tmp_path / "model.ckpt-2"))


def test_a_file_that_the_manifest_does_not_list_is_noticed(tmp_path: Path) -> None:
    kept(tmp_path, range(1, 2), 1, 0)
    (tmp_path / "model.ckpt-1.data-00001-of-00002").write_text("x")
    with pytest.raises(files.DamagedCheckpointError, match="does not list model"):
        files.check_files(str(tmp_path / "model.ckpt-1"))


def test_files_of_other_names_are_let_alone(tmp_path: Path) -> None:
    for name in ("model.ckpt-best.index", "model.ckpt-.index", "events.out", "x.index"):
        (tmp_path / name).write_text(name)
    assert kept(tmp_path, range(1, 3), 1, 0) == [2]
    files.tidy(tmp_path)
    assert (tmp_path / "model.ckpt-best.index").exists()
    assert (tmp_path / "model.ckpt-.index").exists()
