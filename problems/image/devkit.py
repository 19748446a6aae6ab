"""meta.mat of the ILSVRC2012 development kit: which synset has which number.

The kit's ground truth numbers the synsets in an order of its own, and this file alone
holds it. It is a MATLAB 5.0 MAT-file, of which only a struct array of numbers and texts
is read here (format: MathWorks, "MAT-File Format"); the common readers of such files
are not safe with damaged ones.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator

META_FILE = "meta.mat"

_MAX_BYTES = 1 << 26
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_STRUCT_CLASS, _CHAR_CLASS = 2, 4
# Storage types: the letter of `struct`, where it is a number.
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d"}
_NUMBERS |= {12: "q", 13: "Q"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}


@dataclasses.dataclass(frozen=True)
class Synset:
    """A synset of the development kit."""

    number: int
    wnid: str
    words: str


def read_meta(data: bytes, where: str) -> list[Synset]:
    """The synsets in a meta.mat, in its order.

    Args:
        data: The file's bytes.
        where: What to call it in an error.

    Raises:
        ValueError: It is no such file, or is damaged.
    """
    try:
        return list(_synsets(_Reader(data)))
    except (struct.error, zlib.error, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{where} is no readable MAT-file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _synsets(file: _Reader) -> Iterator[Synset]:
    for row in file.rows("synsets"):
        number, wnid = row.get("ILSVRC2012_ID"), row.get("WNID")
        words = row.get("words", "")
        if not isinstance(wnid, str) or not isinstance(number, float):
            raise ValueError("a synset has no ILSVRC2012_ID or no WNID")
        yield Synset(int(number), wnid, words if isinstance(words, str) else "")


class _Reader:
    """The few kinds of elements that the file is made of."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER or data[126:128] not in (b"IM", b"MI"):
            raise ValueError("this is no MATLAB 5.0 MAT-file")
        self._order = "<" if data[126:128] == b"IM" else ">"
        self._data = data[_HEADER:]

    def rows(self, name: str) -> Iterator[dict[str, str | float | None]]:
        """The elements of the struct array called `name`."""
        for kind, body in self._elements(self._data):
            if kind == _COMPRESSED:
                body = zlib.decompressobj().decompress(body, _MAX_BYTES)
                kind, body = next(self._elements(body), (0, b""))
            if kind == _MATRIX:
                parts = self._elements(body)
                array_class, count, found = self._array_header(parts)
                if array_class == _STRUCT_CLASS and found == name:
                    yield from self._struct_rows(parts, count)
                    return
        raise ValueError(f"it holds no struct array {name!r}")

    def _struct_rows(
        self, parts: Iterator[tuple[int, bytes]], count: int
    ) -> Iterator[dict[str, str | float | None]]:
        (length,) = struct.unpack(self._order + "i", _next(parts)[:4])
        packed = _next(parts)
        if length < 1:
            raise ValueError("its fields have no names")
        starts = range(0, len(packed), length)
        fields = [packed[i : i + length].split(b"\0")[0].decode() for i in starts]
        for _ in range(count):
            yield {field: self._value(_next(parts)) for field in fields}

    def _value(self, body: bytes) -> str | float | None:
        """A number or a text; None for anything else, or for nothing."""
        if not body:
            return None
        parts = self._elements(body)
        array_class, count, _ = self._array_header(parts)
        kind, stored = next(parts, (0, b""))
        if array_class == _CHAR_CLASS and kind in _TEXTS:
            encoding = _TEXTS[kind]
            if encoding == "utf-16":
                encoding += "-le" if self._order == "<" else "-be"
            return stored.decode(encoding)
        if count == 1 and kind in _NUMBERS and array_class != _STRUCT_CLASS:
            letter = _NUMBERS[kind]
            size = struct.calcsize(letter)
            number = float(struct.unpack(self._order + letter, stored[:size])[0])
            return number if abs(number) < 2**31 else None
        return None

    def _array_header(self, parts: Iterator[tuple[int, bytes]]) -> tuple[int, int, str]:
        """Class, number of elements and name of an array."""
        (flags,) = struct.unpack(self._order + "I", _next(parts)[:4])
        sizes = _next(parts)
        count = 1
        for (size,) in struct.iter_unpack(self._order + "i", sizes[: len(sizes) & ~3]):
            count *= size
        return flags & 0xFF, count, _next(parts).decode("ascii", "replace")

    def _elements(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        place = 0
        while place + 8 <= len(data):
            kind, size = struct.unpack_from(self._order + "II", data, place)
            if kind >> 16:  # a small element: type, size and data in eight bytes
                kind, size = kind & 0xFFFF, kind >> 16
                yield kind, data[place + 4 : place + 4 + min(size, 4)]
                place += 8
                continue
            if place + 8 + size > len(data):
                raise ValueError("it is truncated")
            yield kind, data[place + 8 : place + 8 + size]
            place += 8 + size
            if kind != _COMPRESSED:
                place += -size % 8


def _next(parts: Iterator[tuple[int, bytes]]) -> bytes:
    for _, body in parts:
        return body
    raise ValueError("it is truncated")
