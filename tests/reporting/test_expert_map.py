"""The map of problems by experts: as training counted it, or measured."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.data.manifest import load_manifests
from t2t_multimodel.reporting.expert_map import (
    effective_number,
    measured_map,
    saved_map,
)
from t2t_multimodel.reporting.experts_section import heat_map
from t2t_multimodel.testing.small_model import randomise_routers
from t2t_multimodel.training.restore import load_run


def test_the_last_interval_counts_if_every_problem_had_a_step_in_it(
    tmp_path: Path,
) -> None:
    assert saved_map(tmp_path) is None
    total = {"encoder": {"a": [6, 2], "b": [1, 3], "c": [0, 0]}}
    for latest_b, steps, expected in (
        ([2, 2], "in steps 101 to 200", [1.0, 0.0]),
        ([0, 0], "in all 200 steps", [0.75, 0.25]),
    ):
        latest = {"encoder": {"a": [4, 0], "b": latest_b, "c": [0, 0]}}
        values = {"step": 200, "since": 100, "latest": latest, "total": total}
        (tmp_path / "experts.json").write_text(json.dumps(values), "utf-8")
        found = saved_map(tmp_path)
        assert found is not None and found.origin.startswith(steps)
        shares = found.shares("encoder")
        assert shares.keys() == {"a", "b"}
        np.testing.assert_allclose(shares["a"], expected)
    (tmp_path / "experts.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match=r"experts\.json cannot be read"):
        saved_map(tmp_path)


def test_what_a_capacity_dropped_is_a_part_of_the_last_intervals_choices(
    tmp_path: Path,
) -> None:
    loads = {"encoder": {"a": [6, 2], "b": [1, 1]}}
    dropped = {"encoder": {"a": 3, "b": 1}}
    values = {"step": 9, "since": 0, "latest": loads, "total": loads}
    for more, expected in (
        ({}, {}),
        ({"dropped": {"latest": dropped, "total": dropped}}, {"encoder": 0.4}),
    ):
        (tmp_path / "experts.json").write_text(json.dumps(values | more), "utf-8")
        found = saved_map(tmp_path)
        assert found is not None and found.dropped == expected


def test_what_is_measured_counts_every_position_top_k_times(
    made: Path, data_dir: Path, op_by_op: Any
) -> None:
    run = load_run(made)
    randomise_routers(run.model)
    with op_by_op():
        found = measured_map(run, load_manifests(data_dir), data_dir)
    assert set(found.loads) == {"encoder", "decoder"}
    assert set(found.loads["encoder"]) == set(run.problem_names)
    assert "image_mini" not in found.loads["decoder"]
    dev = load_manifests(data_dir)["parse_mini"].splits["dev"]
    top_k = run.hparams.model.top_k
    for layer, tokens in (
        ("encoder", dev.inputs.total),
        ("decoder", dev.targets.total),
    ):
        load_E = found.loads[layer]["parse_mini"]
        assert load_E.sum() == top_k * tokens
        assert load_E.max() <= tokens
    for share_E in found.shares("encoder").values():
        assert share_E.sum() == pytest.approx(1.0)


def test_the_effective_number_of_experts() -> None:
    assert effective_number(np.array([0.25] * 4)) == pytest.approx(4.0)
    assert effective_number(np.array([0.5, 0.5, 0.0])) == pytest.approx(2.0)
    assert effective_number(np.array([0.0, 1.0])) == pytest.approx(1.0)


@pytest.mark.parametrize("num_experts", [4, 240])
def test_a_map_has_a_cell_for_each_problem_and_expert(num_experts: int) -> None:
    share_E = np.array([0.25, 0.75, *[0.0] * (num_experts - 2)])
    shares = {"<a>": share_E, "b": share_E[::-1]}
    figure = ElementTree.fromstring(heat_map("<title>", shares))
    cells = list(figure.iter("rect"))
    assert len(cells) == 2 * num_experts
    fills = [cell.attrib["fill"] for cell in cells]
    assert fills[:num_experts] == fills[: num_experts - 1 : -1]
    assert fills[1] == "#084081" and fills[num_experts - 1] == "#f7fafd"
    even = ElementTree.fromstring(heat_map("even", {"a": np.full(8, 1 / 8)}))
    assert {cell.attrib["fill"] for cell in even.iter("rect")} == {"#a7bcd4"}
    told = [title.text for title in figure.iter("title")]
    assert told[1] == f"<a>, expert 1: {shares['<a>'][1]:.1%}"
    assert float(figure.find(".//svg").attrib["width"]) < 1200  # type: ignore[union-attr]
