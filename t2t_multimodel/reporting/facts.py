"""What is known of a run, gathered once from its folder and its data.

A run may lack anything but its config.json: it may have been killed before its first
checkpoint, be older than a file that runs write today, or its data may be gone. What
is lacking is None or empty here, with the reason in `missing`.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel import registry
from t2t_multimodel.data.manifest import Manifest
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation.chosen import Chosen, choose
from t2t_multimodel.evaluation.evaluate import evaluate
from t2t_multimodel.evaluation.saved import (
    SavedScores,
    load_scores,
    save_scores,
    with_input,
)
from t2t_multimodel.evaluation.score import ProblemScores
from t2t_multimodel.reporting.curves import Curves, read_curves
from t2t_multimodel.reporting.expert_map import ExpertMap, measured_map, saved_map
from t2t_multimodel.reporting.privacy import without_paths
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.hearing import as_trained
from t2t_multimodel.training.ledger_file import read_ledger
from t2t_multimodel.training.part_sizes import PartSize, part_sizes
from t2t_multimodel.training.record import RunRecord
from t2t_multimodel.training.restore import Run, load_run, untrained_model
from t2t_multimodel.training.watching.best_file import FOLDER, Best, read_best

NUM_WORST = NUM_RANDOM = 3

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples of a problem to look at.

    Attributes:
        problem: As the run was trained on it.
        worst: The worst ones.
        drawn: Some drawn at random.
    """

    problem: Any
    worst: Sequence[Chosen]
    drawn: Sequence[Chosen]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a report tells.

    Attributes:
        name: The name of the run's folder.
        record: The run's config.json.
        run: With the checkpoint's weights, or None.
        named_set: The set of hyper-parameters that the run is named after, as it
            stands today, or None.
        manifests: The data, by problem.
        sizes: Weights by part.
        curves: What the run left for TensorBoard.
        best: The checkpoint that the run kept as its best, or None.
        ledger: What each problem has had, see `training/ledger_file.py`.
        experts: Which problem uses which expert, or None.
        scores: Evaluations, by problem.
        examples: What to look at, by problem.
        corpora: The problems that need a corpus to be made.
        missing: Why something is not there, by what it is.
    """

    name: str
    record: RunRecord
    run: Run | None
    named_set: HParams | None
    manifests: Mapping[str, Manifest]
    sizes: Sequence[PartSize]
    curves: Curves
    best: Best | None
    ledger: Sequence[Mapping[str, Any]]
    experts: ExpertMap | None
    scores: Mapping[str, SavedScores]
    examples: Mapping[str, Examples]
    corpora: Sequence[str]
    missing: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Asked:
    """How a run is to be looked at.

    Attributes:
        data_dir: Where the data lies; None: where the run read it.
        checkpoint: A step or a checkpoint's name; None: the newest.
        is_to_evaluate: False: the scores that the run remembers.
        max_examples: Score so many examples of each problem; None: all.
        decoding: How outputs are searched for.
        seed: Of the examples drawn.
    """

    data_dir: Path | None = None
    checkpoint: str | None = None
    is_to_evaluate: bool = True
    max_examples: int | None = None
    decoding: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    seed: int = 0


def gather(output_dir: Path, asked: Asked) -> Facts:
    """All there is to know of a run.

    Raises:
        ValueError: The folder is no run's.
    """
    record = RunRecord.read(output_dir)
    registry.use_definitions(output_dir)
    return _Gathering(output_dir, record, asked).facts()


class _Gathering:
    """Looks for one thing after the other, and notes why it is not there."""

    def __init__(self, output_dir: Path, record: RunRecord, asked: Asked) -> None:
        self._output_dir, self._record, self._asked = output_dir, record, asked
        self._data_dir = asked.data_dir or Path(record.data_dir)
        self._missing: dict[str, str] = {}

    def facts(self) -> Facts:
        record = self._record
        run = self._try("checkpoint", self._load)
        manifests: dict[str, Manifest] = {}
        for name in record.problem_names:
            found = self._try(
                f"data of {name}", functools.partial(self._manifest, name)
            )
            manifests |= {name: found} if found else {}
        scores = self._scores(run, tuple(manifests))
        examples: dict[str, Examples] = {}
        for name, saved in scores.items():
            shown = self._try(
                f"examples of {name}", functools.partial(self._examples, saved.result)
            )
            examples |= {name: shown} if shown else {}
        return Facts(
            name=self._output_dir.absolute().name,
            record=record,
            run=run,
            named_set=self._try("set", lambda: registry.hparams(record.hparams.name)),
            manifests=manifests,
            sizes=part_sizes(run.model if run else untrained_model(record)),
            curves=read_curves(self._output_dir),
            best=self._try("best", lambda: read_best(self._output_dir / FOLDER)),
            ledger=self._try("ledger", lambda: self._ledger(run)) or (),
            experts=self._try("experts", lambda: self._experts(run, manifests)),
            scores=scores,
            examples=examples,
            corpora=[
                n
                for n in manifests
                if self._try(n, functools.partial(_needs_source, n))
            ],
            missing=self._missing,
        )

    def _try(self, what: str, find: Callable[[], Any]) -> Any:
        try:
            return find()
        except (ValueError, OSError) as error:
            self._missing[what] = without_paths(" ".join(str(error).split()))
            _log.info("%s: left out: %s", what, " ".join(str(error).split()))
            return None

    def _load(self) -> Run:
        return load_run(self._output_dir, self._asked.checkpoint)

    def _manifest(self, name: str) -> Manifest:
        return Manifest.load(self._data_dir, name)

    def _ledger(self, run: Run | None) -> list[dict[str, Any]]:
        """What was done up to the checkpoint; a killed run has lines beyond it."""
        lines = read_ledger(self._output_dir)
        return [line for line in lines if run is None or line["step"] <= run.step]

    def _experts(
        self, run: Run | None, manifests: Mapping[str, Manifest]
    ) -> ExpertMap | None:
        if not self._record.hparams.model.use_experts:
            return None
        can_measure = run is not None and bool(manifests)
        saved = saved_map(self._output_dir)
        if run is None or (saved and not (can_measure and self._asked.is_to_evaluate)):
            return saved
        measured = measured_map(run, manifests, self._data_dir)
        return dataclasses.replace(measured, dropped=saved.dropped if saved else {})

    def _scores(self, run: Run | None, names: Sequence[str]) -> dict[str, SavedScores]:
        """New scores of the problems with data, or those that the run remembers."""
        scores: dict[str, SavedScores] = {}
        if not self._asked.is_to_evaluate:
            for name in self._record.problem_names:
                found = self._try(
                    f"scores of {name}", functools.partial(self._remembered, name)
                )
                scores |= {name: found} if found else {}
        elif run is not None and names:
            scores = self._try("scores", lambda: self._evaluated(run, names)) or {}
        return scores

    def _evaluated(self, run: Run, names: Sequence[str]) -> dict[str, SavedScores]:
        asked = self._asked
        results = evaluate(
            run,
            names,
            data_dir=self._data_dir,
            max_examples=asked.max_examples,
            show_progress=True,
            decode_config=asked.decoding,
        )
        save_scores(self._output_dir, run.step, results, asked.decoding)
        decoding = dataclasses.asdict(asked.decoding)
        return {r.problem: SavedScores(run.step, decoding, r) for r in results}

    def _remembered(self, name: str) -> SavedScores:
        found = load_scores(self._output_dir, name)
        if found is None:
            raise ValueError("it was not evaluated yet; t2t-eval does it")
        return found

    def _examples(self, result: ProblemScores) -> Examples:
        record = self._record
        options = record.problem_options.get(result.problem, {})
        problem = as_trained(result.problem, options, record.hparams.training)
        worst, drawn = choose(result, NUM_WORST, NUM_RANDOM, self._asked.seed)
        chosen = [*worst, *drawn]
        if any(one.sample.inputs is None for one in chosen):
            stored = StoredSplit(problem, self._data_dir, result.split)
            worst, drawn = (
                [
                    dataclasses.replace(one, sample=with_input(one.sample, stored))
                    for one in some
                ]
                for some in (worst, drawn)
            )
        return Examples(problem, worst, drawn)


def _needs_source(name: str) -> bool:
    return registry.problem(name).needs_source
