"""A run remembers how it was last evaluated: `OUTPUT_DIR/eval/scores/PROBLEM.json`.

Each problem has a file of its own, which the next evaluation of that problem replaces:
scores with their intervals, and every output. Inputs that are not text stay where they
are, in the data; `with_input` fetches one.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_multimodel.data.stored import StoredSplit
from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.evaluation.score import ProblemScores, Sample, Score

FOLDER = Path("eval", "scores")


@dataclass(frozen=True)
class SavedScores:
    """An evaluation of one problem.

    Attributes:
        step: Of the checkpoint.
        decoding: The fields of the `DecodeConfig`.
        result: The scores; its samples have no inputs but text.
    """

    step: int
    decoding: Mapping[str, Any]
    result: ProblemScores


def save_scores(
    output_dir: str | Path,
    step: int,
    results: Sequence[ProblemScores],
    config: DecodeConfig | None = None,
) -> Path:
    """Keeps an evaluation in the run's folder; where it lies."""
    folder = Path(output_dir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        values = {
            "step": int(step),
            "decoding": dataclasses.asdict(config or DecodeConfig()),
            "problem": result.problem,
            "split": result.split,
            "examples": result.num_examples,
            "seconds": round(result.seconds, 3),
            "scores": [dataclasses.asdict(score) for score in result.scores],
            "samples": [_told(sample) for sample in result.samples],
        }
        path = folder / f"{result.problem}.json"
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(json.dumps(values, ensure_ascii=False) + "\n", "utf-8")
        os.replace(temporary, path)
    return folder


def load_scores(output_dir: str | Path, problem: str) -> SavedScores | None:
    """How a problem was last evaluated; None if it never was.

    Raises:
        ValueError: The file is damaged.
    """
    path = Path(output_dir) / FOLDER / f"{problem}.json"
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text("utf-8"))
        result = ProblemScores(
            problem=values["problem"],
            split=values["split"],
            num_examples=values["examples"],
            seconds=values["seconds"],
            scores=tuple(_score(found) for found in values["scores"]),
            samples=tuple(_sample(found) for found in values["samples"]),
        )
        return SavedScores(values["step"], values["decoding"], result)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error!r}); run t2t-eval again."
        ) from error


def with_input(sample: Sample, stored: StoredSplit) -> Sample:
    """The sample with its input, read from the data.

    Raises:
        ValueError: The data holds another example in its place.
    """
    if sample.inputs is not None:
        return sample
    if sample.index < len(stored):
        raw = stored.raw(sample.index)
        right = raw["targets"]
        names = getattr(stored.problem.targets, "names", None)
        texts = (right,) if isinstance(right, str | int) else tuple(right)
        if tuple(names[t] if names else t for t in texts) == sample.references:
            return dataclasses.replace(sample, inputs=raw["inputs"])
    raise ValueError(
        f"example {sample.index} of {stored.problem.name} is another one in "
        f"{stored.data_dir} than when the run was evaluated"
    )


def _score(values: Mapping[str, Any]) -> Score:
    interval = values["interval"]
    return Score(**{**values, "interval": tuple(interval) if interval else None})


def _told(sample: Sample) -> dict[str, Any]:
    """All of a sample that is no picture or sound."""
    told = sample.as_dict()
    if sample.ranking:
        told["ranking"] = list(sample.ranking)
    if sample.target_sums:
        told["target_sums"] = [round(value, 6) for value in sample.target_sums]
    return told


def _sample(values: Mapping[str, Any]) -> Sample:
    sums = values.get("target_sums")
    return Sample(
        index=values["index"],
        inputs=values.get("inputs"),
        references=tuple(values.get("references", [values["reference"]])),
        output=values["output"],
        log_probability=values["log_probability"],
        ranking=tuple(values.get("ranking", ())),
        target_sums=tuple(sums) if sums else None,
    )
