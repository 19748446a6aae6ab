"""Problems from tensorflow-datasets, on the mock data that it makes itself."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel import registry
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import raw_examples
from t2t_multimodel.data.problem import Problem, Skip
from t2t_multimodel.data.stored import verify
from t2t_multimodel.data.tfds_source import from_tfds, text_of
from t2t_multimodel.problems import tfds_corpora

tfds = pytest.importorskip("tensorflow_datasets", reason="the extra tfds is not here")

OPTIONS = Options(num_shards=1, max_bad_share=1.0)
NAMES = (
    *("translate_ende_wmt", "translate_deen_wmt", "translate_enfr_wmt"),
    *("translate_fren_wmt", "translate_defr_wmt"),
    *("image_imagenet", "speech_librispeech"),
)


@pytest.fixture
def mock() -> Iterator[None]:
    with tfds.testing.mock_data(num_examples=3):
        yield


def _problem(name: str, **options: Any) -> Problem:
    return from_tfds(registry.problem(name, **options))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("mock")
def test_every_corpus_is_generated_verified_and_read_back(
    name: str, tmp_path: Path
) -> None:
    problem = _problem(name)
    made = generate([problem], tmp_path, options=OPTIONS)[name]
    expected = (
        ("train", "dev") if name == "image_imagenet" else ("train", "dev", "test")
    )
    assert tuple(made.splits) == expected
    assert [split.examples for split in made.splits.values()] == [3] * len(expected)
    assert made.source.startswith("tensorflow-datasets ")
    known = registry.problem(name).with_data(tmp_path)
    assert verify(known, tmp_path) == made
    row = raw_examples(known, tmp_path, "dev")[0]
    assert known.features["inputs"].load(row["inputs"])
    assert known.features["targets"].load(row["targets"]) is not None


def test_captions_come_with_the_bytes_of_their_picture(tmp_path: Path) -> None:
    picture = tf.io.encode_png(np.zeros((9, 12, 3), np.uint8)).numpy()

    # Its own mock data cannot make captions beside images that are left encoded.
    def dataset(builder: Any, decoders: Any, **arguments: Any) -> tf.data.Dataset:
        assert list(decoders) == ["image"]
        captions = {"id": [1, 2, 3], "text": ["a house\n", " ", "two  houses"]}
        record = {"image": picture, "image/id": 7, "captions": captions}
        return tf.data.Dataset.from_tensors(record).repeat(2)

    with tfds.testing.mock_data(as_dataset_fn=dataset):
        made = generate([_problem("caption_coco", size=8)], tmp_path, options=OPTIONS)
    assert tuple(made["caption_coco"].splits) == ("train", "dev", "test")
    row = raw_examples(registry.problem("caption_coco"), tmp_path, "test")[1]
    assert row == {"inputs": picture, "targets": ["a house", "two houses"]}


@pytest.mark.usefixtures("mock")
def test_sides_are_those_of_the_languages_asked_for(tmp_path: Path) -> None:
    (record, *_) = tfds.as_numpy(
        tfds.builder("wmt14_translate/de-en").as_dataset(split="train")
    )
    for name, sides in (("ende", ("en", "de")), ("deen", ("de", "en"))):
        row = next(iter(_problem(f"translate_{name}_wmt").examples("train", tmp_path)))
        assert not isinstance(row, Skip)
        expected = tuple(record[side].decode() for side in sides)
        assert (row["inputs"], row["targets"]) == expected


@pytest.mark.usefixtures("mock")
def test_the_way_back_is_still_a_twin(tmp_path: Path) -> None:
    made = generate([_problem("translate_fren_wmt")], tmp_path, options=OPTIONS)
    assert made["translate_fren_wmt"].twin == "translate_enfr_wmt"
    assert made["translate_fren_wmt"].source.endswith("wmt14_translate/fr-en")


@pytest.mark.usefixtures("mock")
def test_classes_are_those_of_the_data_set(tmp_path: Path) -> None:
    problem = _problem("image_imagenet", size=16).with_source(tmp_path)
    names = problem.options["classes"]
    assert len(names) == 1000 and names[0] == "n01440764"
    assert problem.options["size"] == 16 and problem.name == "image_imagenet"


@pytest.mark.usefixtures("mock")
def test_a_problem_from_there_can_be_sent_to_a_process(tmp_path: Path) -> None:
    problem = _problem("translate_ende_wmt")
    sent = pickle.loads(pickle.dumps(problem))
    assert list(sent.examples("dev", tmp_path)) == list(
        problem.examples("dev", tmp_path)
    )
    plain = registry.problem("translate_ende_wmt")
    assert (sent.command, sent.metrics) == (plain.command, plain.metrics)
    assert sent.generator_version != plain.generator_version


def test_nothing_is_downloaded_unasked(tmp_path: Path) -> None:
    problem = registry.problem("translate_ende_wmt")
    message = (
        r"translate_ende_wmt: wmt14_translate/de-en is not prepared in .*wmt14"
        r".*--tfds_download downloads.*--tfds_data_dir"
    )
    with pytest.raises(ValueError, match=message):
        generate([from_tfds(problem, data_dir=tmp_path / "tfds")], tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_downloading_is_asked_of_tensorflow_datasets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(
        tfds.core.DatasetBuilder,
        "download_and_prepare",
        lambda self: asked.append(self.info.full_name),
    )
    given = registry.problem("translate_ende_wmt"), "wmt19_translate/de-en", tmp_path
    with pytest.raises(ValueError, match="wmt19_translate/de-en is not prepared"):
        from_tfds(*given, is_to_download=True).splits(tmp_path)
    assert asked == ["wmt19_translate/de-en/1.0.0"]


@pytest.mark.usefixtures("mock")
def test_a_split_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = {"train": 1, "validation": 2}
    monkeypatch.setattr(tfds.core.DatasetInfo, "splits", property(lambda self: here))
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert _problem("translate_defr_wmt").splits(tmp_path) == ("train", "dev")
    assert "wmt19_translate/fr-de has no test split" in caplog.text


def test_an_unknown_data_set_is_answered(tmp_path: Path) -> None:
    problem = from_tfds(registry.problem("translate_ende_wmt"), "wmt99_translate/de-en")
    with pytest.raises(ValueError, match=r"translate_ende_wmt: .*wmt99_translate"):
        problem.splits(tmp_path)


@pytest.mark.usefixtures("mock")
def test_a_record_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(data: Any) -> Iterator[Any]:
        yield {"en": b"a", "de": b"b"}
        raise tf.errors.DataLossError(None, None, "corrupted record at 7\nmore")

    monkeypatch.setattr(tfds, "as_numpy", broken)
    message = "de-en, dev, cannot be read after record 0: corrupted record at 7$"
    with pytest.raises(ValueError, match=message):
        list(_problem("translate_ende_wmt").examples("dev", tmp_path))


def test_what_it_does_not_have_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match="parse_wsj: tensorflow-datasets has no corpus"
    ):
        from_tfds(registry.problem("parse_wsj"))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match=r"pip install 't2t-multimodel\[tfds\]'"):
        from_tfds(registry.problem("translate_ende_wmt")).splits(Path())


def test_records_that_are_no_example_are_skipped() -> None:
    ende = registry.problem("translate_ende_wmt", max_words=3)
    pair = {"en": b"a b c d", "de": b"a b c d"}
    for record, split, reason, is_fault in (
        (pair, "train", "over-long", False),
        ({**pair, "de": b" "}, "test", "empty targets", False),
        ({**pair, "de": b"\xe4"}, "test", "text that is not valid UTF-8", True),
        ({**pair, "de": b"\0"}, "dev", "text that is not valid UTF-8", True),
    ):
        skip = tfds_corpora.translation(ende, record, split, "here")
        assert skip == Skip(reason, "here", is_fault)
    assert tfds_corpora.translation(ende, pair, "test", "here") == {
        "inputs": "a b c d",
        "targets": "a b c d",
    }
    picture = {"image": b"x", "label": np.int64(-1), "captions": {"text": [b" "]}}
    for function in (tfds_corpora.labelled_image, tfds_corpora.captioned_image):
        assert isinstance(function(None, picture, "dev", "here"), Skip)
    read = {"speech": np.zeros(9, np.int16), "text": b"THE MAN'S HOUSE"}
    row = tfds_corpora.read_book(None, read, "dev", "here")
    assert not isinstance(row, Skip) and row["targets"] == "the man's house"


def test_subsets_of_librispeech_are_named_as_there() -> None:
    corpus = registry.problem("speech_librispeech", train_sets="train-clean-100").tfds
    assert corpus is not None and corpus.splits == {
        "train": "train_clean100",
        "dev": "dev_clean",
        "test": "test_clean",
    }
    assert registry.problem("caption_coco", year=2017).tfds is None


def test_text_is_text() -> None:
    assert text_of(b"\xc3\xa9") == "é" and text_of("é") == "é"
    assert text_of(b"\xff") is None
