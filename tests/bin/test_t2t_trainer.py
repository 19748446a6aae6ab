"""The program t2t-trainer: its help, its errors, and that they need no TensorFlow."""

from __future__ import annotations

import functools
import re

import pytest

from t2t_multimodel import registry
from t2t_multimodel.testing.run_program import run_program

trainer = functools.partial(run_program, "t2t-trainer")


def test_help_teaches_and_needs_no_tensorflow() -> None:
    status, output, errors = trainer("--help")
    assert (status, errors) == (0, ["tensorflow: False"])
    assert "t2t-trainer --problems=mini_eight --data_dir=data" in output
    for flag in ("--hparams_set", "--gin_file", "--[no]dry_run", "--train_steps"):
        assert flag in output


def test_hyper_parameters_are_listed_with_the_values_given() -> None:
    status, output, errors = trainer(
        *("--list_hparams", "--hparams_set=multimodel_small"),
        *("--hparams=depth=192", "--train_steps=77"),
    )
    assert (status, errors) == (0, ["tensorflow: False"])
    assert "A workstation: a quarter of the width" in output
    cells = dict(re.findall(r"^  (\w+)  +(.+?)  +\S", output, re.MULTILINE))
    hparams = registry.hparams("multimodel_small")
    assert cells["depth"] == "192" and cells["train_steps"] == "77"
    assert cells["num_experts"] == str(hparams.model.num_experts)
    assert hparams.fields().keys() <= cells.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--problems=speach_mini"], "no problem 'speach_mini'; near it: speech_mini"),
        (
            ["--problems=mini_eight", "--hparams_set=multimodel_tyni"],
            "no hyper-parameter set 'multimodel_tyni'; near it: multimodel_tiny",
        ),
        (
            ["--problems=mini_eight", "--hparams=num_expert=3"],
            "multimodel_tiny has no field 'num_expert'; near it: num_experts",
        ),
        (
            ["--problems=mini_eight", "--gin_bindings=hparams.num_expert=3"],
            "multimodel_tiny has no field 'num_expert'; near it: num_experts",
        ),
        (
            ["--problems=mini_eight", "--mixture=parse_mini=liner(1@0)"],
            "mixture: 'parse_mini=liner(1@0)': there is no 'liner'; there are step,",
        ),
        (["--problems=mini_eight"], "--data_dir is missing"),
        (["--problems=mini_eight", "--data_dir=d"], "--output_dir is missing"),
        (
            ["--problems=mini_eight", "--data_dir=d", "--dry_run", "--memory_limit=8X"],
            "--memory_limit=8X is no size; write it like 8GB or 750MiB.",
        ),
        (
            ["--problems=mini_eight", "--data_dir=d", "--strategy=miror"],
            "There is no strategy 'miror'; near it: mirrored",
        ),
        (
            ["--problems=mini_eight", "--data_dir=d", "--strategy=multi_worker"],
            "--strategy=multi_worker needs TF_CONFIG, which is not set",
        ),
        (
            [
                *("--problems=mini_eight", "--data_dir=d", "--output_dir=r"),
                "--local_workers=-1",
            ],
            "--local_workers=-1: it takes at least 1.",
        ),
        (["--train_step=3"], "Unknown command line flag 'train_step'"),
        (["parse_mini"], "'parse_mini' is no flag"),
    ],
)
def test_a_mistake_is_one_line_and_needs_no_tensorflow(
    arguments: list[str], message: str
) -> None:
    status, _, errors = trainer(*arguments)
    assert status == 1
    assert errors[-1] == "tensorflow: False"
    assert len(errors) == 2
    assert errors[0].startswith(f"t2t-trainer: error: {message}")


def test_tf_config_is_checked_before_tensorflow_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = '{"cluster": {"worker": ["a:1", "b"]}, "task": {}}'
    monkeypatch.setenv("TF_CONFIG", config)
    status, _, errors = trainer("--problems=mini_eight", "--data_dir=d")
    assert (status, errors[1]) == (1, "tensorflow: False")
    assert "TF_CONFIG: cluster.worker[1] is 'b', not host:port" in errors[0]
