"""Records: features in stored form as a serialised `tf.train.Example`, and back.

Writing is done by hand, as the message has but one shape: a map from names to lists of
one value. It costs a small part of what building the message costs, and an entry's
place does not depend on a hash: entries are in the order of their names.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from t2t_multimodel import quiet
from t2t_multimodel.data.features import Feature, Stored

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()

# Field numbers and wire types of Example, Features, map entries and Feature.
_FIELD_1, _FIELD_2, _INT64_LIST = b"\x0a", b"\x12", b"\x1a"
_LOW_BITS, _MORE = 0x7F, 0x80
_NUM_KNOWN = 1 << 14


def make_record(stored: Mapping[str, Stored]) -> bytes:
    """A serialised `tf.train.Example` with features in stored form.

    Args:
        stored: By name: bytes, or an integer of at least 0 and below 2^63. One at
            least.
    """
    return make_records({name: [value] for name, value in stored.items()})[0]


def make_records(columns: Mapping[str, Sequence[Stored]]) -> list[bytes]:
    """`make_record` of many examples at once, which is faster.

    Args:
        columns: By name: the values of all examples, of one type.
    """
    parts: list[Iterable[bytes]] = []
    for name, values in sorted(columns.items()):
        contents = [v if isinstance(v, bytes) else _varint(v) for v in values]
        before = _before(name, isinstance(next(iter(values), b""), bytes))
        parts += (map(before.__getitem__, map(len, contents)), contents)
    records = map(b"".join, zip(*parts, strict=True))
    return [b"".join((_FIELD_1, _varint(len(record)), record)) for record in records]


class _Before(dict[int, bytes]):
    """What stands before a value of so many bytes: its field and all around it."""

    def __init__(self, name: str, is_bytes: bool) -> None:
        encoded = name.encode()
        self._key = _FIELD_1 + _varint(len(encoded)) + encoded
        # Feature.bytes_list = 1, Feature.int64_list = 3
        self._kind = _FIELD_1 if is_bytes else _INT64_LIST

    def __missing__(self, length: int) -> bytes:
        # BytesList.value = 1; Int64List.value = 1, packed
        inner = _FIELD_1 + _varint(length)
        feature = self._kind + _varint(len(inner) + length) + inner
        entry = self._key + _FIELD_2 + _varint(len(feature) + length) + feature
        found = _FIELD_1 + _varint(len(entry) + length) + entry
        if length < _NUM_KNOWN:
            self[length] = found
        return found


_before = functools.cache(_Before)


def parse_record(record: bytes, features: Mapping[str, Feature]) -> dict[str, Stored]:
    """The inverse of `make_record`.

    Args:
        record: The record.
        features: By the name of the record's field.

    Raises:
        ValueError: It is no such message, or has not exactly one value in a field.
    """
    try:
        fields = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise ValueError(f"it is no tf.train.Example: {error}") from error
    found: dict[str, Stored] = {}
    for name, feature in features.items():
        is_bytes = feature.storage == "string"
        kind = "bytes_list" if is_bytes else "int64_list"
        values = getattr(fields[name], kind).value
        if len(values) != 1:
            raise ValueError(f"its field {name!r} has {len(values)} values in {kind}")
        found[name] = values[0] if is_bytes else int(values[0])
    return found


def _make_varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the high bit set."""
    digits = bytearray()
    while number > _LOW_BITS:
        digits.append(number & _LOW_BITS | _MORE)
        number >>= 7
    digits.append(number)
    return bytes(digits)


_VARINTS = tuple(map(_make_varint, range(_NUM_KNOWN)))


def _varint(number: int) -> bytes:
    return _VARINTS[number] if number < _NUM_KNOWN else _make_varint(number)
