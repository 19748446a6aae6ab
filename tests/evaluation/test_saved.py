"""What a run remembers of its last evaluation comes back as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation.saved import FOLDER, load_scores, save_scores, with_input
from t2t_multimodel.evaluation.score import ProblemScores, Sample, Score
from t2t_multimodel.testing.text_pairs import TextPairs

RESULT = ProblemScores(
    "pairs",
    "test",
    2,
    1.5,
    (
        Score("bleu", 12.5, "BLEU", "", "nrefs:1", (10.0, 15.0)),
        Score("teacher_forced/token_accuracy", 50.0, "token accuracy", "%"),
    ),
    (
        Sample(0, "ein Haus", ("a house",), "a mouse", -1.25),
        Sample(1, b"picture", ("b", "c"), "", -2.0, ("b", "d"), (-1.5, 2.0, 3.0)),
    ),
)


def test_scores_come_back_but_for_inputs_that_are_no_text(tmp_path: Path) -> None:
    config = DecodeConfig(beam_size=4)
    save_scores(tmp_path, 300, [RESULT], config)
    found = load_scores(tmp_path, "pairs")
    assert found is not None
    assert (found.step, found.decoding) == (300, dataclasses.asdict(config))
    expected = (RESULT.samples[0], dataclasses.replace(RESULT.samples[1], inputs=None))
    assert found.result == dataclasses.replace(RESULT, samples=expected)
    assert load_scores(tmp_path, "other") is None


def test_the_last_evaluation_replaces_the_one_before(tmp_path: Path) -> None:
    save_scores(tmp_path, 300, [RESULT, dataclasses.replace(RESULT, problem="other")])
    save_scores(tmp_path, 400, [RESULT])
    steps = {}
    for name in ("pairs", "other"):
        found = load_scores(tmp_path, name)
        assert found is not None
        steps[name] = found.step
    assert steps == {"pairs": 400, "other": 300}
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = save_scores(tmp_path, 300, [RESULT])
    (folder / "pairs.json").write_text('{"step": 3', "utf-8")
    with pytest.raises(ValueError, match=r"pairs\.json cannot be read.*t2t-eval again"):
        load_scores(tmp_path, "pairs")


def test_an_input_is_fetched_from_the_same_example_only(tmp_path: Path) -> None:
    problem = TextPairs(("ein Haus", "a house"), ("ein Baum", "a tree"))
    generate([problem], tmp_path)
    stored = StoredSplit(problem, tmp_path, "test")
    found = [stored.raw(place) for place in range(2)]
    for place, raw in enumerate(found):
        sample = Sample(place, None, (raw["targets"],), "", -1.0)
        assert with_input(sample, stored).inputs == raw["inputs"]
    swapped = Sample(0, None, (found[1]["targets"],), "", -1.0)
    with pytest.raises(ValueError, match="example 0 of pairs is another one"):
        with_input(swapped, stored)
    with pytest.raises(ValueError, match="example 2 of pairs is another one"):
        with_input(dataclasses.replace(swapped, index=2), stored)
    known = dataclasses.replace(swapped, inputs="as it was")
    assert with_input(known, stored) is known
