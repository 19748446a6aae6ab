"""What is given to the functions, in the forms in which they take it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_multimodel import registry
from t2t_multimodel.api.trained_run import TrainedRun

if TYPE_CHECKING:
    from t2t_multimodel.data.problem import Problem
    from t2t_multimodel.decoding.config import DecodeConfig
    from t2t_multimodel.training.restore import Run

Problems = str | Sequence["str | Problem"]
PathLike = str | Path


def run_of(run: TrainedRun | Run | PathLike) -> Run:
    """The run of a handle, of a folder, or as it is."""
    if isinstance(run, str | Path):
        run = TrainedRun(run)
    return run.run if isinstance(run, TrainedRun) else run


def listed(
    problems: Problems, data_dir: PathLike | None = None
) -> Sequence[str | Problem]:
    """Names and problems, the names checked and expanded."""
    if data_dir is not None:
        registry.use_definitions(data_dir)
    found: list[str | Problem] = []
    for problem in [problems] if isinstance(problems, str) else problems:
        if isinstance(problem, str):
            found += registry.parse_problems([problem])
        else:
            found.append(problem)
    return found


def names_of(problems: Problems, data_dir: PathLike | None = None) -> tuple[str, ...]:
    """The names of problems, each once."""
    found = listed(problems, data_dir)
    return tuple(dict.fromkeys(p if isinstance(p, str) else p.name for p in found))


def decode_config(text: DecodeConfig | str) -> DecodeConfig:
    """How text is searched for, as `--decode_hparams` says it or as it is."""
    from t2t_multimodel.decoding.config import DecodeConfig

    return DecodeConfig.from_text(text) if isinstance(text, str) else text
