"""Evaluation: every example of a split decoded freely, scored against the raw corpus.

The model writes on its own, from the input alone; what it wrote is compared with the
reference as the corpus has it. Beside that stand two teacher-forced figures for
problems with text targets, named as such.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from t2t_multimodel.data.manifest import Manifest, manifest_path
from t2t_multimodel.data.pipeline import eval_batches
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import Decoded, DecodedText, Decoder
from t2t_multimodel.decoding.grammars import grammar_of
from t2t_multimodel.decoding.tree_grammar import TreeGrammar
from t2t_multimodel.evaluation.metrics import check_metrics, compute_scores
from t2t_multimodel.evaluation.score import ProblemScores, Sample, Score
from t2t_multimodel.evaluation.teacher_forced import TeacherForced

if TYPE_CHECKING:
    from t2t_multimodel.training.restore import Run

BATCH_COST = 2048

_log = logging.getLogger(__name__)


def evaluate(
    run: Run,
    problem_names: Sequence[str] | None = None,
    *,
    data_dir: str | Path | None = None,
    split: str | None = None,
    max_examples: int | None = None,
    batch_cost: int = BATCH_COST,
    show_progress: bool = False,
    decode_config: DecodeConfig | None = None,
) -> list[ProblemScores]:
    """Scores a run on some of its problems.

    Args:
        run: What `load_run` gives.
        problem_names: Problems of the run; all of them by default.
        data_dir: Where the data lies; by default where the run was trained from.
        split: "test" or "dev"; by default test where a problem has it, else dev.
        max_examples: How many examples of each problem to look at, from the first.
        batch_cost: Padded positions in a batch; no score depends on it.
        show_progress: Draw a bar on standard error, if that is a terminal.
        decode_config: How text is searched for; greedily by default.

    Returns:
        One entry a problem, in the order asked for.

    Raises:
        ValueError: The run does not know a problem, a problem names an unknown metric,
            or the data was made with another vocabulary or other options.
        FileNotFoundError: The problem or the split has no data.
    """
    names = tuple(problem_names or run.problem_names)
    folder = Path(data_dir) if data_dir else run.data_dir
    splits = [_open(run, name, folder, split) for name in names]
    config = decode_config or DecodeConfig()
    max_length = run.hparams.training.max_length
    decoder = Decoder(run.vocabulary, max_length, config=config)
    forced = TeacherForced()
    results = []
    with _progress(show_progress) as progress:
        for stored in splits:
            total = len(stored) if max_examples is None else max_examples
            bar = progress.add_task(stored.problem.name, total=min(total, len(stored)))
            grammar = grammar_of(run, stored.problem, config, folder)
            evaluation = _Evaluation(run, stored, decoder, forced, grammar)
            for batch in eval_batches(
                stored.problem,
                folder,
                run.vocabulary,
                split=stored.split,
                batch_cost=batch_cost,
                max_examples=max_examples,
            ):
                progress.advance(bar, evaluation.add(batch))
            results.append(evaluation.finish())
            _log.info("%s", _line(results[-1]))
    return results


class _Evaluation:
    """One problem's outputs as they come in, and in the end its scores."""

    def __init__(
        self,
        run: Run,
        stored: StoredSplit,
        decoder: Decoder,
        forced: TeacherForced,
        grammar: TreeGrammar | None,
    ) -> None:
        self._view = run.model.view(stored.problem.name)
        self._stored = stored
        self._decoder = decoder
        self._forced = forced
        self._grammar = grammar
        self._writes_text = self._view.task.targets.modality == "text"
        self._outputs: dict[int, Decoded] = {}
        self._target_sums: dict[int, tuple[float, float, float]] = {}
        self._started = time.perf_counter()
        forced.start()

    def add(self, batch: Any) -> int:
        """Decodes a batch; returns the number of its examples."""
        places = batch["index"].numpy().tolist()
        outputs = self._decoder.decode(self._view, batch, self._grammar)
        self._outputs.update(zip(places, outputs, strict=True))
        if self._writes_text:
            rows = self._forced.add(self._view, batch).tolist()
            self._target_sums.update(zip(places, map(tuple, rows), strict=True))
        return len(places)

    def finish(self) -> ProblemScores:
        problem = self._stored.problem
        if not self._outputs:
            raise ValueError(
                f"problem {problem.name} has no {self._stored.split} examples to score."
            )
        places = sorted(self._outputs)
        raw = [self._stored.raw(place) for place in places]
        outputs = [self._outputs[place] for place in places]
        scores: tuple[Score, ...] = compute_scores(
            problem.metrics,
            [o.text if isinstance(o, DecodedText) else o.classes for o in outputs],
            [example["targets"] for example in raw],
        )
        if self._writes_text:
            scores += self._forced.scores()
        samples = tuple(
            _sample(problem, place, example, output, self._target_sums.get(place))
            for place, example, output in zip(places, raw, outputs, strict=True)
        )
        return ProblemScores(
            problem=problem.name,
            split=self._stored.split,
            num_examples=len(samples),
            seconds=time.perf_counter() - self._started,
            scores=scores,
            samples=samples,
        )


def _open(run: Run, name: str, folder: Path, split: str | None) -> StoredSplit:
    problem = run.problem(name)
    check_metrics(problem.metrics)
    manifest = Manifest.load(folder, name)
    for option, value in problem.options.items():
        if manifest.options.get(option) != value:
            raise ValueError(
                f"{manifest_path(folder, name)}: its option {option} is not the one "
                f"that the run in {run.output_dir} was trained with; evaluate on that "
                f"run's data, or make data with the same {option}"
            )
    if split is None:
        split = "test" if "test" in manifest.splits else "dev"
    return StoredSplit(problem, folder, split)


def _sample(
    problem: Problem,
    place: int,
    raw: Any,
    output: Decoded,
    sums: tuple[float, float, float] | None,
) -> Sample:
    ranking: tuple[str, ...] = ()
    if isinstance(output, DecodedText):
        right = raw["targets"]
        references = (right,) if isinstance(right, str) else tuple(right)
        text, log_probability = output.text, output.log_probability
    else:
        names = class_names(problem)
        ranking = tuple(names[number] for number in output.classes)
        references, text = (names[raw["targets"]],), ranking[0]
        log_probability = math.log(max(output.probabilities[0], 1e-30))
    return Sample(
        place, raw["inputs"], references, text, log_probability, ranking, sums
    )


def class_names(problem: Problem) -> tuple[str, ...]:
    """The names of the classes of a problem with label targets."""
    names: tuple[str, ...] = problem.targets.names  # type: ignore[attr-defined]
    return names


def _progress(is_shown: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not (is_shown and console.is_terminal),
        transient=True,
    )


def _line(result: ProblemScores) -> str:
    scores = ", ".join(str(score) for score in result.scores)
    return (
        f"{result.problem}: {scores} "
        f"({result.num_examples} examples in {result.seconds:.1f} s)"
    )
