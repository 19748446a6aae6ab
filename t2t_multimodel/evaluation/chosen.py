"""Which examples a reader should see: the worst ones, and some drawn at random.

The worst show what goes wrong, those drawn at random how it mostly goes; either alone
would mislead.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from t2t_multimodel.evaluation.metrics import LOWER_IS_BETTER, METRICS, measure_one
from t2t_multimodel.evaluation.score import ProblemScores, Sample

NUM_WORST, NUM_RANDOM = 8, 8

# What tells single examples apart: BLEU is 0 for most of them.
_OF_SINGLES = {"bleu": "chrf", "bleu_4": "rouge_l", "cider_d": "rouge_l"}
_OF_CLASSES = frozenset(("top_1", "top_5"))


@dataclass(frozen=True)
class Chosen:
    """An example to look at.

    Attributes:
        sample: The example with its output.
        score: Its own score by `metric`, as if it were the whole corpus.
        metric: How a table names the metric; empty for classes, right or wrong.
    """

    sample: Sample
    score: float
    metric: str


def choose(
    result: ProblemScores,
    num_worst: int = NUM_WORST,
    num_random: int = NUM_RANDOM,
    seed: int = 0,
) -> tuple[list[Chosen], list[Chosen]]:
    """The worst examples, worst first, and others at random, in the split's order.

    Of equally bad ones those come first of which the model was surest. An example is
    never in both.

    Args:
        result: A problem's scores.
        num_worst: At most so many; those that are right are never among them.
        num_random: At most so many of the rest.
        seed: Of the draw.
    """
    scored, is_error = _scored(result)
    order = sorted(
        range(len(scored)),
        key=lambda place: (
            -scored[place].score if is_error else scored[place].score,
            -scored[place].sample.log_probability,
            place,
        ),
    )
    worst = [place for place in order if not scored[place].sample.is_right]
    worst = worst[:num_worst]
    rest = sorted(set(range(len(scored))) - set(worst))
    drawn = random.Random(seed).sample(rest, min(num_random, len(rest)))
    return [scored[p] for p in worst], [scored[p] for p in sorted(drawn)]


def _scored(result: ProblemScores) -> tuple[list[Chosen], bool]:
    """Each example with its own score, and whether a high one is bad."""
    own = [s.name for s in result.scores if s.name in METRICS]
    samples = result.samples
    if not own or own[0] in _OF_CLASSES:
        return [Chosen(s, 100.0 * s.is_right, "") for s in samples], False
    name = _OF_SINGLES.get(own[0], own[0])
    references = [list(sample.references) for sample in samples]
    is_single = all(len(found) == 1 for found in references)
    measured = measure_one(
        name,
        [sample.output for sample in samples],
        [found[0] for found in references] if is_single else references,
    )
    chosen = []
    for place, sample in enumerate(samples):
        only_N = np.zeros(len(samples))
        only_N[place] = 1.0
        chosen.append(Chosen(sample, measured.of_weights(only_N), measured.title))
    return chosen, name in LOWER_IS_BETTER
