"""Decoded dev examples and their scores while a model trains.

`training` knows this only by its shape, `watching.evaluator.Evaluator`. What
was built to decode is kept from one time to the next. Decoding is greedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.data.pipeline import eval_batches
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import Decoded, DecodedText, Decoder
from t2t_multimodel.decoding.grammars import grammar_of
from t2t_multimodel.evaluation.evaluate import BATCH_COST, class_names
from t2t_multimodel.evaluation.metrics import (
    COMPANIONS,
    LOWER_IS_BETTER,
    measure_one,
)

if TYPE_CHECKING:
    from t2t_multimodel.training.restore import Run

SPLIT = "dev"


class WhileTraining:
    """Decodes dev examples of a run with the weights that its model has.

    Args:
        run: The run that is being trained.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._config = DecodeConfig()
        max_length = run.hparams.training.max_length
        self._decoder = Decoder(run.vocabulary, max_length, config=self._config)
        self._problems = {name: run.problem(name) for name in run.problem_names}
        self._grammars: dict[str, Any] = {}

    def check(self, problem: str, metric: str) -> None:
        """Checks that the problem can be scored so.

        Raises:
            ValueError: It has no such metric, or no dev split.
        """
        own = self._problems[problem].metrics
        known = (*own, *(name for name, owner in COMPANIONS.items() if owner in own))
        if metric not in known:
            raise ValueError(
                f"{problem} has no metric {metric!r}; it has: loss, {', '.join(known)}"
            )
        if not self._has_dev(problem):
            raise ValueError(f"{problem} has no {SPLIT} split")

    def is_lower_better(self, metric: str) -> bool:
        """Whether a smaller figure is the better one."""
        return metric in LOWER_IS_BETTER

    def score(
        self, problem: str, metrics: Sequence[str], max_examples: int
    ) -> Mapping[str, float]:
        """Figures of the first so many dev examples, as t2t-eval has them."""
        decoded = list(self._decode(problem, max_examples))
        outputs = [
            o.text if isinstance(o, DecodedText) else o.classes for _, o in decoded
        ]
        references = [example["targets"] for example, _ in decoded]
        return {
            metric: measure_one(metric, outputs, references).value for metric in metrics
        }

    def samples(self, problem: str, count: int) -> Iterator[tuple[str, str, str]]:
        """The first so many dev examples, decoded; none without a dev split."""
        if self._has_dev(problem):
            decoded = self._decode(problem, count)
            for place, (example, output) in enumerate(decoded):
                yield _example(self._problems[problem], place, example, output)

    def _has_dev(self, problem: str) -> bool:
        return SPLIT in Manifest.load(self._run.data_dir, problem).splits

    def _decode(
        self, name: str, count: int
    ) -> Iterator[tuple[dict[str, Any], Decoded]]:
        """Raw examples and outputs, in the split's order."""
        run, problem = self._run, self._problems[name]
        if name not in self._grammars:
            self._grammars[name] = grammar_of(run, problem, self._config, run.data_dir)
        outputs: dict[int, Decoded] = {}
        for batch in eval_batches(
            problem,
            run.data_dir,
            run.vocabulary,
            split=SPLIT,
            batch_cost=BATCH_COST,
            max_examples=count,
        ):
            found = self._decoder.decode(
                run.model.view(name), batch, self._grammars[name]
            )
            outputs |= zip(batch["index"].numpy().tolist(), found, strict=True)
        stored = StoredSplit(problem, run.data_dir, SPLIT)
        for place in sorted(outputs):
            yield stored.raw(place), outputs[place]


def _example(
    problem: Problem, place: int, example: Mapping[str, Any], output: Decoded
) -> tuple[str, str, str]:
    """The input, the right output and the model's, as text."""
    inputs = example["inputs"]
    if not isinstance(inputs, str):
        inputs = f"({problem.inputs.modality}, {SPLIT} example {place})"
    right = example["targets"]
    if isinstance(output, DecodedText):
        reference = right if isinstance(right, str) else " / ".join(right)
        return inputs, reference, output.text
    names = class_names(problem)
    return inputs, names[right], names[output.classes[0]]
