"""The benchmarks that need generated data: joint steps, input, and the first step."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel import api

ROOT = Path(__file__).parents[2]
SMALL = "depth=16,num_experts=3,encoder_blocks=1,mixer_blocks=0,decoder_blocks=1"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    names = "translate_ende_mini,parse_mini"
    api.generate(names, folder, max_examples=60, vocab_size=400)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def call(name: str, *flags: str) -> None:
        monkeypatch.setattr(sys, "argv", [name, *flags, f"--hparams={SMALL}"])
        with pytest.raises(SystemExit) as status:
            runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"), run_name="__main__")
        assert status.value.code == 0

    return call


def test_joint_steps_are_compared_with_the_same_alone(
    data_dir: Path, tmp_path: Path, run: Any
) -> None:
    output = tmp_path / "joint.json"
    names = "translate_ende_mini,parse_mini"
    run(
        *("joint", f"--data_dir={data_dir}", f"--problems={names}", "--rounds=2"),
        f"--output={output}",
    )
    found = json.loads(output.read_text("utf-8"))
    alone, joint = found["rows"][:2]
    assert joint["ratio"] == pytest.approx(joint["value"] / alone["value"])
    assert {
        name: len(own["joint"]) for name, own in found["seconds"].items()
    } == dict.fromkeys(names.split(","), 2)


def test_input_is_measured_alone_and_in_a_run(
    data_dir: Path, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (f"--data_dir={data_dir}", "--problems=parse_mini", "--child=measure")
    run("input", *given, "--rounds=3", "--steps=2")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 <= told["waiting_share"] < 1
    assert told["examples_per_s"] > 0
    assert told["trained_examples_per_s"] > 0


def test_real_photos_come_eight_a_batch_in_every_size() -> None:
    found = runpy.run_path(str(ROOT / "benchmarks" / "input.py"))
    found["FLAGS"](["input", "--photos=folder", "--sizes=64,224"])
    sources = found["real_sources"]()
    assert [source[0] for source in sources] == [
        "photos of 64 pixels",
        "photos of 224 pixels",
    ]
    # A picture costs a 128th of its pixels.
    assert sources[0][-1] == f"batch_cost_image={8 * 64 * 64 // 128}"
    assert sources[1][3] == ["--problem_option=image_imagenet.size=224"]


def test_the_way_to_the_first_step_goes_on_from_the_checkpoint(
    data_dir: Path, tmp_path: Path, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (f"--data_dir={data_dir}", f"--output_dir={tmp_path}", "--child=train")
    for steps in (2, 4):
        run("startup", *given, "--problems=translate_ende_mini")
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told["step number"] == steps
        assert told["trace"] > 0
        assert told["first step"] > told["step"] > 0


def test_help_of_all_programs_is_timed() -> None:
    names = runpy.run_path(str(ROOT / "benchmarks" / "startup.py"))["names_of_programs"]
    scripts = re.findall(
        r"t2t_multimodel\.bin\.(\w+):run", (ROOT / "setup.py").read_text()
    )
    assert scripts
    assert set(names()) == {"demo", *scripts}
