"""`verify` finds each kind of damage, whoever wrote the checksums."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.data.features import ClassLabel
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.index import Index
from t2t_multimodel.data.manifest import Manifest, StoredFile
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.records import ShardWriter
from t2t_multimodel.data.serialisation import make_record
from t2t_multimodel.data.stored import StoredSplit, verify
from t2t_multimodel.testing.text_pairs import TextPairs

TRAIN = tuple((f"word {n}", f"wort {n}") for n in range(20))
DEV = tuple((f"dev {n}", f"entw {n}") for n in range(5))
TEST = tuple((f"test {n}", f"prüf {n}") for n in range(5))


def _pairs(**splits: Any) -> TextPairs:
    by_split = {"train": TRAIN, "dev": DEV, "test": TEST, **splits}
    return TextPairs(by_split=by_split)


def _rewrite(folder: Path, problem: Problem, records: list[bytes]) -> None:
    """Replaces the records of dev, with checksums that are right."""
    manifest = Manifest.load(folder, problem.name)
    entry = manifest.splits["dev"]
    writer = ShardWriter(folder / entry.shards[0].file)
    offsets = [writer.write(record) for record in records]
    shard = writer.finish()
    index = Index.load(folder / entry.index.file)
    dataclasses.replace(
        index,
        offset=np.array(offsets),
        size=np.array([len(record) for record in records]),
    ).save(folder / entry.index.file)
    entry = dataclasses.replace(
        entry,
        shards=(shard,),
        index=StoredFile.of(folder / entry.index.file, len(records)),
    )
    splits = {**manifest.splits, "dev": entry}
    dataclasses.replace(manifest, splits=splits).save(folder)


def _records(folder: Path, problem: Problem) -> list[bytes]:
    split = StoredSplit(problem, folder, "dev")
    return [split.read(place) for place in range(len(split))]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"\x0a\xff nonsense", r"record 3 at byte \d+: it is no tf.train.Example"),
        (make_record({"inputs": b"a"}), "record 3 .* field 'targets' has 0 values"),
        (
            make_record({"inputs": 7, "targets": b"b"}),
            "record 3 .* field 'inputs' has 0 values in bytes_list",
        ),
        (
            make_record({"inputs": b"a", "targets": b"caf\xe9"}),
            "record 3 at byte .*, targets: 'utf-8' codec",
        ),
        (
            make_record({"inputs": b"", "targets": b"b"}),
            "record 3 at byte .*, inputs: the text is empty",
        ),
    ],
)
def test_a_record_that_does_not_hold_its_features_is_named(
    tmp_path: Path, record: bytes, message: str
) -> None:
    problem = _pairs()
    generate([problem], tmp_path)
    records = _records(tmp_path, problem)
    _rewrite(tmp_path, problem, records)
    verify(problem, tmp_path)
    records[3] = record
    _rewrite(tmp_path, problem, records)
    with pytest.raises(ValueError, match=rf"pairs-dev-.*{message}"):
        verify(problem, tmp_path)


@pytest.mark.parametrize(
    ("kind", "key", "value", "message"),
    [
        (
            "pictures",
            "inputs",
            b"\x89PNG\r\n\x1a\n",
            "inputs: .* not an image that can",
        ),
        ("pictures", "targets", 2, "targets: no class 2; there are 2"),
        ("sounds", "inputs", b"", "inputs: .*(empty|no sample)"),
        ("sounds", "inputs", b"\0", "inputs: "),
        ("captions", "targets", b"a\n\nb", "targets: the text is empty"),
    ],
)
def test_media_are_decoded(
    tmp_path: Path,
    problems: dict[str, Problem],
    kind: str,
    key: str,
    value: Any,
    message: str,
) -> None:
    problem = problems[kind]
    generate([problem], tmp_path, options=Options(max_examples=3))
    records = _records(tmp_path, problem)
    stored = {**StoredSplit(problem, tmp_path, "dev").stored(1), key: value}
    records[1] = make_record(stored)
    _rewrite(tmp_path, problem, records)
    with pytest.raises(ValueError, match=rf"{kind}-dev-.*record 1 at byte .*{message}"):
        verify(problem, tmp_path)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _swap_records(folder: Path) -> None:
    """The shard is whole, but its records have changed places."""
    problem = _pairs()
    before = Manifest.load(folder, "pairs")
    index = (folder / "pairs-dev.index.npz").read_bytes()
    records = _records(folder, problem)
    _rewrite(folder, problem, [records[0] + records[1], *records[2:], b""])
    (folder / "pairs-dev.index.npz").write_bytes(index)
    entry = Manifest.load(folder, "pairs").splits["dev"]
    entry = dataclasses.replace(entry, index=before.splits["dev"].index)
    splits = {**before.splits, "dev": entry}
    dataclasses.replace(before, splits=splits).save(folder)


def _lose_one(folder: Path) -> None:
    manifest = Manifest.load(folder, "pairs")
    entry = dataclasses.replace(manifest.splits["dev"], examples=4)
    splits = {**manifest.splits, "dev": entry}
    dataclasses.replace(manifest, splits=splits).save(folder)


def _replace_shard(folder: Path) -> None:
    """Another shard of the same length, with checksums of its own that are right."""
    path = folder / "pairs-dev-00000-of-00001"
    records = _records(folder, _pairs())
    writer = ShardWriter(path)
    for record in (records[1], records[0], *records[2:]):
        writer.write(record)
    writer.finish()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: _flip(folder / "pairs-train.index.npz"), "index.npz"),
        (lambda folder: _flip(folder / "pairs-train-00002-of-00010"), "is damaged"),
        (_swap_records, "the record at byte 0 is not where its index has one"),
        (_replace_shard, "its SHA-256 is not the manifest's"),
        (_lose_one, "does not have the 4 examples of its manifest"),
    ],
)
def test_files_that_do_not_belong_together_are_noticed(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    generate([_pairs()], tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        verify(_pairs(), tmp_path)


def test_examples_in_two_splits_are_told_or_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    problem = _pairs(dev=(*DEV, TRAIN[7], TRAIN[3]), test=(*TEST, DEV[4], TRAIN[3]))
    generate([problem], tmp_path, options=Options(num_shards=3))
    with caplog.at_level(logging.WARNING):
        verify(problem, tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "pairs: 2 examples of dev are in train as well, the first: dev 5, train 7",
        "pairs: 1 examples of test are in train as well, the first: test 6, train 3",
        "pairs: 2 examples of test are in dev as well, the first: test 5, dev 4",
    ]
    problem.disjoint_splits = True
    with pytest.raises(ValueError, match="promises that no example is in two splits"):
        verify(problem, tmp_path)


def test_the_same_inputs_with_other_targets_are_no_repetition(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    problem = _pairs(dev=((TRAIN[0][0], "anders"),))
    problem.disjoint_splits = True
    generate([problem], tmp_path)
    verify(problem, tmp_path)


def test_labels_of_the_corpus_are_those_of_its_manifest(tmp_path: Path) -> None:
    """A problem as the registry makes it does not know the classes yet."""

    class Found(TextPairs):
        def __init__(self, classes: tuple[str, ...] = ()) -> None:
            super().__init__(("a", "light"), name="found")
            self.options = {"classes": list(classes)}
            self.targets = ClassLabel(tuple(classes) or None)

        def with_source(self, source_dir: Path) -> Problem:
            return self.with_options({"classes": ["dark", "light"]})

    generate([Found()], tmp_path)
    verify(Found(), tmp_path)


def test_progress_counts_the_records_of_all_splits(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    generate([_pairs()], tmp_path)
    verify(_pairs(), tmp_path, progress=lambda *call: told.append(call))
    assert told[-1] == ("checking pairs", 30, 30)
