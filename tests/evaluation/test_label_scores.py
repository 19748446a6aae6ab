"""Accuracy of ranked classes, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_multimodel.evaluation.label_scores import top_1, top_5

RANKINGS = [[0, 1, 2, 3, 4], [3, 0, 1, 2, 4], [5, 4, 3, 2, 1], [1, 0, 2, 3, 4]]


def test_top_1_counts_the_best_class_only() -> None:
    assert top_1(RANKINGS, [0, 0, 5, 2])[0].value == pytest.approx(50.0)


def test_class_zero_counts() -> None:
    assert top_1([[0, 1]], [0])[0].value == pytest.approx(100.0)
    assert top_1([[1, 0]], [0])[0].value == pytest.approx(0.0)


def test_top_5_counts_the_best_five() -> None:
    assert top_5(RANKINGS, [4, 4, 0, 5])[0].value == pytest.approx(50.0)
    assert top_5([[9, 8, 7, 6, 5, 4]], [4])[0].value == pytest.approx(0.0)


def test_rankings_and_labels_must_match_in_number() -> None:
    with pytest.raises(ValueError, match=r"4 rankings .* 1 references"):
        top_1(RANKINGS, [0])


def test_the_mean_over_classes_weighs_rare_ones_as_common_ones() -> None:
    # Class 0: 2 of 3 right; class 7: 0 of 1.
    share, by_class = top_1([[0], [0], [7], [0]], [0, 0, 0, 7])
    assert share.value == pytest.approx(50.0)
    assert by_class.name == "top_1_macro"
    assert by_class.value == pytest.approx(100 * (2 / 3 + 0) / 2)


def test_a_class_that_was_not_drawn_does_not_count() -> None:
    _, by_class = top_1([[0], [1]], [0, 7])
    assert by_class.of_weights(np.array([2.0, 0.0])) == pytest.approx(100.0)
    assert by_class.of_weights(np.array([3.0, 1.0])) == pytest.approx(50.0)
