"""Records are what TensorFlow would write, byte for byte, and read."""

from __future__ import annotations

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.data.features import ClassLabel, Text
from t2t_multimodel.data.serialisation import (
    make_record,
    make_records,
    parse_record,
)

FEATURES = {"inputs": Text(), "targets": ClassLabel(2)}


def _by_tensorflow(stored: dict[str, bytes | int]) -> bytes:
    fields = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, bytes)
        else tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        for name, value in stored.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=fields))
    written: bytes = example.SerializeToString(deterministic=True)
    return written


VALUES = st.one_of(st.binary(max_size=300), st.integers(0, 2**63 - 1))


@given(st.dictionaries(st.text(min_size=1, max_size=9), VALUES, min_size=1, max_size=4))
def test_records_are_those_of_tensorflow(stored: dict[str, bytes | int]) -> None:
    assert make_record(stored) == _by_tensorflow(stored)


@given(st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 2**63 - 1))))
def test_many_records_are_each_as_if_alone(rows: list[tuple[bytes, int]]) -> None:
    columns = {"b": [text for text, _ in rows], "a": [number for _, number in rows]}
    one_by_one = [make_record({"b": text, "a": number}) for text, number in rows]
    assert make_records(columns) == one_by_one


@pytest.mark.parametrize("length", [0, 1, 100, 127, 128, 16383, 16384, 3_000_000])
def test_lengths_of_any_size_are_written(length: int) -> None:
    stored: dict[str, bytes | int] = {"targets": 127, "inputs": b"x" * length}
    assert make_record(stored) == _by_tensorflow(stored)
    assert parse_record(make_record(stored), FEATURES) == stored


@given(st.binary(max_size=60))
def test_what_is_no_record_is_refused(data: bytes) -> None:
    try:
        found = parse_record(data, FEATURES)
    except ValueError:
        return
    assert isinstance(found["inputs"], bytes) and isinstance(found["targets"], int)
