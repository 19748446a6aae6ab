"""The manifest of a generated problem: what was made, from what, how; and checksums.

It is written last. A problem without a manifest has not been generated.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

FORMAT = 2
VOCABULARY_FILE = "vocab.model"
_SUFFIX = ".manifest.json"


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """A file beside the manifest."""

    file: str
    bytes: int
    sha256: str
    examples: int

    @classmethod
    def of(cls, path: Path, examples: int) -> StoredFile:
        """Describes a file that is there."""
        return cls(path.name, path.stat().st_size, sha256_of(path), examples)


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Lengths of one feature over a split (tokens with the end, frames of sound)."""

    min: int
    mean: float
    max: int
    total: int

    @classmethod
    def summed(cls, lowest: int, highest: int, total: int, count: int) -> Lengths:
        """From the sums over `count` examples, at least one."""
        return cls(lowest, round(total / count, 3), highest, total)


@dataclasses.dataclass(frozen=True)
class SplitManifest:
    """One split: its files, and what is in them.

    Attributes:
        examples: How many there are.
        shards: The files of records.
        index: The file that says where each record lies.
        skipped: How many examples were left out, by reason.
        inputs: Lengths of the inputs.
        targets: Lengths of the targets.
        num_faults: How many of those left out were faulty.
        first_skipped: The first few examples left out for each reason.
    """

    examples: int
    shards: tuple[StoredFile, ...]
    index: StoredFile
    skipped: dict[str, int]
    inputs: Lengths
    targets: Lengths
    num_faults: int = 0
    first_skipped: dict[str, list[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """All there is to know of a generated problem.

    Attributes:
        problem: Its name.
        generator_version: The version of the class that made it.
        features: What inputs and targets are, in words.
        source: Where the corpus comes from.
        licence: The terms it comes under.
        arguments: What the generation was asked for: max_examples, num_shards, seed.
        vocabulary: fingerprint and size.
        splits: The splits by name.
        options: What the problem was made with, its classes for example; see `Problem`.
        twin: The problem whose records these are, inputs and targets exchanged; ""
            where they are its own.
        format: Version of this layout.
    """

    problem: str
    generator_version: str
    features: dict[str, str]
    source: str
    licence: str
    arguments: dict[str, Any]
    vocabulary: dict[str, Any]
    splits: dict[str, SplitManifest]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    twin: str = ""
    format: int = FORMAT

    def save(self, folder: Path) -> Path:
        """Writes the manifest into `folder`; returns its path."""
        path = manifest_path(folder, self.problem)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", "utf-8")
        return path

    @classmethod
    def load(cls, data_dir: Path, problem: str) -> Manifest:
        """Reads the manifest of a problem.

        Raises:
            FileNotFoundError: The problem has not been generated there.
            ValueError: The file is damaged or of another format.
        """
        path = manifest_path(data_dir, problem)
        if not path.is_file():
            raise FileNotFoundError(
                f"problem {problem} is not in {data_dir}; make it with "
                f"t2t-datagen --problems={problem} --data_dir={data_dir}"
            )
        try:
            data = json.loads(path.read_text("utf-8"))
            found = data["format"]
            if found == FORMAT:
                splits = {k: _split(split) for k, split in data["splits"].items()}
                return cls(**{**data, "splits": splits})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no manifest ({error!r}); generate the problem again"
            ) from error
        raise ValueError(
            f"{path} has format {found}, this version reads {FORMAT}; generate the "
            f"problem again (--overwrite)"
        )

    @property
    def fields(self) -> dict[str, str]:
        """For each feature the record's field that holds it: a twin's are exchanged."""
        others = {"inputs": "targets", "targets": "inputs"}
        return {key: other if self.twin else key for key, other in others.items()}

    def files(self) -> tuple[StoredFile, ...]:
        """The files that are its own, but for the manifest and the vocabulary."""
        return tuple(
            file
            for split in self.splits.values()
            for file in (*(() if self.twin else split.shards), split.index)
        )

    def check_vocabulary(self, data_dir: Path, fingerprint: str) -> None:
        """Refuses a vocabulary that is not the one the data was made with.

        Raises:
            ValueError: The fingerprints differ.
        """
        made_with = self.vocabulary["fingerprint"]
        if made_with != fingerprint:
            raise ValueError(
                f"{manifest_path(data_dir, self.problem)} was made with vocabulary "
                f"{made_with}, but the vocabulary in use is {fingerprint}; generate "
                f"the problem again (--overwrite) or use the vocabulary of its making"
            )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_path(data_dir: Path, problem: str) -> Path:
    """Where the manifest of a problem lies."""
    return data_dir / f"{problem}{_SUFFIX}"


def load_manifests(data_dir: Path) -> dict[str, Manifest]:
    """The manifests of all problems in a folder, by name."""
    names = sorted(p.name.removesuffix(_SUFFIX) for p in data_dir.glob(f"*{_SUFFIX}"))
    return {name: Manifest.load(data_dir, name) for name in names}


def _split(data: dict[str, Any]) -> SplitManifest:
    return SplitManifest(
        **{
            **data,
            "shards": tuple(StoredFile(**shard) for shard in data["shards"]),
            "index": StoredFile(**data["index"]),
            "inputs": Lengths(**data["inputs"]),
            "targets": Lengths(**data["targets"]),
        }
    )
