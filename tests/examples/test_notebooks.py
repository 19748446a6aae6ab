"""The notebooks in examples/ are run, cell by cell, as Jupyter would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    read = json.loads(notebook.read_text("utf-8"))
    assert (read["nbformat"], read["nbformat_minor"]) == (4, 5)
    found: list[dict[str, Any]] = read["cells"]
    return found


def run_cells(notebook: Path) -> dict[str, Any]:
    """What the code cells leave in their namespace, run in their order."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(notebook):
        if cell["cell_type"] == "code":
            where = f"{notebook.name}, {cell['id']}"
            exec(compile("".join(cell["source"]), where, "exec"), namespace)
    return namespace


def test_two_problems_from_data_to_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    left = run_cells(ROOT / "examples" / "two_problems.ipynb")
    names = left["names"].split(",")
    assert left["run"].step == left["train_steps"]
    assert sorted(left["run"].losses) == sorted(left["scores"]) == sorted(names)
    assert all(np.isfinite(loss) for loss in left["run"].losses.values())
    assert left["sample"].inputs
    assert left["picture"].size == (64, 64)
    parsed, named = left["answers"]
    assert parsed.job.problem.name == "parse_mini"
    assert named.text in named.job.problem.targets.names
    assert (tmp_path / "notebook_run" / "run" / "config.json").exists()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs_and_links_to_what_exists(
    notebook: Path,
) -> None:
    found = cells(notebook)
    assert len({cell["id"] for cell in found}) == len(found)
    for cell in found:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    text = "".join("".join(cell["source"]) for cell in found)
    for document in re.findall(r"docs/\w+\.md", text):
        assert (ROOT / document).exists(), document
