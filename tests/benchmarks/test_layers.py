"""The benchmark of layers: what each must cost at least, and every layer measured."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "layers.py"


def test_every_layer_is_measured_beside_what_it_must_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "layers.json"
    flags = ["--rounds=1", "--seconds=0", "--batch_size=2", "--length=8"]
    flags += ["--vocab_size=50", f"--output={output}"]
    flags += ["--hparams=depth=16,num_experts=3,expert_hidden_size=8,decoder_blocks=1"]
    monkeypatch.setattr(sys, "argv", ["layers", *flags])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(FILE), run_name="__main__")
    assert status.value.code == 0
    layers = json.loads(output.read_text("utf-8"))["layers"]
    step, norm = layers["ConvStep 3x1"], layers["LayerNorm"]
    # 16 positions: three taps for each of 16 channels, then 16 x 16; then a norm.
    forward, gradient = (
        step[key] - norm[key] for key in ("forward_flop", "gradient_flop")
    )
    assert forward == 2 * 16 * 16 * (3 + 16)
    assert gradient == 3 * forward
    weights = 3 * 16 + 16 * 16 + 16 + 2 * 16
    assert step["forward_bytes"] == 4 * (16 * 16 + weights + 16 * 16)
    assert step["gradient_bytes"] == 4 * (3 * (16 * 16 + weights) + 2 * 16 * 16)
    top = layers["text top and loss"]
    # 16 channels to 50 words; the loss takes their mean as a product with a column.
    product, mean = 2 * 16 * 16 * 50, 2 * 16 * 50
    assert top["forward_flop"] == product + mean
    assert top["gradient_flop"] == 3 * product + mean
