"""t2t-datagen --source=tfds: what it makes, and what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.bin import program, t2t_datagen
from t2t_multimodel.data.manifest import Manifest


def call(*arguments: str) -> int:
    """Runs t2t-datagen in this process; its exit status."""
    t2t_datagen.FLAGS.unparse_flags()
    for name in t2t_datagen.FLAGS:
        t2t_datagen.FLAGS[name].unparse()
    with pytest.raises(SystemExit) as ended:
        program.run(t2t_datagen.main, t2t_datagen.FLAGS, ["t2t-datagen", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_corpus_of_tensorflow_datasets_needs_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tfds = pytest.importorskip("tensorflow_datasets", reason="the extra is not here")
    names = "translate_deen_wmt,parse_mini"
    given = [f"--problems={names}", f"--data_dir={tmp_path}", "--num_workers=1"]
    given += ["--source=tfds", "--max_examples=4"]
    with tfds.testing.mock_data(num_examples=9):
        assert call(*given) == 0
    assert "translate_deen_wmt: 4 train, 4 dev, 4 test" in capsys.readouterr().out
    made = Manifest.load(tmp_path, "translate_ende_wmt")
    assert made.source == "tensorflow-datasets wmt14_translate/de-en"
    assert "tfds" not in Manifest.load(tmp_path, "parse_mini").source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--problem=translate_ende_wmt", "--tfds_download"],
            "goes with --source=tfds",
        ),
        (
            ["--problem=parse_wsj", "--source=tfds"],
            "parse_wsj: tensorflow-datasets has",
        ),
        (
            ["--problem=translate_ende_wmt", "--source=tfds", "--source_dir=x"],
            "--source_dir is not used with --source=tfds",
        ),
        (
            ["--problems=translate_wmt", "--source=tfds", "--tfds_name=x"],
            "--tfds_name is for one problem at a time",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = call(*arguments, f"--data_dir={tmp_path / 'data'}", "--num_workers=1")
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1 and line.startswith("t2t-datagen: error: ") and message in line
    assert not (tmp_path / "data").exists()
