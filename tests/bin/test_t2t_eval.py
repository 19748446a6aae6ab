"""The program t2t-eval: its help, its errors, its table, its JSON."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import pytest

from t2t_multimodel.bin import t2t_eval
from t2t_multimodel.testing.run_program import call_program, run_program
from t2t_multimodel.training.restore import load_run

evaluator = functools.partial(run_program, "t2t-eval")


call = functools.partial(call_program, t2t_eval)

# Quickly done: what is tested here does not hang on the search.
SHORT = "--decode_hparams=max_length=6,constrained=False"
pytestmark = pytest.mark.usefixtures("all_op_by_op")


def test_help_teaches_and_needs_no_tensorflow() -> None:
    status, output, errors = evaluator("--help")
    assert (status, errors) == (0, ["tensorflow: False"])
    for taught in ("t2t-eval --output_dir=run", "--report_dir", "--checkpoint"):
        assert taught in output
    assert "teacher-forced" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--problems=speach_mini", "--output_dir=x"], "near it: speech_mini"),
        ([], "--output_dir is missing"),
        (["--output_dir=x", "--decode_hparams=alhpa=1"], "near it: alpha"),
        (["--output_dir=x", "--split=train"], "train"),
        (["--output_dir=x", "--max_examples=0"], "max_examples"),
        (["--output_dir=x", "--out=y"], "Unknown command line flag 'out'"),
        (["--output_dir=x", "more"], "'more'"),
        (["--output_dir=x", "--best_dir=y"], "needs --checkpoint=all and --best_by"),
    ],
)
def test_a_fault_is_one_line_and_needs_no_tensorflow(
    arguments: list[str], message: str
) -> None:
    status, output, (line, tensorflow) = evaluator(*arguments)
    assert (status, output, tensorflow) == (1, "", "tensorflow: False")
    assert line.startswith("t2t-eval: error: ")
    assert message in line


def test_the_table_names_problems_and_metrics(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call(
        f"--output_dir={run_folder / 'run'}",
        SHORT,
        "--max_examples=3",
        f"--report_dir={tmp_path / 'report'}",
    )
    output = capsys.readouterr().out
    for shown in ("translate_ende_mini", "parse_mini", "image_mini", "step 1"):
        assert shown in output
    for metric in ("BLEU", "F1", "top-1", "teacher-forced", "tok:13a"):
        assert metric in output
    assert (tmp_path / "report" / "scores.json").exists()
    assert list((run_folder / "run" / "eval").glob("events*"))


def test_json_is_all_that_goes_to_standard_output(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(
        f"--output_dir={run_folder / 'run'}",
        "--problem=image_mini",
        "--split=dev",
        "--max_examples=4",
        "--checkpoint=1",
        "--json",
    )
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["problem"], problem["split"]) == ("image_mini", "dev")
    assert problem["examples"] == 4
    assert set(problem["scores"]) == {"top_1", "top_1_macro", "top_5"}


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no config\.json"):
        call(f"--output_dir={tmp_path}")


def test_all_checkpoints_are_evaluated_side_by_side(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder / "run", run)
    for path in (run_folder / "run").glob("model.ckpt-1.[di]*"):  # not the manifest
        shutil.copyfile(path, run / path.name.replace("-1.", "-3."))
    call(
        f"--output_dir={run}",
        "--problem=image_mini",
        "--max_examples=3",
        "--checkpoint=all",
        f"--report_dir={tmp_path / 'report'}",
        f"--best_dir={tmp_path / 'best'}",
        "--best_by=image_mini",
    )
    best = json.loads((tmp_path / "best" / "best.json").read_text("utf-8"))
    assert (best["step"], best["metric"], best["num_examples"]) == (1, "top_1", 3)
    assert load_run(tmp_path / "best").step == 1
    assert "the best of the column" in capsys.readouterr().out
    assert (tmp_path / "report" / "checkpoints.md").exists()
    # The step is what the checkpoint says, whatever its name.
    assert (tmp_path / "report" / "step-1" / "index.html").exists()
    call(f"--output_dir={run}", "--problem=image_mini", "--checkpoint=all", "--json")
    assert len(json.loads(capsys.readouterr().out)["checkpoints"]) == 2


def test_the_problem_that_chooses_the_best_is_checked_before_all_is_evaluated(
    run_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="--best_by=speech_mini is none of: parse"):
        call(
            f"--output_dir={run_folder / 'run'}",
            "--problems=parse_mini",
            "--checkpoint=all",
            f"--best_dir={tmp_path / 'best'}",
            "--best_by=speech_mini",
        )
    assert not (tmp_path / "best").exists()


def test_a_run_is_compared_to_another(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_folder / "run"
    arguments = (
        f"--output_dir={run}",
        f"--compare_to={run / 'model.ckpt-1'}",
        SHORT,
        "--problems=image_mini,parse_mini",
        "--max_examples=3",
    )
    call(*arguments)
    shown = capsys.readouterr().out
    assert f"before: {run / 'model.ckpt-1'}; after: {run}, step 1" in shown
    assert shown.count("0 of 3") == 2
    call(*arguments, "--json")
    compared = json.loads(capsys.readouterr().out)["compared"]
    assert [row["metric"] for row in compared] == ["top_1", "bracketing_f1"]
    assert [row["outputs_changed"] for row in compared] == [0, 0]
    with pytest.raises(ValueError, match="needs one checkpoint"):
        call(f"--output_dir={run}", f"--compare_to={run}", "--checkpoint=all")
