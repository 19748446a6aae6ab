"""The catalogue of metrics."""

from __future__ import annotations

import pytest

from t2t_multimodel import registry
from t2t_multimodel.evaluation.metrics import (
    COMPANIONS,
    METRICS,
    check_metrics,
    compute_scores,
    measure_one,
)


def test_scores_come_in_the_order_asked_for_and_none_twice() -> None:
    scores = compute_scores(["cer", "wer"], ["a b"], ["a c"])
    assert [score.name for score in scores] == ["cer", "wer"]
    assert [round(score.value, 1) for score in scores] == [33.3, 50.0]


def test_a_misspelt_metric_is_refused_with_near_names() -> None:
    with pytest.raises(ValueError, match=r"no metric 'bleu4'; near it: bleu_4"):
        check_metrics(["bleu4"])


def test_every_metric_is_named_as_its_first_score() -> None:
    tree = "S NP NN /NP /S"
    for name, compute in METRICS.items():
        is_label = name.startswith("top_")
        outputs, references = ([[3]], [3]) if is_label else ([tree], [tree])
        scores = compute(outputs, references)
        assert scores[0].name == name
        assert all(0.0 <= score.value <= 100.0001 for score in scores)
        for companion in scores[1:]:
            assert companion.name == "cer" or COMPANIONS[companion.name] == name
            found = measure_one(companion.name, outputs, references)
            assert found.value == companion.value


def test_scores_have_intervals_unless_one_example_is_all() -> None:
    (score,) = compute_scores(["cer"], ["abc", "abd"], ["abc", "abc"])
    assert score.interval == pytest.approx((0.0, 100 / 3))
    assert score.with_interval == "CER 16.7 % (0.0–33.3)"
    (score,) = compute_scores(["cer"], ["abd"], ["abc"])
    assert score.interval is None and score.with_interval == "CER 33.3 %"


def test_every_problem_names_metrics_that_exist() -> None:
    for name in registry.list_problems():
        check_metrics(registry.problem(name).metrics)
