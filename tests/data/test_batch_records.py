"""Where a batch's records are said to be, they are."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from t2t_multimodel.data.batch_records import BatchRecords
from t2t_multimodel.data.generation import Options, generate
from t2t_multimodel.data.pipeline import BatchStream
from t2t_multimodel.data.vocabulary import Vocabulary
from t2t_multimodel.testing.text_pairs import TextPairs


def test_files_and_numbers_lead_to_the_examples_of_the_batch(tmp_path: Path) -> None:
    rows = tuple((f"word {n}", f"Wort {n}" * (1 + n % 3)) for n in range(23))
    problem = TextPairs(*rows)
    generate([problem], tmp_path, options=Options(num_shards=3, vocab_size=300))
    vocabulary = Vocabulary.load(tmp_path / "vocab.model")
    stream = BatchStream(problem, tmp_path, vocabulary, batch_cost=60, num_buckets=2)
    for number in range(stream.batches_per_epoch + 2):
        (batch,) = stream.dataset(number, 1)
        expected = {vocabulary.decode(ids) for ids in batch["inputs"].numpy().tolist()}
        found = stream.records_of(number)
        texts = set()
        for file, numbers in found.files.items():
            frames = [r.numpy() for r in tf.data.TFRecordDataset(str(tmp_path / file))]
            for place in numbers:
                example = tf.train.Example.FromString(frames[place])
                (text,) = example.features.feature["inputs"].bytes_list.value
                texts.add(text.decode())
        assert texts == expected
        size, inputs_length = batch["inputs"].shape
        assert found.bucket == (
            f"{size} examples padded to {inputs_length} inputs and "
            f"{batch['targets'].shape[1]} targets"
        )


def test_a_long_list_is_cut_and_says_how_much_is_left() -> None:
    files = {"a": (3, 5), "b": (0, 1, 2)}
    records = BatchRecords((3, 5, 9, 10, 11), files, 4, 4)
    assert records.listed(9) == "a: 3, 5; b: 0, 1, 2"
    assert records.listed(3) == "a: 3, 5; b: 0 and 2 more"
    assert records.listed(2) == "a: 3, 5 and 3 more"
