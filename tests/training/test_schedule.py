"""The learning rate at steps whose value one can tell by head."""

from __future__ import annotations

import pytest

from t2t_multimodel.training.config import TrainingConfig
from t2t_multimodel.training.schedule import learning_rate


def rates(schedule: str, steps: list[int], final: float = 0.0) -> list[float]:
    config = TrainingConfig(
        learning_rate=8.0,
        warmup_steps=4,
        train_steps=12,
        schedule=schedule,
        final_learning_rate_fraction=final,
    )
    return [learning_rate(step, config) for step in steps]


def test_the_warm_up_is_linear_from_the_first_step() -> None:
    assert rates("constant", [0, 1, 2, 3, 4, 100]) == [2, 4, 6, 8, 8, 8]


def test_rsqrt_halves_at_four_times_the_warm_up() -> None:
    assert rates("rsqrt", [3, 15, 63]) == [8, 4, 2]


def test_linear_and_cosine_end_at_the_last_step_and_stay() -> None:
    assert rates("linear", [7, 11, 50]) == [4, 0, 0]
    assert rates("cosine", [3, 7, 11, 50]) == pytest.approx([8, 4, 0, 0])


def test_the_final_fraction_is_where_a_decay_ends() -> None:
    assert rates("linear", [7, 11], final=0.5) == [6, 4]
    assert rates("cosine", [7, 11], final=0.5) == pytest.approx([6, 4])


def test_without_warm_up_the_peak_comes_first() -> None:
    config = TrainingConfig(learning_rate=8.0, warmup_steps=0, schedule="rsqrt")
    assert learning_rate(0, config) == 8.0
