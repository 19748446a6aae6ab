"""No path of the machine is shown; what is no path stays as it is."""

from __future__ import annotations

import pytest

from t2t_multimodel.reporting.privacy import shown_command, without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice/run has no model", "…/run has no model"),
        ("made in ~/x/data, by hand", "made in …/data, by hand"),
        ("'/root'", "'…/root'"),
        ("file:/home/alice/a.txt: line 3", "file:…/a.txt: line 3"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("and/or, 3/4, CC-BY/4.0, data/train", "and/or, 3/4, CC-BY/4.0, data/train"),
    ],
)
def test_only_names_are_left_of_absolute_paths(text: str, shown: str) -> None:
    assert without_paths(text) == shown


def test_a_command_keeps_its_flags() -> None:
    command = [
        "/home/alice/env/bin/t2t-trainer",
        "--data_dir=/home/alice/my data",
        "--output_dir=/srv/alice/run",
        "--hparams=log_steps=2,seed=1",
        "run dir",
    ]
    shown = shown_command(command)
    assert "alice" not in shown
    assert shown.split(" \\\n    ") == [
        "t2t-trainer",
        "--data_dir='…/my data'",
        "--output_dir=…/run",
        "--hparams=log_steps=2,seed=1",
        "'run dir'",
    ]
    assert shown_command(["/x/bin/t2t_trainer.py"]) == "t2t-trainer"
    assert shown_command([]) == ""
