"""The files of a shard while its split is being made.

Beside the records lie the rows of the index, and once both are whole a small file that
says so, of what they were made, and what was left out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.listing import SplitJob
from t2t_multimodel.data.manifest import StoredFile
from t2t_multimodel.data.records import ShardWriter, shard_name
from t2t_multimodel.data.skipped import Skipped

# What is added to a shard's name to name the file that says that it is whole.
DONE = ".done.json"


@dataclasses.dataclass(frozen=True)
class MadeChunk:
    """Records of a chunk.

    Attributes:
        frames: The framed records, one behind the other.
        rows: Of the index, offsets counted from the chunk's first byte.
        skipped: What was left out.
    """

    frames: bytes
    rows: np.ndarray
    skipped: Skipped


@dataclasses.dataclass(frozen=True)
class WrittenShard:
    """A shard that is done; a file of rows lies beside it.

    Attributes:
        file: The shard's file.
        skipped: What was left out of it.
    """

    file: StoredFile
    skipped: Skipped

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "file": dataclasses.asdict(self.file),
            "skipped": self.skipped.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WrittenShard:
        """The inverse of `to_dict`."""
        return cls(StoredFile(**data["file"]), Skipped.from_dict(data["skipped"]))


class ShardInWriting:
    """A shard and the file of its rows while they are being written.

    Args:
        folder: Where both go.
        job: The split.
        number: The shard's number.
    """

    def __init__(self, folder: Path, job: SplitJob, number: int) -> None:
        path = folder / shard_name(job.problem.name, job.split, number, job.num_shards)
        self._writer = ShardWriter(path)
        self._rows_file = rows_path(path).open("wb")
        self._skipped = Skipped()

    def add(self, made: MadeChunk) -> None:
        """Appends the records of a chunk."""
        rows = made.rows.copy()
        rows["offset"] += self._writer.write_frames(made.frames, len(rows))
        self._rows_file.write(rows.tobytes())
        self._skipped.update(made.skipped)

    def finish(self) -> WrittenShard:
        """Closes both files, which are then whole."""
        self._rows_file.close()
        return WrittenShard(self._writer.finish(), self._skipped)

    def close(self) -> None:
        """Closes both files as they are."""
        self._rows_file.close()
        self._writer.close()


def note_whole(folder: Path, key: str, number: int, shard: WrittenShard) -> None:
    """Notes beside a shard that it is whole, and of what it was made."""
    data = {"key": key, "number": number, "shard": shard.to_dict()}
    write_whole(folder / f"{shard.file.file}{DONE}", data)


def write_whole(path: Path, data: Mapping[str, Any]) -> None:
    """Writes a file of JSON that is there as a whole or not at all."""
    handle, partial = tempfile.mkstemp(prefix="partial-", dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    Path(partial).replace(path)


def rows_path(shard: Path) -> Path:
    """Where the rows of a shard's index lie while its split is being written."""
    return shard.with_name(f"{shard.name}.rows")
