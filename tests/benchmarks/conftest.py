"""The benchmarks are programs that find each other beside themselves."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

SMALL = "depth=16,num_experts=4,expert_hidden_size=8,encoder_blocks=1"


@pytest.fixture
def measured_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path, str, int], dict[str, Any]]:
    """What a program says of a case, made small, in so many rounds."""

    def measured(file: Path, case: str, rounds: int) -> dict[str, Any]:
        flags = (f"--child={case}", f"--rounds={rounds}", f"--hparams={SMALL}")
        monkeypatch.setattr(sys, "argv", [file.stem, *flags])
        with pytest.raises(SystemExit) as status:
            runpy.run_path(str(file), run_name="__main__")
        assert status.value.code == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return found

    return measured
