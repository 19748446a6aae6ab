"""Records on disk: TFRecord shards, and an index that makes each record addressable.

A shard is a plain TFRecord file that TensorFlow's own readers take. The index holds
for every record of a split where it lies and how long its two features are, in the
order in which the corpus has them: row n is record n, whatever shard it is in. With it
a batch can be planned without reading any record and read without reading others.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import numpy as np

# A record is framed as: its length, a checksum of that, its bytes, their checksum.
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error)
FRAME_BYTES = _HEADER.size + _FOOTER.size


class ShardWriter:
    """Writes one TFRecord file, counting and hashing what goes into it.

    Attributes:
        num_bytes: Size of the file so far.
        num_records: Records written so far.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.num_bytes = 0
        self.num_records = 0

    def write(self, record: bytes) -> int:
        """Appends a record; returns the offset at which its frame begins."""
        length = struct.pack("<Q", len(record))
        header = length + _FOOTER.pack(_masked_crc(length))
        frame = b"".join((header, record, _FOOTER.pack(_masked_crc(record))))
        self._file.write(frame)
        self._hash.update(frame)
        offset, self.num_bytes = self.num_bytes, self.num_bytes + len(frame)
        self.num_records += 1
        return offset

    def close(self) -> str:
        """Closes the file; returns its SHA-256 in hexadecimal digits."""
        self._file.close()
        return self._hash.hexdigest()


class ShardReader:
    """Reads records of several shards at any place, checking every byte.

    Args:
        paths: The shards, in the order of their numbers.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self.paths = paths
        self._files: dict[int, int] = {}

    def read(self, shard: int, offset: int, length: int, name: str = "") -> bytes:
        """The record of `length` bytes whose frame begins at `offset`.

        Safe to call from several threads.

        Args:
            name: What to call the record in an error.

        Raises:
            ValueError: The bytes there are not that record, or end too early.
        """
        file = self._files.get(shard)
        if file is None:
            opened = os.open(self.paths[shard], os.O_RDONLY)
            file = self._files.setdefault(shard, opened)
            if file != opened:  # another thread was faster
                os.close(opened)
        frame = os.pread(file, length + FRAME_BYTES, offset)
        where = f"{self.paths[shard]}: record {name or f'at byte {offset}'}"
        if len(frame) < length + FRAME_BYTES:
            raise ValueError(f"{where} is truncated; generate it again")
        record = _unframe(frame, where)
        if len(record) != length:
            raise ValueError(f"{where} is not where the index says; generate it again")
        return record

    def __del__(self) -> None:
        for file in self._files.values():
            os.close(file)


def scan(path: Path) -> Iterator[tuple[int, bytes]]:
    """All records of a shard in its order, as (offset, record).

    Raises:
        ValueError: A record is damaged or truncated; the message names it.
    """
    with path.open("rb") as file:
        number, offset = 0, 0
        while header := file.read(_HEADER.size):
            where = f"{path}: record {number} at byte {offset}"
            if len(header) < _HEADER.size:
                raise ValueError(f"{where} is truncated; generate it again")
            length, _ = _HEADER.unpack(header)
            _check(header[:8], header[8:], where)
            rest = file.read(length + _FOOTER.size)
            if len(rest) < length + _FOOTER.size:
                raise ValueError(f"{where} is truncated; generate it again")
            yield offset, _unframe(header + rest, where)
            number, offset = number + 1, offset + length + FRAME_BYTES


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the N records of a split lie and how long they are.

    Attributes:
        shard: Number of the shard, int32 `[N]`.
        offset: Byte in the shard at which the record's frame begins, int64 `[N]`.
        size: Bytes of the record without its frame, int64 `[N]`.
        inputs: Length of the inputs (tokens with the end, frames, ...), int32 `[N]`.
        targets: Length of the targets, int32 `[N]`.
    """

    shard: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.shard)

    def save(self, path: Path) -> None:
        """Writes the index as an `.npz` file; the same index gives the same bytes."""
        np.savez_compressed(path, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> Index:
        """Reads an index.

        Raises:
            FileNotFoundError: There is none.
            ValueError: The file is damaged.
        """
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                names = (field.name for field in dataclasses.fields(cls))
                return cls(**{name: arrays[name] for name in names})
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, EOFError, *_ZIP_FAULTS) as error:
            raise ValueError(
                f"{path} is no index: {error}; generate it again"
            ) from error


def shard_name(problem: str, split: str, number: int, num_shards: int) -> str:
    """The file name that Tensor2Tensor gives: `NAME-train-00000-of-00010`."""
    return f"{problem}-{split}-{number:05d}-of-{num_shards:05d}"


def _unframe(frame: bytes, where: str) -> bytes:
    record = frame[_HEADER.size : -_FOOTER.size]
    _check(frame[:8], frame[8 : _HEADER.size], where)
    _check(record, frame[-_FOOTER.size :], where)
    if struct.unpack("<Q", frame[:8])[0] != len(record):
        raise ValueError(f"{where} is not where the index says; generate it again")
    return record


def _check(data: bytes, checksum: bytes, where: str) -> None:
    if _FOOTER.unpack(checksum)[0] != _masked_crc(data):
        raise ValueError(f"{where} is damaged (checksum); generate it again")


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
