"""The benchmarks of decoding run, and their figures are there; without the peer."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from t2t_multimodel import registry
from t2t_multimodel.training.config import HParams

FOLDER = Path(__file__).parents[2] / "benchmarks"


def shallow_tiny() -> HParams:
    """A block of each kind: a graph of more takes longer and tells nothing else."""
    blocks = dict.fromkeys(("encoder_blocks", "mixer_blocks", "decoder_blocks"), 1)
    return registry.hparams("multimodel_tiny").replace(**blocks)


def shallow_paper() -> HParams:
    """Likewise, and too large to be built as it is."""
    blocks = dict.fromkeys(("encoder_blocks", "mixer_blocks", "decoder_blocks"), 1)
    return registry.hparams("multimodel_paper").replace(**blocks)


@pytest.fixture(autouse=True)
def _shallow_sets() -> None:
    registry.register_hparams(shallow_tiny)
    registry.register_hparams(shallow_paper)


def figures(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *flags: str):
    output = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", [name, f"--output={output}", *flags])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert status.value.code == 0
    return json.loads(output.read_text("utf-8"))


def test_a_token_is_timed_at_each_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--positions=8,20", "--batch_sizes=2", "--rounds=1", "--source_length=6")
    of = "--hparams_set=shallow_tiny"
    found = figures("decode", tmp_path, monkeypatch, of, *flags)
    first, last = found["positions"]
    assert (first["position"], last["position"]) == (8, 20)
    assert min(first["cached_ms"], last["cached_ms"], last["full_pass_ms"]) > 0
    assert first["to_first"] == 1.0
    assert "2 sentences at a time" in capsys.readouterr().out


def test_outputs_are_trees_with_the_grammar_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--sentences=12", "--train_examples=20", "--batch_size=2", "--rounds=1")
    of = "--hparams_set=shallow_tiny"
    found = figures("constrained", tmp_path, monkeypatch, of, *flags)
    assert found["trees"] == {"True": 12, "False": 0}
    assert [row["hypotheses"] for row in found["cost"]] == [1, 4]


def test_both_passes_are_compared_for_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--hparams_sets=shallow_paper", "--length=5", "--max_weights=1000")
    (row,) = figures("agreement", tmp_path, monkeypatch, *flags)["sets"]
    assert row["narrower"]
    assert 0 < row["difference"] < 1e-4
