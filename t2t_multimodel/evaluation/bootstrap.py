"""How sure a score is: bootstrap over examples (Koehn, 2004, "Statistical significance
tests for machine translation evaluation").

A test set is one draw from all that could have been asked. Drawing as many examples
from it again, with replacement, many times, shows how far the score moves by the choice
of examples alone. It says nothing of another seed or another training.

Shape suffixes: N examples, R resamples, M measurements.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.evaluation.measurement import Measurement

NUM_RESAMPLES = 1000
SEED = 12345
LEVEL = 95.0
# With one example every resample is the same: no interval can be told.
FEWEST_EXAMPLES = 2


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same examples.

    Attributes:
        metric: The figure compared.
        first: That of the first system.
        second: That of the second.
        interval: Where `second - first` lies in 95 % of the resamples.
        p_value: How often a difference at least as large would arise by the choice of
            examples if there were none: the share of resamples whose difference lies
            at least as far from the resamples' mean as the one observed from 0.
        num_examples: How many examples both have.
    """

    metric: str
    first: float
    second: float
    interval: tuple[float, float]
    p_value: float
    num_examples: int

    @property
    def difference(self) -> float:
        """By how much the second figure is larger."""
        return self.second - self.first


def resample(
    measurements: Sequence[Measurement],
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> np.ndarray:
    """The figures of resampled corpora, float64 `[R, M]`.

    All measurements, which must be of the same N examples, are taken of the same
    resamples, so that differences between them are paired.
    """
    (num_examples,) = {m.num_examples for m in measurements}
    values_RM = [
        [measurement.of_weights(weights_N) for measurement in measurements]
        for weights_N in _draws(num_examples, num_resamples, seed)
    ]
    return np.asarray(values_RM, np.float64)


def intervals(
    measurements: Sequence[Measurement],
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> list[tuple[float, float] | None]:
    """The 95 % interval of each figure; None where one example is all there is."""
    if not measurements or measurements[0].num_examples < FEWEST_EXAMPLES:
        return [None] * len(measurements)
    values_RM = resample(measurements, num_resamples, seed)
    return [_central(values_RM[:, place]) for place in range(len(measurements))]


def compare(
    first: Measurement,
    second: Measurement,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """The paired bootstrap test of two systems' figures on the same examples.

    Raises:
        ValueError: The two are not of the same metric and as many examples.
    """
    for what in ("name", "num_examples"):
        ours, theirs = getattr(first, what), getattr(second, what)
        if ours != theirs:
            raise ValueError(f"two figures differ in {what}: {ours} and {theirs}.")
    values_R2 = resample((first, second), num_resamples, seed)
    differences_R = values_R2[:, 1] - values_R2[:, 0]
    observed = second.value - first.value
    # A hair of slack: sums in another order must not turn equal into unequal.
    spread_R = np.abs(differences_R - differences_R.mean()) + 1e-9
    as_far = int(np.count_nonzero(spread_R >= abs(observed)))
    return Comparison(
        metric=first.name,
        first=first.value,
        second=second.value,
        interval=_central(differences_R),
        p_value=(as_far + 1) / (num_resamples + 1),
        num_examples=first.num_examples,
    )


def compare_files(
    first: str | Path,
    second: str | Path,
    metric: str,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """The paired bootstrap test of two files of outputs, `samples/PROBLEM.jsonl`.

    Args:
        first: What `t2t-eval --report_dir` wrote of one system.
        second: The same problem and split of the other.
        metric: A metric of `metrics.METRICS`, or a figure that comes with one; not
            top_5, since the files hold the best class only.
        num_resamples: R.
        seed: Of the resamples.

    Raises:
        ValueError: A file is no such file, the two are not of the same examples, or
            there is no such figure.
    """
    one, other = _read(Path(first)), _read(Path(second))
    if [_asked(sample) for sample in one] != [_asked(sample) for sample in other]:
        raise ValueError(
            f"{first} and {second} are not of the same examples in the same order; "
            "evaluate both runs on one split with the same --max_examples."
        )
    if metric == "top_5":
        raise ValueError(f"{first} holds the best class only, which is no {metric}.")
    return compare_outputs(
        metric,
        [sample["output"] for sample in one],
        [sample["output"] for sample in other],
        [sample["references"] for sample in one],
        num_resamples,
        seed,
    )


def compare_outputs(
    metric: str,
    first: Sequence[str],
    second: Sequence[str],
    references: Sequence[Sequence[str]],
    num_resamples: int = NUM_RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """The paired bootstrap test of two systems' outputs, classes by their names.

    Args:
        metric: As in `compare_files`.
        first, second: Each system's output for every example.
        references: The right outputs of each example, one or several.
        num_resamples: R.
        seed: Of the resamples.

    Raises:
        ValueError: There is no such figure for outputs like these.
    """
    from t2t_multimodel.evaluation.metrics import measure_one

    right: Sequence[Any] = references
    if all(len(found) == 1 for found in references):
        right = [found[0] for found in references]
    is_label = metric.startswith("top_1")
    one, other = (
        measure_one(metric, [[text] for text in texts] if is_label else texts, right)
        for texts in (first, second)
    )
    return compare(one, other, num_resamples, seed)


def _draws(num_examples: int, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each example is drawn, float64 `[N]`, once for each resample."""
    generator = np.random.default_rng(seed)
    for _ in range(num_resamples):
        drawn_N = generator.integers(0, num_examples, num_examples)
        yield np.bincount(drawn_N, minlength=num_examples).astype(np.float64)


def _central(values_R: np.ndarray) -> tuple[float, float]:
    tail = (100.0 - LEVEL) / 2
    low, high = np.percentile(values_R, [tail, 100.0 - tail])
    return float(low), float(high)


def _asked(sample: dict[str, Any]) -> tuple[Any, ...]:
    return sample["index"], sample["references"]


def _read(path: Path) -> list[dict[str, Any]]:
    samples = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            samples.append(
                {
                    "index": found["index"],
                    "output": found["output"],
                    "references": found.get("references") or [found["reference"]],
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path}, line {number}: no output with its reference as t2t-eval "
                f"--report_dir writes them ({error})."
            ) from error
    if not samples:
        raise ValueError(f"{path} holds no outputs.")
    return samples
