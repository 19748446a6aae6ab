"""A split as it lies on disk: opened with its manifest, checked, read by place.

This is the one door to generated data; training, evaluation and `--verify` go through
it. Opening costs no reading of records: sizes and fingerprints are compared. `verify`
reads everything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.checking import check_records
from t2t_multimodel.data.features import Stored
from t2t_multimodel.data.index import Index
from t2t_multimodel.data.manifest import VOCABULARY_FILE, Manifest
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.records import FRAME_BYTES, ShardReader
from t2t_multimodel.data.serialisation import parse_record
from t2t_multimodel.data.vocabulary import Vocabulary

_log = logging.getLogger(__name__)


class StoredSplit:
    """The records of one split of a generated problem.

    Args:
        problem: The problem.
        data_dir: Where it was generated.
        split: "train", "dev" or "test".

    Attributes:
        manifest: The problem's manifest.
        index: Where the records lie and how long they are.
        fields: For each feature the record's field that holds it: its own name, or the
            other's where the records are those of a twin.

    Raises:
        FileNotFoundError: The problem or the split is not there.
        ValueError: A file is not as long as it should be.
    """

    def __init__(self, problem: Problem, data_dir: str | Path, split: str) -> None:
        self.problem, self.data_dir, self.split = problem, Path(data_dir), split
        self.manifest = Manifest.load(self.data_dir, problem.name)
        if split not in self.manifest.splits:
            raise FileNotFoundError(
                f"problem {problem.name} in {data_dir} has no split {split!r}; "
                f"it has {', '.join(self.manifest.splits)}"
            )
        self.fields = self.manifest.fields
        entry = self.manifest.splits[split]
        self.index = Index.load(self.data_dir / entry.index.file)
        paths = tuple(self.data_dir / shard.file for shard in entry.shards)
        self._reader = ShardReader(paths)
        for number, (path, shard) in enumerate(zip(paths, entry.shards, strict=True)):
            self._check_size(number, path, shard.bytes)

    def __len__(self) -> int:
        return len(self.index)

    def read(self, place: int) -> bytes:
        """The serialised record at a place of the split.

        Raises:
            ValueError: The record is damaged.
        """
        row = self.index
        return self._reader.read(
            int(row.shard[place]),
            int(row.offset[place]),
            int(row.size[place]),
            name=str(place),
        )

    def stored(self, place: int) -> dict[str, Stored]:
        """The record at a place, in the features' stored form."""
        features = self.problem.features
        by_field = {self.fields[key]: feature for key, feature in features.items()}
        found = parse_record(self.read(place), by_field)
        return {key: found[self.fields[key]] for key in features}

    def raw(self, place: int) -> dict[str, Any]:
        """The record at a place, in raw form: str, image bytes, samples, number."""
        features = self.problem.features
        return {k: features[k].raw(value) for k, value in self.stored(place).items()}

    def _check_size(self, number: int, path: Path, expected: int) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; generate it again")
        found = path.stat().st_size
        if found == expected:
            return
        ends = self.index.offset + self.index.size + FRAME_BYTES
        lost = np.flatnonzero((self.index.shard == number) & (ends > found))
        record = f" at record {lost[0]}" if len(lost) else ""
        raise ValueError(
            f"{path} has {found} bytes instead of {expected}: it is "
            f"{'truncated' if found < expected else 'damaged'}{record}; "
            f"generate it again"
        )


def verify(
    problem: Problem,
    data_dir: str | Path,
    num_workers: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Manifest:
    """Checks all that was generated for a problem against its manifest.

    Files, checksums, counts, that every record holds values of its features, and that
    no example is in two splits. As real corpora repeat themselves, the last is only
    warned of, unless the problem promises `disjoint_splits`.

    Args:
        problem: The problem.
        data_dir: Where it was generated.
        num_workers: Processes.
        progress: As in `generate`.

    Raises:
        FileNotFoundError: It was not generated, or a file is missing.
        ValueError: The first fault found; the message names file and record.
    """
    folder = Path(data_dir)
    problem = problem.with_data(folder)
    manifest = Manifest.load(folder, problem.name)
    vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
    manifest.check_vocabulary(folder, vocabulary.fingerprint)
    for split, entry in manifest.splits.items():
        if len(StoredSplit(problem, folder, split)) != entry.examples:
            raise ValueError(
                f"{folder / entry.index.file} does not have the {entry.examples} "
                f"examples of its manifest; generate it again"
            )
    repeated = check_records(
        problem,
        folder,
        manifest,
        has_values=True,
        num_workers=num_workers,
        progress=progress or (lambda stage, done, total: None),
    )
    for pair in repeated:
        if problem.disjoint_splits:
            raise ValueError(
                f"problem {problem.name} promises that no example is in two splits, "
                f"but {pair}"
            )
        _log.warning("%s: %s", problem.name, pair)
    return manifest
