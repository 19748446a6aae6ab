"""Intervals over seeds and examples, against numbers that one can check."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from t2t_multimodel.evaluation.measurement import Measurement, of_sums, share
from t2t_multimodel.experiments.intervals import Resampled, resample, stretch
from t2t_multimodel.experiments.measures import range_of


def accuracy(hits: list[float]) -> Measurement:
    """A share of hits in percent."""
    rows = [[hit, 1.0] for hit in hits]
    return of_sums("top_1", "top-1", rows, lambda sums: share(sums[0], sums[1]), "%")


def of_seeds(*seeds: list[float]) -> Resampled:
    return Resampled.joined([resample([accuracy(hits)]) for hits in seeds])


def test_the_stretch_is_that_of_few_draws() -> None:
    # sqrt(S / (S - 1)) t / z with t = 12.706, 4.303, 2.093 and z = 1.960.
    assert stretch(2) == pytest.approx(2**0.5 * 12.706 / 1.960, rel=1e-3)
    assert stretch(3) == pytest.approx(1.5**0.5 * 4.303 / 1.960, rel=1e-3)
    assert stretch(20) == pytest.approx((20 / 19) ** 0.5 * 2.093 / 1.960, rel=1e-3)
    assert stretch(10_000) == pytest.approx(1.0, abs=1e-3)


def test_without_chance_in_the_examples_the_seeds_alone_decide() -> None:
    # All examples alike: seeds score 10, 20 and 30 on every resample.
    same_R = np.ones((1000, 1))
    found = Resampled(np.array([10.0, 20.0, 30.0]), same_R * [10.0, 20.0, 30.0])
    assert found.mean == 20.0
    low, high = found.interval()
    # The outermost draws are three times the same seed, 1 in 27 each (over 2.5 %).
    assert (low, high) == pytest.approx((20 - 10 * stretch(3), 20 + 10 * stretch(3)))


def test_equal_seeds_leave_the_choice_of_examples() -> None:
    hits = [1.0] * 60 + [0.0] * 40
    low, high = of_seeds(hits, hits, hits).interval()
    # The binomial's normal approximation: 60 +- 1.96 sqrt(60 * 40 / 100).
    assert low == pytest.approx(60 - 9.6, abs=1.5)
    assert high == pytest.approx(60 + 9.6, abs=1.5)


def test_a_difference_is_paired_by_seed_and_by_example() -> None:
    # Seeds and examples differ much, but everywhere by the same 10 of 100 examples.
    rng = np.random.default_rng(0)
    seeds = [[float(x) for x in rng.random(100) < rate] for rate in (0.3, 0.5, 0.8)]
    one = of_seeds(*([0.0] * 10 + hits[10:] for hits in seeds))
    other = of_seeds(*([1.0] * 10 + hits[10:] for hits in seeds))
    less = other.minus(one)
    assert less.by_seed_S == pytest.approx([10.0, 10.0, 10.0])
    low, high = less.interval()
    wide = other.interval()
    assert 3 < low < 10 < high < 17
    assert high - low < (wide[1] - wide[0]) / 3
    assert one.minus(one).interval() == (0.0, 0.0)


def test_one_seed_has_no_part_of_seeds() -> None:
    hits = [1.0] * 60 + [0.0] * 40
    one, three = of_seeds(hits), of_seeds(hits, hits, hits)
    assert one.interval() == pytest.approx(three.interval())


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_about_one_interval_in_twenty_misses_the_truth(num_seeds: int) -> None:
    rng = np.random.default_rng(1)
    missed, tries = 0, 600
    for _ in range(tries):
        seeds = rng.normal(size=num_seeds)
        found = Resampled(seeds, np.ones((10, 1)) * seeds)
        low, high = found.interval()
        missed += not low <= 0.0 <= high
    # The percentiles of few seeds are few: it is not exact, but it does not boast.
    assert 0.02 <= missed / tries <= 0.085
    plain = stats.norm.ppf(0.975) * (1 - 1 / num_seeds) ** 0.5
    assert plain < stats.t.ppf(0.975, num_seeds - 1)


def test_what_seeds_do_with_single_examples_is_not_counted_over_and_over() -> None:
    # No seed is better, no example easier: noise of 30 in each of five times 100. The
    # mean's own interval is then 2 * 1.96 * 30 / sqrt(500) wide.
    rng = np.random.default_rng(2)
    widths, missed = [], 0
    for _ in range(40):
        score_SN = rng.normal(scale=30.0, size=(5, 100))
        drawn_RN = rng.integers(0, 100, (1000, 100))
        by_resample_RS = score_SN[:, drawn_RN].mean(axis=2).T
        low, high = Resampled(score_SN.mean(axis=1), by_resample_RS).interval()
        widths.append(high - low)
        missed += not low <= 0.0 <= high
    assert missed <= 2
    right = 2 * 1.96 * 30 / 500**0.5
    assert right < np.median(widths) < 2 * right


def test_an_interval_ends_where_the_figure_does() -> None:
    hits = [[1.0] * 99 + [0.0] * n for n in (1, 1, 1)]
    hits[0][:40] = [0.0] * 40
    wide = of_seeds(*hits).interval()
    assert wide[1] > 100.0
    assert of_seeds(*hits).interval(0.0, 100.0) == (max(wide[0], 0.0), 100.0)
    assert range_of("bleu") == (0.0, 100.0)
    assert range_of("wer") == (0.0, float("inf"))
