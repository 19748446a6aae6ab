"""Curves come back as they were written, however the run went."""

from __future__ import annotations

from pathlib import Path

from t2t_multimodel.reporting.curves import read_curves
from t2t_multimodel.training.summaries import Summaries


def write(folder: Path, part: str, values: dict[int, float]) -> None:
    summaries = Summaries(folder)
    for step, value in values.items():
        summaries.scalars(part, step, {"a/loss": value})
    summaries.close()


def test_of_a_step_taken_twice_the_later_one_counts(tmp_path: Path) -> None:
    write(tmp_path, "train", {1: 5.0, 2: 4.0, 3: 3.5})
    write(tmp_path, "train", {3: 3.25, 4: 2.0})
    write(tmp_path, "dev", {2: 6.0})
    curves = read_curves(tmp_path)
    assert curves.get("train", "a/loss") == [(1, 5.0), (2, 4.0), (3, 3.25), (4, 2.0)]
    assert curves.get("dev", "a/loss") == [(2, 6.0)]
    assert curves.names("train") == ("a/loss",)
    assert curves.get("eval", "a/loss") == curves.get("dev", "b/loss") == []


def test_a_file_that_ends_amidst_a_point_is_read_up_to_it(tmp_path: Path) -> None:
    write(tmp_path, "train", {1: 5.0, 2: 4.0})
    (path,) = (tmp_path / "train").iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    assert read_curves(tmp_path).get("train", "a/loss") == [(1, 5.0)]


def test_what_is_no_figure_is_passed_over(tmp_path: Path) -> None:
    summaries = Summaries(tmp_path)
    summaries.text("train", 1, "mixture", "uniform")
    summaries.close()
    assert read_curves(tmp_path).names("train") == ()
