"""BLEU and chrF of files: one, two to compare, or a folder of them over time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from t2t_multimodel.evaluation.bootstrap import Comparison, compare
from t2t_multimodel.evaluation.metrics import METRICS, compute_scores
from t2t_multimodel.evaluation.score import Score

TRANSLATION_METRICS = ("bleu", "chrf")
TAG = "metrics-translations"

# The step is the last number of a name, whatever the ending: out.de-3000, 3000.txt.
_STEP = re.compile(r"(?:^|[^0-9])(\d+)(?:\.[A-Za-z]+)?$")


def score_file(
    translation: str | Path, references: Sequence[str | Path]
) -> tuple[Score, ...]:
    """BLEU and chrF of a file, a sentence a line, against one or more references.

    Raises:
        ValueError: A file has not as many lines as the others, or is not UTF-8.
    """
    outputs, sets = _read(translation, references)
    return compute_scores(TRANSLATION_METRICS, outputs, sets)


def compare_files(
    first: str | Path, second: str | Path, references: Sequence[str | Path]
) -> tuple[Comparison, ...]:
    """The paired bootstrap test of two files' BLEU and chrF.

    Raises:
        ValueError: As `score_file`.
    """
    ours, sets = _read(first, references)
    theirs, _ = _read(second, references)
    return tuple(
        compare(METRICS[name](ours, sets)[0], METRICS[name](theirs, sets)[0])
        for name in TRANSLATION_METRICS
    )


def score_folder(
    folder: str | Path, references: Sequence[str | Path]
) -> dict[int, tuple[Score, ...]]:
    """BLEU and chrF of each file whose name ends in a step, by step.

    Raises:
        ValueError: There is no such file, two are of one step, or as `score_file`.
    """
    by_step: dict[int, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        found = _STEP.search(path.name)
        if path.name.startswith(".") or not path.is_file() or not found:
            continue
        step = int(found[1])
        if step in by_step:
            raise ValueError(
                f"{folder}: {by_step[step].name} and {path.name} are both of step "
                f"{step}; keep one system's translations in a folder."
            )
        by_step[step] = path
    if not by_step:
        raise ValueError(f"{folder} has no file whose name ends in a step (out-3000).")
    return {step: score_file(by_step[step], references) for step in sorted(by_step)}


def write_summaries(folder: str | Path, scores: Mapping[int, Sequence[Score]]) -> None:
    """Writes scalars `metrics-translations/bleu` and `.../chrf` for TensorBoard."""
    from t2t_multimodel import quiet

    quiet.import_tensorflow()
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, found in scores.items():
            for score in found:
                tf.summary.scalar(f"{TAG}/{score.name}", score.value, step=step)
    writer.close()


def _read(
    translation: str | Path, references: Sequence[str | Path]
) -> tuple[list[str], list[list[str]]]:
    """The outputs, and for each the references."""
    outputs = _lines(translation)
    streams = []
    for path in references:
        lines = _lines(path)
        if len(lines) != len(outputs):
            raise ValueError(
                f"{translation} has {len(outputs)} lines and {path} {len(lines)}; "
                "they must be equally many, line by line the same sentence."
            )
        streams.append(lines)
    if not outputs:
        raise ValueError(f"{translation} is empty.")
    return outputs, [list(found) for found in zip(*streams, strict=True)]


def _lines(path: str | Path) -> list[str]:
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error.reason}.") from error
    lines = text.split("\n")
    return [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
