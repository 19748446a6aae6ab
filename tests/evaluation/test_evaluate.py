"""Evaluation of an untrained model on generated data, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.evaluation import report
from t2t_multimodel.evaluation.evaluate import evaluate
from t2t_multimodel.evaluation.score import ProblemScores, Sample, Score, signatures
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.models.task import task_of
from t2t_multimodel.testing.small_model import CONFIG
from t2t_multimodel.training.config import HParams, TrainingConfig
from t2t_multimodel.training.restore import Run

NAMES = ("parse_mini", "image_mini")
NUM_EXAMPLES = 7
SMALL = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("evaluate")
    problems = [registry.problem(name) for name in NAMES]
    generate(problems, folder, options=Options(max_examples=NUM_EXAMPLES))
    vocabulary = Vocabulary.load(folder / "vocab.model")
    keras.utils.set_random_seed(7)
    model = MultiModel(SMALL, [task_of(p) for p in problems], vocabulary.size)
    model.build_views()
    return Run(
        model=model,
        hparams=HParams(SMALL, TrainingConfig(max_length=12)),
        problem_names=NAMES,
        vocabulary=vocabulary,
        data_dir=folder,
        seed=7,
        step=5,
        output_dir=folder / "run",
        checkpoint="",
    )


@pytest.fixture(scope="module")
def results(run: Run) -> list[ProblemScores]:
    return evaluate(run)


def test_every_example_is_scored_once_against_the_raw_corpus(
    results: list[ProblemScores],
) -> None:
    for name, result in zip(NAMES, results, strict=True):
        problem = registry.problem(name)
        raw = itertools.islice(problem.examples("test", Path()), NUM_EXAMPLES)
        assert result.num_examples == NUM_EXAMPLES
        assert [sample.index for sample in result.samples] == list(range(NUM_EXAMPLES))
        expected = [str(example["targets"]) for example in raw]
        assert [sample.reference for sample in result.samples] == expected


def test_each_problem_has_its_own_metrics_and_texts_the_teacher_forced_ones(
    results: list[ProblemScores],
) -> None:
    parse, image = ({score.name for score in result.scores} for result in results)
    assert {"bracketing_f1", "whole_trees", "teacher_forced/log_perplexity"} < parse
    assert image == {"top_1", "top_1_macro", "top_5"}


def test_scores_do_not_depend_on_the_batches(
    run: Run, results: list[ProblemScores]
) -> None:
    for whole, single in zip(results, evaluate(run, batch_cost=1), strict=True):
        assert [s.output for s in whole.samples] == [s.output for s in single.samples]
        np.testing.assert_allclose(
            [s.value for s in whole.scores], [s.value for s in single.scores], rtol=1e-4
        )


def test_top_1_counts_the_outputs_named_like_the_reference(
    results: list[ProblemScores],
) -> None:
    image = results[1]
    right = sum(sample.output == sample.reference for sample in image.samples)
    assert image.value("top_1") == pytest.approx(100 * right / NUM_EXAMPLES)


def test_only_the_first_examples_may_be_looked_at(run: Run) -> None:
    (result,) = evaluate(run, ["image_mini"], split="dev", max_examples=3)
    assert (result.num_examples, result.split) == (3, "dev")
    assert [sample.index for sample in result.samples] == [0, 1, 2]


def test_a_problem_that_the_run_does_not_know_is_refused(run: Run) -> None:
    with pytest.raises(
        ValueError, match="not trained on 'speech_mini'; it was on: par"
    ):
        evaluate(run, ["speech_mini"])


def test_data_of_another_vocabulary_is_refused(run: Run, tmp_path: Path) -> None:
    other = Vocabulary.train(["quite another text"], tmp_path / "vocab.model", 300)
    with pytest.raises(ValueError, match="vocabulary"):
        evaluate(dataclasses.replace(run, vocabulary=other), ["parse_mini"])


def test_missing_data_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="parse_mini"):
        evaluate(run, ["parse_mini"], data_dir=tmp_path)


def test_the_report_holds_figures_table_and_all_outputs(
    run: Run, results: list[ProblemScores], tmp_path: Path
) -> None:
    folder = report.save_report(tmp_path / "deep" / "report", run, results)
    figures = json.loads((folder / "scores.json").read_text("utf-8"))
    assert figures["step"] == 5
    assert figures["vocabulary"] == run.vocabulary.fingerprint  # type: ignore[union-attr]
    assert [p["problem"] for p in figures["problems"]] == list(NAMES)
    assert figures["problems"][1]["scores"]["top_5"] == results[1].value("top_5")
    table = (folder / "table.md").read_text("utf-8")
    page = (folder / "index.html").read_text("utf-8")
    assert "Evaluation of run, step 5" in page
    assert page.count("<article>") == 2 * NUM_EXAMPLES
    assert "<svg" in page and "data:image/png" in page
    assert "| parse_mini | F1 " in table
    lines = (folder / "samples" / "parse_mini.jsonl").read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    assert len(lines) == NUM_EXAMPLES
    assert first["reference"] == results[0].samples[0].reference
    assert first["inputs"] == results[0].samples[0].inputs


def test_several_references_stand_in_the_report_and_any_of_them_is_right() -> None:
    sample = Sample(0, b"", ("a cat", "one cat"), "one  cat", -0.5)
    assert sample.is_right and sample.reference == "a cat"
    assert sample.as_dict()["references"] == ["a cat", "one cat"]
    assert not dataclasses.replace(sample, output="cat").is_right


def test_the_table_says_which_split_a_problem_was_scored_on() -> None:
    both = [
        ProblemScores(name, split, 4, 0.5, (), ())
        for name, split in (("a", "test"), ("b", "dev"))
    ]
    table = report.score_markdown(both)
    assert "| 4 test |" in table and "| 4 dev |" in table


def test_tensorboard_finds_a_scalar_for_every_score(
    results: list[ProblemScores], tmp_path: Path
) -> None:
    folder = report.write_summaries(tmp_path, 5, results)
    found = {}
    for file in folder.glob("events*"):
        for raw in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(raw.numpy())
            for value in event.summary.value:
                assert event.step == 5
                found[value.tag] = float(tf.make_ndarray(value.tensor))
    expected = {
        f"metrics-{result.problem}/{score.name}": score.value
        for result in results
        for score in result.scores
    }
    assert found == pytest.approx(expected, rel=1e-6)


def test_signatures_are_shown_once_for_all_who_share_one() -> None:
    def scored(name: str, detail: str) -> ProblemScores:
        score = Score("bleu", 12.34, "BLEU", detail=detail)
        sample = Sample(0, "in", ("out",), "out", -0.5)
        return ProblemScores(name, "test", 1, 0.5, (score,), (sample,))

    both = [scored("a", "nrefs:1"), scored("b", "nrefs:1")]
    assert signatures(both) == ["BLEU of a, b: nrefs:1"]
    assert "| a | BLEU 12.3 |" in report.score_markdown(both)


def test_a_score_that_a_problem_lacks_is_refused_by_name(
    results: list[ProblemScores],
) -> None:
    with pytest.raises(
        ValueError, match="image_mini has no score 'bleu'; it has: top_1"
    ):
        results[1].value("bleu")
