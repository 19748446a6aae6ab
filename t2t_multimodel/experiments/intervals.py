"""How sure a figure is that was measured with several seeds on one test set.

Both are draws: another seed gives another model, another test set other examples. In
each of R resamples the seeds and the examples are drawn anew, with replacement, the
same ones for all arms, so that differences between two arms are paired. What is
resampled is the mean over the seeds of the corpus score.

With few seeds S such a bootstrap is too narrow: its variance is (S - 1) / S of the
right one, and with three seeds even their extremes are drawn often. So the part of a
resample's deviation that comes from the seeds is stretched by

    sqrt(S / (S - 1)) * t(S - 1) / z

with t and z the 97.5 % points of Student's and of the normal distribution: 9.2 for two
seeds, 2.7 for three, 1.6 for five, 1.1 for twenty. With one seed that part is not
there, and the interval says nothing of another seed.

Shape suffixes: R resamples, S seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from t2t_multimodel.evaluation import bootstrap
from t2t_multimodel.evaluation.measurement import Measurement

NUM_RESAMPLES = 1000
_SEED = 54321
_UPPER = 0.975


@dataclass(frozen=True)
class Resampled:
    """A figure of one arm, or the difference of two.

    Attributes:
        by_seed_S: On all examples, each once.
        by_resample_RS: On resampled examples, the same for all arms.
    """

    by_seed_S: np.ndarray
    by_resample_RS: np.ndarray

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(self.by_seed_S.mean())

    @classmethod
    def joined(cls, parts: Sequence[Resampled]) -> Resampled:
        """The same figure of several seeds."""
        return cls(
            np.concatenate([part.by_seed_S for part in parts]),
            np.concatenate([part.by_resample_RS for part in parts], axis=1),
        )

    def minus(self, other: Resampled) -> Resampled:
        """The paired difference."""
        return Resampled(
            self.by_seed_S - other.by_seed_S, self.by_resample_RS - other.by_resample_RS
        )

    def interval(
        self, low: float = -math.inf, high: float = math.inf
    ) -> tuple[float, float]:
        """Where the mean lies in 95 % of the resamples of seeds and examples.

        Args:
            low: The least value that the figure can have; stretched, an interval may
                go beyond it, and is cut off there.
            high: The largest one.
        """
        num_resamples, num_seeds = self.by_resample_RS.shape
        mean_R = self.by_resample_RS.mean(axis=1)
        if num_seeds > 1:
            drawn_RS = _drawn(num_resamples, num_seeds)
            chosen_R = np.take_along_axis(self.by_resample_RS, drawn_RS, 1).mean(axis=1)
            mean_R = mean_R + stretch(num_seeds) * (chosen_R - mean_R)
        tail = 100 * (1 - _UPPER)
        ends = np.percentile(mean_R, [tail, 100 - tail])
        first, last = np.clip(ends, low, high)
        return float(first), float(last)


def resample(
    measurements: Sequence[Measurement], num_resamples: int = NUM_RESAMPLES
) -> Resampled:
    """One figure of one arm, a measurement for each seed, all of the same examples."""
    return Resampled(
        np.array([measurement.value for measurement in measurements]),
        bootstrap.resample(measurements, num_resamples),
    )


def stretch(num_seeds: int) -> float:
    """By how much the seeds' part of a deviation is stretched."""
    student = stats.t.ppf(_UPPER, num_seeds - 1) / stats.norm.ppf(_UPPER)
    return math.sqrt(num_seeds / (num_seeds - 1)) * float(student)


def _drawn(num_resamples: int, num_seeds: int) -> np.ndarray:
    """Which seeds each resample has, int `[R, S]`; the same for all figures."""
    generator = np.random.default_rng(_SEED)
    return generator.integers(0, num_seeds, (num_resamples, num_seeds))
