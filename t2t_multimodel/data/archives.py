"""Files inside tar and zip archives, read where they lie: nothing is ever unpacked.

`members` lists an archive; what it gives is small, can be sent to another process, and
reads itself. A member of a plain tar or of a zip is found at once by its offset, in a
tar within a tar as well; one of a compressed tar costs reading all that lies before it,
so that `stream` goes through such a tar in one pass.

Archives are not trusted. A member whose path leads out of the archive, a link, a
device, an encrypted file, a zip bomb is listed with its `fault` and cannot be read.
What cannot be listed at all (truncated, damaged, no archive) is a `ValueError` that
names archive and member.
"""

from __future__ import annotations

import dataclasses
import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from t2t_multimodel.data import unpacking
from t2t_multimodel.data.tar_headers import TarEntry, walk

ENDINGS = (
    *(".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
    ".zip",
)
# No picture, transcript or annotation file comes near it.
READ_LIMIT = 1 << 28

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_IS_ENCRYPTED = 0x1


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        archive: The archive's path.
        name: The file's path inside, with `/`; in a tar within a tar it begins with
            that tar's name.
        size: Its length in bytes, as the archive declares it.
        offset: Where its bytes begin in the (decompressed) tar, or its header in a zip.
        packed: Only in a zip: compression method, compressed length, CRC-32.
        fault: Why it cannot be read; "" where it can.
    """

    archive: Path
    name: str
    size: int
    offset: int
    packed: tuple[int, int, int] | None = None
    fault: str = ""

    def __str__(self) -> str:
        shown = self.name if self.name.isprintable() else repr(self.name)
        return f"{self.archive}: {shown}"

    def read(self, limit: int = READ_LIMIT) -> bytes:
        """All its bytes.

        Raises:
            ValueError: It has a fault, is damaged, or is longer than `limit` bytes.
            OSError: The archive cannot be read.
        """
        if self.size > limit:
            raise ValueError(
                f"{self} has {self.size} bytes; at most {limit} are read at once"
            )
        with self.open() as file:
            return file.read()

    def open(self) -> BinaryIO:
        """A file object that reads it from the beginning to the end.

        Raises:
            ValueError: It has a fault; reading raises it where the member is damaged.
            OSError: The archive cannot be read.
        """
        if self.fault:
            raise ValueError(f"{self}: {self.fault}")
        if self.packed is not None:
            return self._open_zipped(*self.packed)
        archive = unpacking.open_tar(self.archive)
        try:
            unpacking.skip(archive, self.offset)
        except ValueError as error:
            archive.close()
            raise ValueError(f"{self}: {error}") from error
        return unpacking.part(archive, self.size, str(self), owns=True)

    def members(self) -> Iterator[Member]:
        """The members of a tar within this tar.

        Raises:
            ValueError: This is no tar, or is damaged.
            OSError: The archive cannot be read.
        """
        if self.packed is not None:
            raise ValueError(f"{self}: archives inside a zip are not read")
        if self.fault:
            raise ValueError(f"{self}: {self.fault}")
        with unpacking.open_tar(self.archive) as file:
            unpacking.skip(file, self.offset)
            for entry in walk(file, str(self), self.size):
                yield dataclasses.replace(
                    self,
                    name=f"{self.name}/{entry.name}",
                    size=entry.size,
                    offset=self.offset + entry.offset,
                    fault=entry.fault,
                )

    def _open_zipped(self, method: int, packed_size: int, crc: int) -> BinaryIO:
        archive = self.archive.open("rb")
        try:
            archive.seek(self.offset)
            header = archive.read(30)
            if len(header) < 30 or not header.startswith(_ZIP_STARTS[0]):
                raise ValueError(f"{self} is not where the zip's directory says")
            archive.seek(sum(struct.unpack("<HH", header[26:])), io.SEEK_CUR)
        except (OSError, ValueError):
            archive.close()
            raise
        packed = unpacking.part(archive, packed_size, str(self), owns=True)
        return unpacking.inflate(packed, method == _DEFLATED, self.size, crc, str(self))


def is_archive(path: str | Path) -> bool:
    """Whether the name ends as that of an archive that `members` reads."""
    return str(path).lower().endswith(ENDINGS)


def has_random_access(path: str | Path) -> bool:
    """Whether members are found at once: in all archives but compressed tars."""
    return unpacking.compression_of(Path(path)) == ""


def members(path: str | Path) -> Iterator[Member]:
    """Lists the files of an archive, in its order; directories are left out.

    What kind of archive it is follows from its first bytes, not from its name.

    Raises:
        ValueError: It is no archive, or is truncated or damaged; members before the
            damage have then been yielded where the archive is a tar.
        OSError: It cannot be read.
    """
    path = Path(path)
    if _is_zip(path):
        yield from _zip_members(path)
        return
    with unpacking.open_tar(path) as file:
        for entry in walk(file, str(path), _plain_size(path)):
            yield _tar_member(path, entry)


def stream(path: str | Path) -> Iterator[tuple[Member, BinaryIO]]:
    """Goes through an archive once: each member and a file object that reads it.

    The file object serves until the next member is asked for; of a member with a fault
    it is empty. Raises what `members` and `Member.open` do.
    """
    path = Path(path)
    if _is_zip(path):
        for member in _zip_members(path):
            with io.BytesIO() if member.fault else member.open() as opened:
                yield member, opened
        return
    with unpacking.open_tar(path) as file:
        for entry in walk(file, str(path), _plain_size(path)):
            member = _tar_member(path, entry)
            size = 0 if member.fault else member.size
            yield member, unpacking.part(file, size, str(member))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _ZIP_STARTS


def _plain_size(path: Path) -> int | None:
    return path.stat().st_size if has_random_access(path) else None


def _tar_member(path: Path, entry: TarEntry) -> Member:
    return Member(path, entry.name, entry.size, entry.offset, fault=entry.fault)


def _zip_members(path: Path) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as opened:
            entries = opened.infolist()
    except (
        *(zipfile.BadZipFile, NotImplementedError, struct.error),
        *(ValueError, OverflowError, EOFError),
    ) as error:
        raise ValueError(
            f"{path} is truncated or damaged: its zip directory cannot be read "
            f"({error})"
        ) from error
    total, packed_total = sum(e.file_size for e in entries), path.stat().st_size
    if unpacking.is_bomb(total, packed_total):
        raise ValueError(f"{path} is a zip bomb: {packed_total} bytes declare {total}")
    for entry in entries:
        if entry.is_dir() and not entry.file_size:
            continue
        yield Member(
            path,
            unpacking.inner_path(entry.filename),
            entry.file_size,
            entry.header_offset,
            (entry.compress_type, entry.compress_size, entry.CRC),
            _zip_fault(entry),
        )


def _zip_fault(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if fault := unpacking.path_fault(entry.filename):
        return fault
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or a device, not a file"
    if entry.flag_bits & _IS_ENCRYPTED:
        return "encrypted"
    if entry.compress_type not in (_STORED, _DEFLATED):
        return f"compressed by method {entry.compress_type}, which is not read"
    if unpacking.is_bomb(entry.file_size, entry.compress_size):
        return f"a zip bomb: {entry.compress_size} bytes declare {entry.file_size}"
    return ""
