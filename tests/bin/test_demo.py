"""The demo over one problem and a really small model: whole, and going on."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.bin import demo


@pytest.fixture
def one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "GROUP", "translate_ende_mini")


def call(folder: Path, *arguments: str) -> int:
    """The demo's work in this process."""
    for name in demo.FLAGS:
        demo.FLAGS[name].unparse()
    sizes = (
        "depth=16,num_heads=2,encoder_blocks=1,mixer_blocks=0,decoder_blocks=1,"
        "num_experts=2,top_k=1,expert_hidden_size=8,max_length=24,batch_cost_text=64"
    )
    given = ["demo", f"--demo_dir={folder}", f"--hparams={sizes}", "--mixture=uniform"]
    return demo.main(demo.FLAGS([*given, *arguments])[1:])


def test_the_demo_makes_trains_scores_and_shows_and_goes_on(
    one_problem: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ("--train_steps=2", "--max_examples=6", "--eval_examples=3")
    assert call(tmp_path, *sizes) == 0
    output = capsys.readouterr().out
    for shown in (
        "t2t-datagen --problems=",
        "t2t-trainer --problems=",
        "t2t-eval --out",
    ):
        assert shown in output
    for shown in ("BLEU", "Scene 1", "into German", "tensorboard --logdir="):
        assert shown in output
    assert (tmp_path / "report" / "table.md").exists()
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert f"mail: {tmp_path / 'run' / 'report.html'}" in output
    assert "translate_ende_mini" in page and "3 test" in page
    assert "last dev loss" in page and "There is no loss on dev" not in page
    checkpoint = tmp_path / "run" / "model.ckpt-2.index"
    data = next((tmp_path / "data").glob("*-train-00000*"))
    made = [path.stat().st_mtime_ns for path in (checkpoint, data)]
    assert call(tmp_path, *sizes) == 0
    assert [path.stat().st_mtime_ns for path in (checkpoint, data)] == made


def test_a_misspelt_field_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="near it: num_experts"):
        call(tmp_path / "new", "--hparams=num_expert=2")
    assert not (tmp_path / "new").exists()
