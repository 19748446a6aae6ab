"""The headers of a tar, one after another, without its data.

Formats: ustar, GNU (long names) and pax, as POSIX.1-2001 and GNU tar define them; the
standard library reads the single header block. Its `TarFile` would keep every header in
memory and follow whatever a header says.
"""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from t2t_multimodel.data.unpacking import inner_path, path_fault, skip

_BLOCK = tarfile.BLOCKSIZE
_MAX_EXTENSION = 1 << 20
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_IGNORED = (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK)


@dataclasses.dataclass(frozen=True)
class TarEntry:
    """A file of a tar: its path, length, where its bytes begin, what is wrong."""

    name: str
    size: int
    offset: int
    fault: str = ""


def walk(file: BinaryIO, where: str, size: int | None) -> Iterator[TarEntry]:
    """The entries of a tar but its directories, in order.

    Between two entries the caller may read the file, at most to the entry's end.

    Args:
        file: Stands where the tar begins; read forwards only.
        where: What to call the tar in an error.
        size: The tar's length, where it is known: then entries are checked to lie
            within it before they are yielded.

    Raises:
        ValueError: It is no tar, or is truncated or damaged; the message says after
            which entry.
    """
    position = _Position(file, where, size)
    extended: dict[str, str] = {}
    while True:
        header = position.next_header()
        if header is None:
            return
        position.check(header.size)
        if header.type in (tarfile.GNUTYPE_LONGNAME, *_PAX, *_IGNORED):
            data = position.extension(header.size)
            if header.type == tarfile.GNUTYPE_LONGNAME:
                extended["path"] = _text(data.split(b"\0")[0])
            elif header.type in _PAX:
                extended.update(_pax_records(data, position.told()))
            continue
        entry = _entry(header, extended, position)
        extended = {}
        has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
        if has_data:
            position.check(entry.size)
        if not header.isdir() or entry.fault:
            yield entry
        position.last = entry.name
        position.go_to(entry.offset + (_whole_blocks(entry.size) if has_data else 0))


class _Position:
    """Where in a tar we are, and what to say if it ends here."""

    def __init__(self, file: BinaryIO, where: str, size: int | None) -> None:
        self._file, self._where, self._size = file, where, size
        self._start = file.tell()
        self.at = 0
        self.last = ""

    def told(self) -> str:
        after = f"after {self.last!r}" if self.last else "at its beginning"
        return f"{self._where}, {after}"

    def next_header(self) -> tarfile.TarInfo | None:
        left = _BLOCK if self._size is None else min(_BLOCK, self._size - self.at)
        if left < 0:  # the last block of a file is not whole
            raise ValueError(f"{self.told()}: the tar is truncated")
        block = self._file.read(left)
        self.at += len(block)
        # Two empty blocks are the end; some writers leave them out.
        if not block or block.count(0) == _BLOCK:
            if self.at == 0:
                raise ValueError(f"{self._where} is empty")
            return None
        if len(block) < _BLOCK:
            raise ValueError(f"{self.told()}: the tar is truncated")
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError, OverflowError) as error:
            raise ValueError(f"{self.told()}: this is no tar header") from error
        if header.size < 0:
            raise ValueError(f"{self.told()}: a file of {header.size} bytes")
        return header

    def check(self, size: int) -> None:
        """Refuses data that reaches beyond the tar's end."""
        if self._size is not None and self.at + size > self._size:
            missing = self.at + size - self._size
            raise ValueError(
                f"{self.told()}: the tar is truncated: {missing} bytes of the next "
                f"file are missing"
            )

    def extension(self, size: int) -> bytes:
        """The data of a header that says more of the next entry."""
        if size > _MAX_EXTENSION:
            raise ValueError(f"{self.told()}: a header of {size} bytes")
        data = self._file.read(size)
        if len(data) < size:
            raise ValueError(f"{self.told()}: the tar is truncated")
        start, self.at = self.at, self.at + size
        self.go_to(start + _whole_blocks(size))
        return data

    def go_to(self, target: int) -> None:
        """Moves on to a place, from wherever the caller has left the file."""
        self.at = self._file.tell() - self._start
        try:
            skip(self._file, target - self.at)
        except ValueError as error:
            raise ValueError(f"{self.told()}: {error}") from error
        self.at = target


def _entry(
    header: tarfile.TarInfo, extended: dict[str, str], position: _Position
) -> TarEntry:
    name = extended.get("path", header.name)
    size = header.size
    if "size" in extended:
        if not extended["size"].isdecimal():
            raise ValueError(f"{position.told()}: size {extended['size']!r}")
        size = int(extended["size"])
    fault = _fault(header, name, extended)
    return TarEntry(inner_path(name), size, position.at, fault)


def _fault(header: tarfile.TarInfo, name: str, extended: dict[str, str]) -> str:
    if fault := path_fault(name):
        return fault
    if header.issym() or header.islnk():
        return "a link, not a file"
    is_sparse = any(key.startswith("GNU.sparse") for key in extended)
    is_sparse |= header.type == tarfile.GNUTYPE_SPARSE
    if is_sparse or not (header.isreg() or header.isdir()):
        return "a device or another special file"
    return ""


def _pax_records(data: bytes, where: str) -> dict[str, str]:
    """Records `LENGTH KEY=VALUE\\n`, where LENGTH counts all of it."""
    records = {}
    while data:
        length, _, rest = data.partition(b" ")
        if not length.isdigit() or len(length) > 9 or int(length) <= len(length) + 1:
            raise ValueError(f"{where}: a pax header that cannot be read")
        body = rest[: int(length) - len(length) - 1]
        key, _, value = body.removesuffix(b"\n").partition(b"=")
        records[_text(key)] = _text(value)
        data = data[int(length) :]
    return records


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
