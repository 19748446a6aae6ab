"""A split as it lies on disk: opened with its manifest, checked, read by place.

This is the one door to generated data; training, evaluation and `--verify` go through
it. Opening costs no reading of records: sizes and fingerprints are compared. `verify`
reads everything.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.features import Stored
from t2t_multimodel.data.index import Index
from t2t_multimodel.data.manifest import VOCABULARY_FILE, Manifest
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.records import FRAME_BYTES, ShardReader, scan
from t2t_multimodel.data.serialisation import parse_record
from t2t_multimodel.data.vocabulary import Vocabulary

_OTHER = {"inputs": "targets", "targets": "inputs"}


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
        self.fields = {
            key: other if self.manifest.twin else key for key, other in _OTHER.items()
        }
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

    def verify(self) -> None:
        """Reads all files and compares them with manifest and index.

        Raises:
            ValueError: Something differs; the message names file and record.
        """
        entry = self.manifest.splits[self.split]
        for number, shard in enumerate(entry.shards):
            path = self.data_dir / shard.file
            offsets = [offset for offset, _ in scan(path)]
            expected = np.sort(self.index.offset[self.index.shard == number])
            if offsets != expected.tolist():
                raise ValueError(
                    f"{path} holds {len(offsets)} records, not the {len(expected)} of "
                    f"its index; generate it again"
                )
        for file in (*entry.shards, entry.index):
            path = self.data_dir / file.file
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            if digest != file.sha256:
                raise ValueError(
                    f"{path}: its SHA-256 is not the manifest's; generate it again"
                )

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


def verify(problem: Problem, data_dir: str | Path) -> Manifest:
    """Checks all that was generated for a problem against its manifest.

    Raises:
        FileNotFoundError: It was not generated, or a file is missing.
        ValueError: The first fault found; the message names file and record.
    """
    folder = Path(data_dir)
    manifest = Manifest.load(folder, problem.name)
    vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
    manifest.check_vocabulary(folder, vocabulary.fingerprint)
    for split in manifest.splits:
        StoredSplit(problem, folder, split).verify()
    return manifest
