"""The handle of a run: its folder, its model, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_multimodel import quiet

if TYPE_CHECKING:
    from t2t_multimodel.api.asked import PathLike, Problems
    from t2t_multimodel.decoding.pair_scores import PairScore
    from t2t_multimodel.decoding.raw_inputs import Answer
    from t2t_multimodel.evaluation.comparison import ProblemComparison
    from t2t_multimodel.evaluation.score import ProblemScores
    from t2t_multimodel.models.multimodel import MultiModel, ProblemView
    from t2t_multimodel.training.config import HParams
    from t2t_multimodel.training.loop import TrainResult
    from t2t_multimodel.training.restore import Run


class TrainedRun:
    """A run's folder and what it gives; the model is loaded when first asked for.

    Args:
        output_dir: The folder.
        checkpoint: None for the newest; else a step, a name or a path.
        result: How training ended, where this call trained.

    Raises:
        ValueError: As `training.restore.load_run`, from what needs the model.
    """

    def __init__(
        self,
        output_dir: PathLike,
        checkpoint: str | None = None,
        result: TrainResult | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.result = result
        self._checkpoint = checkpoint

    def __repr__(self) -> str:
        return f"TrainedRun({str(self.output_dir)!r})"

    @cached_property
    def run(self) -> Run:
        """The run with its model, `training.restore.Run`."""
        quiet.import_tensorflow()
        from t2t_multimodel.training.restore import load_run

        return load_run(self.output_dir, self._checkpoint)

    @property
    def model(self) -> MultiModel:
        """With the checkpoint's weights; their moving average, if one was kept."""
        return self.run.model

    @property
    def hparams(self) -> HParams:
        """What took effect in training."""
        return self.run.hparams

    @property
    def problem_names(self) -> tuple[str, ...]:
        """The problems, in the model's order."""
        return self.run.problem_names

    @property
    def step(self) -> int:
        """The steps that the weights have seen."""
        return self.run.step

    @property
    def losses(self) -> Mapping[str, float]:
        """Each problem's loss in its last interval, where this call trained."""
        return self.result.losses if self.result else {}

    def view(self, problem: str) -> ProblemView:
        """The Keras model of one problem; it shares its weights with the others."""
        return self.model.view(problem)

    def at(self, checkpoint: str | int) -> TrainedRun:
        """The same run at another of its checkpoints."""
        return TrainedRun(self.output_dir, str(checkpoint), self.result)

    def evaluate(
        self, problems: Problems | None = None, **options: Any
    ) -> dict[str, ProblemScores]:
        """Scores on decoded output, see `evaluate`."""
        from t2t_multimodel.api.asking import evaluate

        return evaluate(self, problems, **options)

    def compare(
        self,
        before: TrainedRun | PathLike,
        problems: Problems | None = None,
        **options: Any,
    ) -> tuple[ProblemComparison, ...]:
        """This run's scores beside another's, see `compare`."""
        from t2t_multimodel.api.asking import compare

        return compare(before, self, problems, **options)

    def decode(
        self,
        inputs: Sequence[Any] | None = None,
        problems: Problems | None = None,
        **options: Any,
    ) -> list[Answer]:
        """What the model makes of inputs, see `decode`."""
        from t2t_multimodel.api.asking import decode

        return decode(self, inputs, problems, **options)

    def score(
        self,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        problems: Problems | None = None,
        **options: Any,
    ) -> list[PairScore]:
        """How likely given targets are, see `score`."""
        from t2t_multimodel.api.asking import score

        return score(self, pairs, problems, **options)
