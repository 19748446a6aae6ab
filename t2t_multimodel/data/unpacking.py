"""Reading forward through packed bytes with a limit on what may come out of them.

A bomb is a small file that unpacks into an enormous one. Text and markup shrink to a
tenth or a thirtieth; what grows to more than `MAX_RATIO` times its packed length,
beyond the first `FREE_BYTES`, is refused.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

MAX_RATIO = 200
FREE_BYTES = 1 << 22

_CHUNK = 1 << 16
_STARTS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}


def is_bomb(size: int, packed_size: int) -> bool:
    """Whether so many bytes out of so few are beyond belief."""
    return size > FREE_BYTES and size > MAX_RATIO * packed_size


def path_fault(name: str) -> str:
    """What is wrong with a path inside an archive; "" where it stays inside."""
    if not name or "\0" in name:
        return "a name that is empty or holds NUL"
    if name[0] in "/\\" or re.match(r"[A-Za-z]:[/\\]", name):
        return "an absolute path"
    if ".." in re.split(r"[/\\]", name):
        return "a path with '..'"
    return ""


def inner_path(name: str) -> str:
    """A path inside an archive without its empty and `.` parts (`./a//b` is `a/b`)."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts) if not path_fault(name) else name


def compression_of(path: Path) -> str:
    """ "gzip", "bzip2", "xz", or "" for what is not compressed as a whole."""
    with path.open("rb") as file:
        start = file.read(6)
    return next(
        (kind for magic, kind in _STARTS.items() if start.startswith(magic)), ""
    )


def open_tar(path: Path) -> BinaryIO:
    """The bytes of a file, decompressed if need be, to be read forwards.

    Raises:
        OSError: The file cannot be read.
        ValueError: While reading, where it is damaged, truncated or a bomb.
    """
    kind = compression_of(path)
    if not kind:
        return path.open("rb")
    return cast(BinaryIO, io.BufferedReader(_Decompressed(path, kind), _CHUNK))


def skip(file: BinaryIO, count: int) -> None:
    """Moves `count` bytes forward.

    Raises:
        ValueError: The file is damaged, or ends before.
    """
    if file.seekable():
        file.seek(count, io.SEEK_CUR)
        return
    while count:
        chunk = file.read(min(count, _CHUNK))
        if not chunk:
            raise ValueError(f"it ends {count} bytes too early: it is truncated")
        count -= len(chunk)


def part(file: BinaryIO, size: int, name: str, owns: bool = False) -> BinaryIO:
    """The next `size` bytes of a file as a file of their own.

    Args:
        file: Stands where the part begins; nobody else reads it meanwhile.
        size: The part's length.
        name: What to call the part in an error.
        owns: Closing the part closes the file.
    """
    return cast(BinaryIO, io.BufferedReader(_Part(file, size, name, owns), _CHUNK))


def inflate(
    packed: BinaryIO, is_deflated: bool, size: int, crc: int, name: str
) -> BinaryIO:
    """What packed bytes of a zip unpack to, compared with its declared size and sum.

    Args:
        packed: The packed bytes; closed with the result.
        is_deflated: Whether they are compressed.
        size: The declared length.
        crc: The declared CRC-32.
        name: What to call it in an error.
    """
    raw = _Inflated(packed, is_deflated, size, crc, name)
    return cast(BinaryIO, io.BufferedReader(raw, _CHUNK))


class _Forward(io.RawIOBase):
    """A file made of chunks that a subclass gives; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        chunk = self._next(len(view))
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def _next(self, limit: int) -> bytes:
        """At most `limit` bytes; none at the end."""
        raise NotImplementedError


class _Part(_Forward):
    def __init__(self, file: BinaryIO, size: int, name: str, owns: bool) -> None:
        super().__init__()
        self._file, self._left, self._name, self._owns = file, size, name, owns

    def _next(self, limit: int) -> bytes:
        limit = min(limit, self._left)
        if not limit:
            return b""
        chunk = self._file.read(limit)
        if not chunk:
            raise ValueError(
                f"{self._name} is truncated: its last {self._left} bytes are missing"
            )
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        if self._owns:
            self._file.close()
        super().close()


class _Decompressed(_Forward):
    def __init__(self, path: Path, kind: str) -> None:
        super().__init__()
        self._path = path
        self._packed = path.open("rb")
        self._file = _OPENERS[kind](self._packed)

    def _next(self, limit: int) -> bytes:
        with _told_as_damage(str(self._path)):
            chunk = self._file.read(limit)
        if is_bomb(self._position + len(chunk), self._packed.tell()):
            raise ValueError(
                f"{self._path} is a bomb: {self._packed.tell()} bytes unpack to more "
                f"than {MAX_RATIO} times as many"
            )
        return chunk

    def close(self) -> None:
        self._file.close()
        self._packed.close()
        super().close()


class _Inflated(_Forward):
    def __init__(
        self, packed: BinaryIO, is_deflated: bool, size: int, crc: int, name: str
    ) -> None:
        super().__init__()
        self._packed, self._left, self._name = packed, size, name
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else None
        self._crc, self._expected_crc = 0, crc

    def _next(self, limit: int) -> bytes:
        with _told_as_damage(self._name):
            # One byte more than was declared shows that it was not true.
            chunk = self._unpacked(min(limit, self._left + 1))
        if len(chunk) > self._left:
            raise ValueError(f"{self._name} unpacks to more than it declares")
        self._left -= len(chunk)
        self._crc = zlib.crc32(chunk, self._crc)
        if chunk:
            return chunk
        if self._left or self._crc != self._expected_crc:
            raise ValueError(f"{self._name} is damaged: its checksum is not right")
        return b""

    def _unpacked(self, limit: int) -> bytes:
        if self._inflater is None:
            return self._packed.read(limit)
        chunk = b""
        while not chunk and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed.read(_CHUNK)
            chunk = self._inflater.decompress(packed, limit)
            if not packed and not chunk:
                raise EOFError
        return chunk

    def close(self) -> None:
        self._packed.close()
        super().close()


@contextlib.contextmanager
def _told_as_damage(name: str) -> Iterator[None]:
    """Turns what the decompressors raise into a `ValueError` with the file's name."""
    try:
        yield
    except EOFError as error:
        raise ValueError(f"{name} is truncated") from error
    except (zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise ValueError(f"{name} is damaged: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{name} is damaged: {error}") from error
