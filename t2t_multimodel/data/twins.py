"""Twins: a problem that reads another's records, inputs and targets exchanged.

Translation from German to English needs no records beside those of English to German.
Such a problem has a manifest and an index of its own; its shards are the other's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_multimodel.data.index import exchange
from t2t_multimodel.data.manifest import Manifest, SplitManifest, StoredFile
from t2t_multimodel.data.problem import Problem


def with_twins(problems: Sequence[Problem]) -> list[Problem]:
    """The problems, and before each twin whose records are not among them the other.

    Raises:
        ValueError: A problem's twin has a twin itself, or other features, or was made
            with other options.
    """
    found: dict[str, Problem] = {}
    given = {problem.name: problem for problem in problems}
    for problem in problems:
        if problem.twin:
            other = given.get(problem.twin) or problem.twin_problem()
            _check_fit(problem, other)
            found.setdefault(other.name, other)
        found.setdefault(problem.name, problem)
    return list(found.values())


def make_twins(
    problems: Sequence[Problem],
    present: Mapping[str, Manifest],
    made: Mapping[str, Manifest],
    data_dir: Path,
    folder: Path,
) -> dict[str, Manifest]:
    """The manifests of twins that are asked for, or were there and have new records.

    Their indexes are written into `folder`.

    Args:
        problems: What is asked for, with those whose records twins read.
        present: The manifests in the data directory.
        made: The manifests of what was made anew; its files are in `folder`.
        data_dir: The data directory.
        folder: Where unfinished files lie.
    """
    wanted = {
        manifest.problem: _Twin(manifest.twin, manifest.features, manifest.options)
        for manifest in present.values()
        if manifest.twin in made
    }
    for problem in problems:
        if problem.twin:
            features = {
                k: feature.describe() for k, feature in problem.features.items()
            }
            wanted[problem.name] = _Twin(problem.twin, features, problem.options)
    found: dict[str, Manifest] = {}
    for name, twin in wanted.items():
        records = made.get(twin.other) or present[twin.other]
        before = present.get(name)
        if twin.other in made or before is None or not _reads(before, records):
            records_dir = folder if twin.other in made else data_dir
            found[name] = _exchanged(name, twin, records, records_dir, folder)
    return found


@dataclasses.dataclass(frozen=True)
class _Twin:
    """What is told of a twin in its manifest and is not told of the other."""

    other: str
    features: Mapping[str, str]
    options: Mapping[str, Any]


def _exchanged(
    name: str, twin: _Twin, records: Manifest, records_dir: Path, folder: Path
) -> Manifest:
    splits = {
        split: _exchanged_split(entry, records_dir, folder, f"{name}-{split}.index.npz")
        for split, entry in records.splits.items()
    }
    return dataclasses.replace(
        records,
        problem=name,
        features=dict(twin.features),
        options=dict(twin.options),
        splits=splits,
        twin=twin.other,
    )


def _reads(manifest: Manifest, records: Manifest) -> bool:
    """Whether a manifest is that of a twin with just these records."""
    return (
        manifest.twin == records.problem
        and manifest.vocabulary == records.vocabulary
        and manifest.splits.keys() == records.splits.keys()
        and all(
            entry.shards == records.splits[name].shards
            for name, entry in manifest.splits.items()
        )
    )


def _exchanged_split(
    entry: SplitManifest, records_dir: Path, folder: Path, name: str
) -> SplitManifest:
    exchange(records_dir / entry.index.file, folder / name)
    return dataclasses.replace(
        entry,
        index=StoredFile.of(folder / name, entry.examples),
        inputs=entry.targets,
        targets=entry.inputs,
    )


def _check_fit(problem: Problem, other: Problem) -> None:
    if other.twin:
        raise ValueError(
            f"problem {problem.name} has the twin {other.name}, which has the twin "
            f"{other.twin} itself; a twin has records of its own"
        )
    if problem.generator_version != other.generator_version:
        raise ValueError(
            f"problem {problem.name} has the twin {other.name}, but they were made "
            f"with other options or are of other versions: generator_version "
            f"{problem.generator_version} and {other.generator_version}"
        )
    sides = ((problem.inputs, other.targets), (problem.targets, other.inputs))
    for mine, others in sides:
        if type(mine) is not type(others) or mine.describe() != others.describe():
            raise ValueError(
                f"problem {problem.name} has the twin {other.name}, but reads or "
                f"writes {mine.describe()} where that has {others.describe()}"
            )
