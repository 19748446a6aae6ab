"""What the programs do, as functions with handles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import t2t_multimodel as t2t
from t2t_multimodel import registry
from t2t_multimodel.api import TrainedRun

NAMES = "parse_mini,image_mini"
SMALL = {
    "depth": 16,
    "num_heads": 2,
    "num_experts": 4,
    "expert_hidden_size": 8,
    "encoder_blocks": 1,
    "decoder_blocks": 1,
    "image_filters": (4, 6),
    "categorical_filters": (8, 10),
    "batch_cost_text": 128,
    "max_length": 60,
}
# Outputs that are quickly found; what is tested here does not hang on the search.
SHORT = "max_length=4,constrained=False"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made = t2t.generate(NAMES, folder, max_examples=8, num_shards=1)
    assert [manifest.splits["train"].examples for manifest in made.values()] == [8, 8]
    return folder


@pytest.fixture(scope="module")
def run(
    data_dir: Path, tmp_path_factory: pytest.TempPathFactory, op_by_op: Any
) -> TrainedRun:
    folder = tmp_path_factory.mktemp("run") / "run"
    with op_by_op():
        return t2t.train(NAMES, data_dir, folder, train_steps=4, save_steps=2, **SMALL)


def test_training_gives_a_handle_with_losses_and_the_model(
    run: TrainedRun,
) -> None:
    assert run.problem_names == ("parse_mini", "image_mini")
    assert set(run.losses) == set(run.problem_names)
    assert all(np.isfinite(loss) for loss in run.losses.values())
    assert (run.step, run.result.step, run.result.stopped_by) == (4, 4, None)
    assert run.hparams.name == "multimodel_tiny"
    assert run.hparams.training.train_steps == 4
    assert run.view("image_mini") is run.model.view("image_mini")
    assert (run.at(2).step, run.step) == (2, 4)


def test_a_run_is_loaded_again_from_its_folder(
    run: TrainedRun,
) -> None:
    again = t2t.load(run.output_dir, 2)
    assert (again.step, again.losses) == (2, {})
    with pytest.raises(ValueError, match="is not the --output_dir of a t2t-trainer"):
        t2t.load(run.output_dir / "elsewhere")


def test_scores_come_by_problem_and_go_where_the_program_leaves_them(
    run: TrainedRun,
    tmp_path: Path,
    op_by_op: Any,
) -> None:
    with op_by_op():
        scores = run.evaluate(
            max_examples=3, report_dir=tmp_path / "report", decode_hparams=SHORT
        )
    assert list(scores) == list(run.problem_names)
    assert 0 <= scores["image_mini"].value("top_1") <= 100
    assert len(scores["parse_mini"].samples) == 3
    assert (tmp_path / "report" / "index.html").exists()
    assert list((run.output_dir / "eval").glob("events*"))
    some = t2t.evaluate(run.output_dir, ["image_mini"], max_examples=3)
    assert list(some) == ["image_mini"]
    assert some["image_mini"].scores == scores["image_mini"].scores


def test_a_run_is_compared_to_another(run: TrainedRun, op_by_op: Any) -> None:
    with op_by_op():
        rows = run.compare(
            run.at(2), "parse_mini", max_examples=3, decode_hparams=SHORT
        )
    assert [(row.problem, row.num_examples) for row in rows] == [("parse_mini", 3)]
    same = t2t.compare(run.output_dir, run, "image_mini", max_examples=3)
    assert [row.num_changed for row in same] == [0]


def test_inputs_are_decoded_in_order_each_for_its_problem(
    run: TrainedRun,
    tmp_path: Path,
) -> None:
    sentences = ["two cats sing .", "a red dog"]
    answers = run.decode(sentences, "parse_mini", decode_hparams="max_length=9")
    assert [answer.job.item.value for answer in answers] == sentences
    assert all(answer.text == answer.output.text for answer in answers)
    picture = np.zeros((64, 64, 3), np.uint8)
    (answer,) = run.decode([picture], "image_mini", top_k=3)
    names = run.run.problem("image_mini").targets.names
    assert answer.text == names[answer.output.classes[0]]
    assert len(answer.output.classes) == 3
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(sentences), "utf-8")
    of_file = t2t.decode(
        run.output_dir, problems="parse_mini", file=lines, decode_hparams="max_length=9"
    )
    assert [a.text for a in of_file] == [a.text for a in answers]
    of_split = run.decode(problems="image_mini", split="dev", max_examples=2)
    assert len(of_split) == 2


def test_what_was_decoded_scores_as_the_decoder_said(
    run: TrainedRun, tmp_path: Path
) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    (answer,) = run.decode([picture], "image_mini")
    (found,) = run.score([(picture, answer.text)], "image_mini")
    assert found.log_probability == pytest.approx(
        np.log(answer.output.probabilities[0]), abs=1e-4
    )
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a red dog\tS NP /NP /S\n", "utf-8")
    (of_file,) = run.score(problems="parse_mini", file=pairs)
    (of_pair,) = run.score([("a red dog", "S NP /NP /S")], "parse_mini")
    assert of_file.log_probability == of_pair.log_probability < 0


def test_a_problem_may_be_an_instance(
    data_dir: Path, tmp_path: Path, op_by_op: Any
) -> None:
    problems = [registry.problem("image_mini")]
    assert list(t2t.generate(problems, data_dir, max_examples=8, num_shards=1)) == [
        "image_mini"
    ]
    with op_by_op():
        grown = t2t.train(problems, data_dir, tmp_path, train_steps=1, **SMALL)
    assert grown.problem_names == ("image_mini",)


def test_a_run_begins_with_another(
    run: TrainedRun,
    data_dir: Path,
    tmp_path: Path,
    op_by_op: Any,
) -> None:
    with op_by_op():
        grown = t2t.train(
            "image_mini",
            data_dir,
            tmp_path / "grown",
            warm_start_from=run.at(2),
            train_parts="image_mini_top",
            train_steps=1,
            **SMALL,
        )
    for old, new in zip(
        run.at(2).model.encoder.weights, grown.model.encoder.weights, strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_mistakes_are_told_as_by_the_programs(
    run: TrainedRun,
    data_dir: Path,
    tmp_path: Path,
) -> None:
    for call, fault in (
        (lambda: t2t.train("image_mni", data_dir, tmp_path), "near it: image_mini"),
        (lambda: t2t.train(NAMES, data_dir, tmp_path, depht=3), "near it: depth"),
        (lambda: t2t.train(NAMES, data_dir, tmp_path, "depth=3"), "changes by name"),
        (lambda: t2t.train(NAMES, data_dir, tmp_path, "multimodel_tny"), "_tiny"),
        (lambda: run.decode(), "give one of inputs, file and split"),
        (lambda: run.decode("a dog", "parse_mini"), r"inputs is a list, \['a dog'\]"),
        (lambda: run.decode(["x"]), "takes one of the run's"),
        (lambda: run.score(), "give pairs or a file of them"),
        (lambda: run.evaluate(decode_hparams="beam=4"), "near it: beam_size"),
        (lambda: run.compare(run, "caption_mini"), "knows none of: caption_mini"),
    ):
        with pytest.raises(ValueError, match=fault):
            call()
    assert not list(tmp_path.iterdir())


def test_the_import_loads_nothing_heavy_and_the_names_are_there() -> None:
    code = (
        "import sys, t2t_multimodel as t2t\n"
        "t2t.train, t2t.evaluate, t2t.decode, t2t.generate, t2t.load, t2t.compare\n"
        "t2t.make_hparams(depth=64)\n"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
