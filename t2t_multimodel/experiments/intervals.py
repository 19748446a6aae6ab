"""How sure a figure is that was measured with several seeds on one test set.

Both are draws: another seed gives another model, another test set other examples. The
figure is the mean over the seeds of the corpus score, and its interval a bootstrap over
both, whose two parts are added:

- the examples are drawn anew R times, with replacement, the same ones for all seeds and
  arms, and the mean over the seeds is taken on them;
- the seeds are drawn anew, the same ones for all arms, and the mean over those drawn is
  taken on the examples as they are, less the mean over all. Of up to five seeds all S^S
  draws are taken, each as likely.

The differences between two arms are paired in both. With few seeds such a bootstrap
is too narrow: its variance is (S - 1) / S of the right one, and with three seeds even
their extremes are drawn often. So the seeds' part is stretched by

    sqrt(S / (S - 1)) * t(S - 1) / z

with t and z the 97.5 % points of Student's and of the normal distribution: 9.2 for two
seeds, 2.7 for three, 1.6 for five, 1.1 for twenty. With one seed that part is not
there, and the interval says nothing of another seed.

Seeds differ in what they do with the same examples too, and that is in both parts:
where there is nothing else, the interval is wider than it need be.

Shape suffixes: R resamples, S seeds, D draws of seeds.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from t2t_multimodel.evaluation import bootstrap
from t2t_multimodel.evaluation.measurement import Measurement

NUM_RESAMPLES = 1000
_SEED = 54321
_MOST_LISTED = 5
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
        """Where the mean lies in 95 % of the draws of seeds and examples.

        Args:
            low: The least value that the figure can have; stretched, an interval may
                go beyond it, and is cut off there.
            high: The largest one.
        """
        means = self.by_resample_RS.mean(axis=1)
        if (num_seeds := len(self.by_seed_S)) > 1:
            drawn_D = self.by_seed_S[_drawn(num_seeds)].mean(axis=1)
            seeds_D = stretch(num_seeds) * (drawn_D - self.mean)
            means = np.add.outer(means, seeds_D)
        tail = 100 * (1 - _UPPER)
        ends = np.percentile(means, [tail, 100 - tail])
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


@functools.cache
def _drawn(num_seeds: int) -> np.ndarray:
    """Which seeds each draw has, int `[D, S]`; the same for all figures."""
    if num_seeds <= _MOST_LISTED:
        every = itertools.product(range(num_seeds), repeat=num_seeds)
        return np.array(list(every))
    generator = np.random.default_rng(_SEED)
    return generator.integers(0, num_seeds, (NUM_RESAMPLES, num_seeds))
