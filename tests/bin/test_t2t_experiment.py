"""The program t2t-experiment: its help, what it lists, its errors."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.bin import t2t_experiment
from t2t_multimodel.testing.run_program import call_program, run_program

program = functools.partial(run_program, "t2t-experiment")


def test_help_teaches_and_needs_no_tensorflow() -> None:
    status, output, errors = program("--help")
    assert (status, errors) == (0, ["tensorflow: False"])
    for taught in ("--experiments=parsing_transfer", "--minutes", "--scarce", "--list"):
        assert taught in output


def test_all_experiments_are_listed_with_what_they_are() -> None:
    status, output, errors = program("--list")
    assert (status, errors) == (0, ["tensorflow: False"])
    lines = dict(line.split(maxsplit=1) for line in output.splitlines())
    assert tuple(lines) == registry.list_experiments()
    assert "(table 2)" in lines["joint_vs_single"]


def test_a_recipe_is_shown_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert call_program(t2t_experiment, "--describe=parsing_transfer") == 0
    assert "def parsing_transfer(setting: Setting)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--experiments is missing; there are: ablation, joint_vs_single"),
        (["--experiments=ablatoin"], "no experiment 'ablatoin'; near it: ablation"),
        (["--describe=scalling"], "near it: scaling"),
        (["more"], "'more' is no flag"),
        (["--experiments=ablation"], "--output_dir is missing"),
        (["--experiments=ablation", "--hparams=dept=3"], "near it: depth"),
        (
            ["--experiments=ablation", "--output_dir=x", "--mixture=uniform"],
            "--mixture='uniform' is not of the form PROBLEM=RATE",
        ),
        (
            ["--experiments=ablation", "--output_dir=x", "--mixture=parse_mini=0"],
            "--mixture='parse_mini=0' is not of the form PROBLEM=RATE",
        ),
        (
            ["--experiments=ablation", "--output_dir=x", "--scarce=parse_mini"],
            "--scarce='parse_mini' is not of the form PROBLEM:EXAMPLES",
        ),
        (
            ["--experiments=ablation", "--output_dir=x", "--scarce=parse_wsj:5"],
            "scarce names parse_wsj, which is not among the problems: speech_mini",
        ),
        (
            ["--experiments=ablation", "--output_dir=x", "--problems=parse_wsj"],
            "--data_dir is missing: parse_wsj need a corpus",
        ),
    ],
)
def test_a_fault_is_one_line_and_needs_no_tensorflow(
    arguments: list[str], message: str
) -> None:
    status, output, (line, tensorflow) = program(*arguments)
    assert (status, output, tensorflow) == (1, "", "tensorflow: False")
    assert line.startswith("t2t-experiment: error: ")
    assert message in line
    assert not Path("x").exists()


def test_a_recipe_of_ones_own_is_found_in_the_users_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(RECIPE, "utf-8")
    registry.import_usr_dir(tmp_path)
    call_program(t2t_experiment, "--list")
    assert "my_question" in capsys.readouterr().out
    call_program(t2t_experiment, "--describe=my_question")
    assert capsys.readouterr().out.endswith(RECIPE)


RECIPE = '''
from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Experiment


@registry.register_experiment
def my_question(setting):
    """Mine."""
    return Experiment("Mine?", (setting.together(),), ())
'''
