"""Records on disk: shards, plain TFRecord files that TensorFlow's own readers take."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import google_crc32c

from t2t_multimodel.data.manifest import StoredFile

# A record is framed as: its length, a checksum of that, its bytes, their checksum.
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
FRAME_BYTES = _HEADER.size + _FOOTER.size
_NUM_KNOWN = 1 << 14


class ShardWriter:
    """Writes one TFRecord file, counting and hashing what goes into it.

    Args:
        path: The file; what is there already is overwritten.

    Attributes:
        path: The file.
        num_bytes: Size of the file so far.
        num_records: Records written so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.num_bytes = 0
        self.num_records = 0

    def write(self, record: bytes) -> int:
        """Appends a record; returns the offset at which its frame begins."""
        return self.write_frames(framed([record]), 1)

    def write_frames(self, frames: bytes, count: int) -> int:
        """Appends records that are framed already; returns the first one's offset."""
        self._file.write(frames)
        self._hash.update(frames)
        offset, self.num_bytes = self.num_bytes, self.num_bytes + len(frames)
        self.num_records += count
        return offset

    def finish(self) -> StoredFile:
        """Closes the file, which is then safely on the disk, and describes it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        return StoredFile(
            self.path.name, self.num_bytes, self._hash.hexdigest(), self.num_records
        )

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


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


def scan(path: Path, digest: Any = None) -> Iterator[tuple[int, bytes]]:
    """All records of a shard in its order, as (offset, record).

    Args:
        path: The shard.
        digest: A hash of `hashlib`, which is told of every byte.

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
            frame = header + rest
            if digest is not None:
                digest.update(frame)
            yield offset, _unframe(frame, where)
            number, offset = number + 1, offset + length + FRAME_BYTES


def framed(records: Sequence[bytes]) -> bytes:
    """Records as they stand in a shard, each `FRAME_BYTES` longer than by itself."""
    headers = map(_header, map(len, records))
    footers = map(_FOOTER.pack, map(_masked_crc, records))
    frames = zip(headers, records, footers, strict=True)
    return b"".join(itertools.chain.from_iterable(frames))


@functools.lru_cache(maxsize=_NUM_KNOWN)
def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + _FOOTER.pack(_masked_crc(packed))


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
