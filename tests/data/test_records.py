"""Shards and indexes: TensorFlow reads them, and damage never goes unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.data.index import Index
from t2t_multimodel.data.records import (
    ShardReader,
    ShardWriter,
    scan,
    shard_name,
)

RECORDS = [b"first", b"", b"third" * 100]


@pytest.fixture
def shard(tmp_path: Path) -> tuple[Path, list[int]]:
    path = tmp_path / "shard"
    writer = ShardWriter(path)
    offsets = [writer.write(record) for record in RECORDS]
    writer.close()
    assert (writer.num_bytes, writer.num_records) == (path.stat().st_size, 3)
    return path, offsets


def test_tensorflow_reads_what_we_write(shard: tuple[Path, list[int]]) -> None:
    found = [r.numpy() for r in tf.data.TFRecordDataset(str(shard[0]))]
    assert found == RECORDS


def test_we_read_what_tensorflow_writes(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    assert [record for _, record in scan(path)] == RECORDS


def test_records_are_read_at_any_place(shard: tuple[Path, list[int]]) -> None:
    path, offsets = shard
    reader = ShardReader((path, path))
    for place in (2, 0, 1):
        found = reader.read(place % 2, offsets[place], len(RECORDS[place]))
        assert found == RECORDS[place]
    assert [offset for offset, _ in scan(path)] == offsets


def test_a_truncated_record_is_named(shard: tuple[Path, list[int]]) -> None:
    path, offsets = shard
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="shard: record 7 is truncated"):
        ShardReader((path,)).read(0, offsets[2], len(RECORDS[2]), name="7")
    with pytest.raises(ValueError, match=f"record 2 at byte {offsets[2]} is truncated"):
        list(scan(path))


@pytest.mark.parametrize("place", [0, 9, 14, -1, -6])
def test_a_changed_byte_is_noticed(shard: tuple[Path, list[int]], place: int) -> None:
    path, offsets = shard
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        list(scan(path))
    reader = ShardReader((path,))
    with pytest.raises(ValueError, match="damaged"):
        for offset, record in zip(offsets, RECORDS, strict=True):
            reader.read(0, offset, len(record))


def test_a_wrong_index_is_noticed(shard: tuple[Path, list[int]]) -> None:
    with pytest.raises(ValueError, match=r"damaged|not where the index says"):
        ShardReader((shard[0],)).read(0, 1, 4)


def test_an_index_comes_back_and_the_same_one_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    columns = [np.arange(5, dtype=np.int32) + i for i in range(5)]
    for name in ("a.npz", "b.npz"):
        Index(*columns).save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = Index.load(tmp_path / "a.npz")
    assert len(loaded) == 5
    np.testing.assert_array_equal(loaded.targets, columns[4])


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.index.npz"
    path.write_bytes(b"PK nonsense")
    with pytest.raises(ValueError, match=r"x\.index\.npz is no index"):
        Index.load(path)


def test_shards_are_named_as_in_tensor2tensor() -> None:
    assert shard_name("wmt", "train", 3, 10) == "wmt-train-00003-of-00010"
