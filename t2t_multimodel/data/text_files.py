"""Text line by line, from plain and compressed files and from inside archives.

Nothing is unpacked: a member of an archive is read where it lies, with memory that
depends neither on the archive nor on the file nor on the longest line. Lines end at
line feeds and nowhere else.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import logging
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, AnyStr, BinaryIO, cast

from t2t_multimodel.data import archives
from t2t_multimodel.data.archives import Member
from t2t_multimodel.data.problem import Skip

COMPRESSIONS = (".gz", ".bz2", ".xz")

# A longer line is no sentence; without a limit a small compressed file could fill the
# memory.
LINE_LIMIT = 1 << 20
HEAD_SIZE = 1 << 20
_CHUNK = 1 << 20

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A file of text, compressed if its name's ending says so.

    Attributes:
        path: The file, or the archive that it is in.
        member: In an archive, the member.
    """

    path: Path
    member: Member | None = None

    def __str__(self) -> str:
        return str(self.member or self.path)

    @property
    def name(self) -> str:
        """The name without the folder or archive around it."""
        name = self.member.name if self.member else self.path.name
        return PurePosixPath(name).name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The decompressed bytes.

        Raises:
            ValueError: The file or its archive is truncated or damaged.
            OSError: The file cannot be read.
        """
        with _naming_faults(self), ExitStack() as stack:
            opened = self.member.open() if self.member else self.path.open("rb")
            raw = stack.enter_context(opened)
            yield stack.enter_context(_decompressed(raw, self.name))

    def lines(self) -> Iterator[str | Skip]:
        """Every line without its end; a `Skip` in the place of one that is no text.

        A byte order mark and a carriage return before the line feed are left out.

        Raises:
            ValueError, OSError: As `open`; or the file is UTF-16.
        """
        with self.open() as stream:
            number = 0
            for block in _blocks(stream):
                if number == 0:
                    block = self._without_mark(block)
                texts = _texts(block)
                if texts is not None:
                    yield from texts
                    number += len(texts)
                    continue
                for line in _split(block, b"\n"):
                    number += 1
                    yield self._checked(line, number)

    def count_lines(self) -> int:
        """How many lines there are, an unended last one included."""
        with self.open() as stream:
            return _count_lines(stream)

    def _without_mark(self, start: bytes) -> bytes:
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError(f"{self} is UTF-16; convert it to UTF-8")
        return start.removeprefix(b"\xef\xbb\xbf")

    def _checked(self, line: bytes, number: int) -> str | Skip:
        where = f"{self}, line {number}"
        if len(line) >= LINE_LIMIT:
            return Skip("line of over 1 MiB", where)
        try:
            text = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            return Skip("not valid UTF-8", f"{where}: {error}")
        return Skip("a NUL character", where) if "\0" in text else text


@dataclasses.dataclass(frozen=True)
class FoundFile:
    """A file of text that a search has come upon.

    Attributes:
        file: Where it is.
        name: Its path below the folder searched, without compression; an archive
            counts as a folder.
        place: The same with every archive left out: where unpacking would put it.
        head: Its first bytes, decompressed, `HEAD_SIZE` at most.
        num_lines: Its number of lines, where it had to be read anyway.
    """

    file: TextFile
    name: str
    place: str
    head: bytes
    num_lines: int | None = None


def find_text(folder: Path, is_wanted: Callable[[str], bool]) -> Iterator[FoundFile]:
    """Looks for text below a folder and in the archives there, in sorted order.

    Hidden files are passed over, and so is, with a warning, what cannot be read in an
    archive: links, devices, and names that lead out of it.

    Args:
        folder: Where to look; links to folders are followed.
        is_wanted: Told a file's name without compression.

    Raises:
        ValueError: An archive, or a file that is wanted, is truncated or damaged.
        OSError: A file cannot be read.
    """
    for path in _files_below(folder):
        name = path.relative_to(folder).as_posix()
        if archives.is_archive(name):
            yield from _find_in_archive(path, name, is_wanted)
        elif is_wanted(plain_name(name)):
            file = TextFile(path)
            with file.open() as stream:
                head = stream.read(HEAD_SIZE)
            yield FoundFile(file, plain_name(name), plain_name(name), head)


def plain_name(name: str) -> str:
    """A file's name without the ending of a compression."""
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in COMPRESSIONS else name


def _find_in_archive(
    path: Path, name: str, is_wanted: Callable[[str], bool]
) -> Iterator[FoundFile]:
    _log.info("looking through %s (%.1f MB)", path, path.stat().st_size / 1e6)
    left_out: list[str] = []
    for member, data in archives.stream(path):
        inside = plain_name(member.name)
        if _is_hidden(inside) or not is_wanted(inside):
            continue
        if member.fault:
            left_out.append(f"{member.name} ({member.fault})")
            continue
        file = TextFile(path, member)
        with _naming_faults(file), _decompressed(data, member.name) as stream:
            head = stream.read(HEAD_SIZE)
            num_lines = _count_lines(stream, head)
        place = (PurePosixPath(name).parent / inside).as_posix()
        yield FoundFile(file, f"{name}/{inside}", place, head, num_lines)
    if left_out:
        _log.warning(
            "%s: %d files left out that cannot be read: %s%s",
            path,
            len(left_out),
            ", ".join(left_out[:3]),
            " ..." if len(left_out) > 3 else "",
        )


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part != ".." for part in name.split("/"))


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above it
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(files):
            path = Path(parent, name)
            if not _is_hidden(name) and path.is_file():
                yield path


@contextmanager
def _decompressed(raw: BinaryIO, name: str) -> Iterator[BinaryIO]:
    name = name.lower()
    opened: Any
    if name.endswith(".gz"):
        opened = gzip.GzipFile(fileobj=raw, mode="rb")
    elif name.endswith(".bz2"):
        opened = bz2.BZ2File(raw)
    elif name.endswith(".xz"):
        opened = lzma.LZMAFile(raw)  # noqa: SIM115
    else:
        yield raw
        return
    with opened:
        # For its `readline`, which is much faster than the decompressors' own.
        yield cast(BinaryIO, io.BufferedReader(opened, _CHUNK))


@contextmanager
def _naming_faults(name: object) -> Iterator[None]:
    """One kind of error for the many that damaged files raise."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{name} is truncated or damaged: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{name} is truncated or damaged: {error}") from error


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """What is there in blocks of whole lines, a few MiB at most.

    Of a line of over `LINE_LIMIT` bytes there may be no more than the beginning.
    """
    while block := stream.read(_CHUNK):
        if not block.endswith(b"\n"):
            block += stream.readline(LINE_LIMIT)
            rest = block
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_LIMIT)
        yield block


def _texts(block: bytes) -> list[str] | None:
    """The text of a block's lines, decoded at once; None where one may be at fault."""
    if b"\0" in block:
        return None
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return None
    texts = _split(text.replace("\r\n", "\n").removesuffix("\r"), "\n")
    # A character takes up to 4 bytes.
    return texts if 4 * len(max(texts, key=len)) < LINE_LIMIT else None


def _split(block: AnyStr, end: AnyStr) -> list[AnyStr]:
    """The lines of a block, of which the last may have no end."""
    return block.removesuffix(end).split(end)


def _count_lines(stream: BinaryIO, start: bytes = b"") -> int:
    count, last = start.count(b"\n"), start[-1:]
    while chunk := stream.read(_CHUNK):
        count += chunk.count(b"\n")
        last = chunk[-1:]
    return count + (last not in (b"", b"\n"))
