"""The batch stream: to the contract, a function of its seed, open at any place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.data.pipeline import BatchStream, eval_batches, raw_examples
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.vocabulary import Vocabulary

Batch = dict[str, np.ndarray]


def _batches(stream: BatchStream, first: int, count: int) -> list[Batch]:
    found = stream.dataset(first, count)
    return [{key: value.numpy() for key, value in b.items()} for b in found]


def _same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key]) for key in one
    )


@pytest.fixture(params=["sentences", "trees", "pictures", "sounds"])
def problem(request: pytest.FixtureRequest, problems: dict[str, Problem]) -> Problem:
    return problems[request.param]


def _stream(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary, **changes: Any
) -> BatchStream:
    given: dict[str, Any] = {"batch_cost": 64, "seed": 3, **changes}
    return BatchStream(problem, data_dir, vocabulary, **given)


def test_the_stream_is_a_pure_function_of_its_seed(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary
) -> None:
    one, two, other = (
        _batches(_stream(problem, data_dir, vocabulary, seed=seed), 0, 12)
        for seed in (3, 3, 4)
    )
    assert all(map(_same, one, two))
    assert not all(map(_same, one, other))


def test_the_stream_goes_on_from_any_batch(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary
) -> None:
    stream = _stream(problem, data_dir, vocabulary)
    last = stream.batches_per_epoch + 2
    whole = _batches(stream, 0, last + 1)
    (later,) = _batches(_stream(problem, data_dir, vocabulary), last, 1)
    assert _same(whole[-1], later)
    size = stream.batches_per_epoch
    assert stream.epoch_of(size) == 1 and stream.epoch_of(size - 1) == 0


@pytest.mark.parametrize("count", [2, 7])
def test_parts_make_up_the_batch_and_only_they_are_read(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary, count: int
) -> None:
    whole = _batches(_stream(problem, data_dir, vocabulary), 0, 6)
    read: list[int] = []
    parts = []
    for index in range(count):
        stream = _stream(problem, data_dir, vocabulary, part=(index, count))
        one = stream._data.read
        stream._data.read = lambda place, one=one: read.append(place) or one(place)  # type: ignore[method-assign,misc]
        parts.append(_batches(stream, 0, 6))
    for number, batch in enumerate(whole):
        own = [part[number] for part in parts]
        sizes = [len(part["inputs"]) for part in own]
        assert max(sizes) - min(sizes) <= 1
        for key, value in batch.items():
            joined = np.concatenate([part[key] for part in own])
            # Sound is transformed by products of matrices, whose rounding varies.
            np.testing.assert_allclose(joined, value, rtol=1e-5, atol=1e-5)
    # Streams read ahead; of an empty part one record is decoded for its shape.
    examples = sum(len(batch["inputs"]) for batch in whole)
    if count == 2 and min(len(batch["inputs"]) for batch in whole) > 1:
        assert len(read) == examples


def test_every_element_fits_the_spec(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary
) -> None:
    dataset = _stream(problem, data_dir, vocabulary).dataset(num_batches=6)
    spec = dataset.element_spec
    for batch in dataset:
        for key, value in batch.items():
            assert spec[key].is_compatible_with(value)
    keys = set(spec)
    modalities = {k: feature.modality for k, feature in problem.features.items()}
    masks = {f"{k}_mask" for k, m in modalities.items() if m in ("text", "audio")}
    assert keys == {"inputs", "targets"} | masks


def test_specs_say_all_that_is_fixed(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary
) -> None:
    def spec(name: str) -> dict[str, tf.TensorSpec]:
        stream = _stream(problems[name], data_dir, vocabulary)
        return dict(stream.dataset().element_spec)

    assert spec("pictures")["inputs"] == tf.TensorSpec([None, 16, 12, 3], tf.float32)
    assert spec("pictures")["targets"] == tf.TensorSpec([None], tf.int32)
    assert spec("sounds")["inputs"] == tf.TensorSpec([None, None, 20], tf.float32)
    assert spec("sounds")["inputs_mask"] == tf.TensorSpec([None, None], tf.bool)
    assert spec("sentences")["targets"] == tf.TensorSpec([None, None], tf.int32)


def test_shapes_are_few(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary
) -> None:
    stream = _stream(problems["sentences"], data_dir, vocabulary, num_buckets=3)
    batches = _batches(stream, 0, 2 * stream.batches_per_epoch)
    shapes = {(b["inputs"].shape, b["targets"].shape) for b in batches}
    assert len(shapes) <= 3


def test_an_epoch_shows_every_example(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary
) -> None:
    stream = _stream(problems["sentences"], data_dir, vocabulary)
    seen = {
        (vocabulary.decode(inputs), vocabulary.decode(targets))
        for batch in _batches(stream, 0, stream.batches_per_epoch)
        for inputs, targets in zip(batch["inputs"], batch["targets"], strict=True)
    }
    rows = raw_examples(problems["sentences"], data_dir, "train")
    assert seen == {(row["inputs"], row["targets"]) for row in rows}
    assert stream.num_examples == len(rows) == 60


def test_augmentation_differs_between_epochs_only(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary
) -> None:
    stream = _stream(problems["pictures"], data_dir, vocabulary, batch_cost=1000)
    size = stream.batches_per_epoch
    assert size == 1

    def pictures(epoch: int) -> np.ndarray:
        (batch,) = _batches(stream, epoch, 1)
        return batch["inputs"][np.argsort(stream.plan.batch(epoch).places)]

    assert np.array_equal(pictures(0), pictures(0))
    different = (pictures(0) != pictures(1)).any(axis=(1, 2, 3))
    assert different.mean() > 0.5


def test_evaluation_sees_each_example_once_and_unchanged(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary
) -> None:
    batches = eval_batches(problem, data_dir, vocabulary, "dev", batch_cost=64)
    assert len(batches) == len(list(batches))
    places: list[int] = []
    for batch in batches:
        places += batch["index"].numpy().tolist()
        assert batch["index"].dtype == tf.int64
        for row, place in enumerate(batch["index"].numpy()):
            raw = raw_examples(problem, data_dir, "dev")[place]
            key, feature = "inputs", problem.inputs
            alone = feature.batch([feature.load(raw[key])], vocabulary)[key].numpy()[0]
            found = batch[key].numpy()[row]
            shorter = min(len(alone), len(found))
            np.testing.assert_allclose(found[:shorter], alone[:shorter], atol=1e-4)
    assert sorted(places) == list(range(13))


def test_evaluation_of_a_few_takes_the_first(
    problem: Problem, data_dir: Path, vocabulary: Vocabulary
) -> None:
    batches = eval_batches(problem, data_dir, vocabulary, "test", max_examples=3)
    assert sorted(i for b in batches for i in b["index"].numpy()) == [0, 1, 2]


def test_too_long_examples_are_left_out_and_told(
    problems: dict[str, Problem],
    data_dir: Path,
    vocabulary: Vocabulary,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "t2t_multimodel"):
        stream = _stream(problems["sentences"], data_dir, vocabulary, max_length=10)
    assert stream.num_examples + stream.num_dropped == 60 and stream.num_dropped > 0
    assert (
        f"{stream.num_dropped} of 60 train examples are longer than 10" in caplog.text
    )
    for batch in _batches(stream, 0, stream.batches_per_epoch):
        assert batch["inputs_mask"].sum(axis=1).max() <= 10
        assert batch["targets_mask"].sum(axis=1).max() <= 10
    with pytest.raises(ValueError, match="all 60 train examples are longer than max"):
        _stream(problems["sentences"], data_dir, vocabulary, max_length=1)


def test_text_needs_the_vocabulary_and_the_rest_does_not(
    problems: dict[str, Problem], data_dir: Path
) -> None:
    stream = BatchStream(problems["pictures"], data_dir, None)
    assert next(iter(stream.dataset()))["targets"].dtype == tf.int32
    with pytest.raises(ValueError, match="needs a vocabulary"):
        BatchStream(problems["sentences"], data_dir, None).dataset()


def test_batch_sizes_suit_the_replicas(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary
) -> None:
    stream = _stream(problems["sentences"], data_dir, vocabulary, num_replicas=3)
    for batch in _batches(stream, 0, stream.batches_per_epoch):
        assert len(batch["inputs"]) % 3 == 0


def test_a_damaged_record_stops_the_stream_and_is_named(
    problems: dict[str, Problem], data_dir: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    for file in data_dir.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shard = tmp_path / "sentences-train-00001-of-00003"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    stream = _stream(problems["sentences"], tmp_path, vocabulary)
    with pytest.raises(tf.errors.OpError, match=r"train-00001.*record \d+ is damaged"):
        _batches(stream, 0, stream.batches_per_epoch)
