"""How often the intervals of t2t-experiment hold the truth, where nothing differs.

  python benchmarks/coverage.py --tries=300

Scores of seeds and examples are drawn from normal distributions around 0, whose
deviations are those of `CASES`: of a seed as a whole, of an example for all seeds, and
of a seed with a single example. A 95 % interval should hold 0 in 95 of 100 tries. The
last line is for those who look after three, four and five seeds and stop when the
interval excludes 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from t2t_multimodel.experiments.intervals import NUM_RESAMPLES, Resampled

NUM_EXAMPLES = 100
# Deviations of seeds, of examples, of seeds with single examples.
CASES = {
    "a seed with an example": (0.0, 0.0, 30.0),
    "examples": (0.0, 30.0, 0.0),
    "seeds": (3.0, 0.0, 0.0),
    "all, seeds most": (10.0, 30.0, 30.0),
    "all, seeds least": (2.0, 30.0, 30.0),
}
LOOKS = (3, 4, 5)


def covered(
    num_seeds: int, deviations: tuple[float, float, float], tries: int
) -> tuple[float, float]:
    """In which part of the tries the interval holds 0, and its median width."""
    rng = np.random.default_rng(0)
    of_seeds, of_examples, of_both = deviations
    shape = num_seeds, NUM_EXAMPLES
    held, widths = 0, []
    for _ in range(tries):
        score_SN = rng.normal(0.0, of_both, shape)
        score_SN += rng.normal(0.0, of_seeds, (num_seeds, 1))
        score_SN += rng.normal(0.0, of_examples, NUM_EXAMPLES)
        drawn_RN = rng.integers(0, NUM_EXAMPLES, (NUM_RESAMPLES, NUM_EXAMPLES))
        by_resample_RS = score_SN[:, drawn_RN].mean(axis=2).T
        low, high = Resampled(score_SN.mean(axis=1), by_resample_RS).interval()
        held += low <= 0.0 <= high
        widths.append(high - low)
    return held / tries, float(np.median(widths))


def found_by_looking(tries: int) -> float:
    """How often something is found by chance at one of `LOOKS` numbers of seeds."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(tries):
        seeds = rng.normal(size=max(LOOKS))
        for count in LOOKS:
            own = seeds[:count]
            low, high = Resampled(own, np.ones((10, 1)) * own).interval()
            if not low <= 0.0 <= high:
                found += 1
                break
    return found / tries


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=300)
    tries = parser.parse_args(arguments).tries
    sys.stdout.write(f"{'what is drawn':24} seeds  holds 0  median width\n")
    for name, deviations in CASES.items():
        for num_seeds in (2, 3, 5):
            part, width = covered(num_seeds, deviations, tries)
            told = f"{name:24} {num_seeds:5} {part:8.1%} {width:13.2f}\n"
            sys.stdout.write(told)
    part = found_by_looking(10 * tries)
    sys.stdout.write(f"found when looking after 3, 4 and 5 seeds: {part:.1%}\n")


if __name__ == "__main__":
    main()
