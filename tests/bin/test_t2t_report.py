"""The program t2t-report: its help, its errors, what it writes and prints."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel.bin import t2t_report
from t2t_multimodel.testing.run_program import run_program

reporter = functools.partial(run_program, "t2t-report")


def test_help_teaches_and_needs_no_tensorflow() -> None:
    status, output, errors = reporter("--help")
    assert (status, errors) == (0, ["tensorflow: False"])
    for taught in ("t2t-report run --noevaluate", "--[no]evaluate", "model_card.md"):
        assert taught in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "takes one run, as in t2t-report run, not 0"),
        (["run", "another"], "not 2"),
        (["run", "--max_examples=-1"], "max_examples"),
        (["run", "--decode_hparams=alhpa=1"], "near it: alpha"),
    ],
)
def test_a_fault_is_one_line_and_needs_no_tensorflow(
    arguments: list[str], message: str
) -> None:
    status, output, (line, tensorflow) = reporter(*arguments)
    assert (status, output, tensorflow) == (1, "", "tensorflow: False")
    assert line.startswith("t2t-report: error: ")
    assert message in line


def test_page_and_card_are_written_and_named(
    run_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    op_by_op: Any,
) -> None:
    for name in t2t_report.FLAGS:
        t2t_report.FLAGS[name].unparse()
    page = tmp_path / "mail" / "a.html"
    arguments = (str(run_folder / "run"), f"--output={page}", "--max_examples=2")
    # Quickly done: what is tested here does not hang on the search.
    short = "--decode_hparams=max_length=4,constrained=False"
    with op_by_op():
        t2t_report.main(t2t_report.FLAGS(["t2t-report", *arguments, short])[1:])
    card = page.with_name("model_card.md")
    assert capsys.readouterr().out.splitlines() == [str(page), str(card)]
    assert "2 test" in page.read_text("utf-8")
    assert "# Report of run" in card.read_text("utf-8")
