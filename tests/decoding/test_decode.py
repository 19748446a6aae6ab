"""Decoding through views, over stand-ins whose answers are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import (
    DecodedText,
    Decoder,
    RankedClasses,
    decode_batch,
    length_limits,
)
from t2t_multimodel.models.task import Port, Task

VOCAB_SIZE = 40
EOS = 1


class Numbers:
    """A vocabulary whose words are the ids themselves."""

    def decode(self, ids: list[int]) -> str:
        return " ".join(str(i) for i in ids if i > 2)


@dataclass
class Copier:
    """A view that repeats its input, each id raised by the command."""

    command_id: int = 0
    task: Task = field(
        default_factory=lambda: Task("copy", Port("text"), Port("text"), "copy")
    )
    signature: str = "text to text"
    decode_traces: int = 0

    def encode(self, features: Any, training: bool = False) -> Any:
        mask = features["inputs_mask"]
        return tf.cast(features["inputs"], tf.float32)[..., None], mask

    def stepwise(self, encoded: Any, mask: Any, command: Any = None) -> Copying:
        self.decode_traces += 1
        return Copying(tf.cast(encoded[..., 0], tf.int32), command)


class Copying:
    """What stands in for the model's `Stepwise`."""

    def __init__(self, source_BS: Any, command: Any) -> None:
        source_BS = tf.where(source_BS > 2, source_BS + command, source_BS)
        self.source = tf.pad(source_BS, [[0, 0], [0, 600]], constant_values=EOS)

    def past_shapes(self) -> dict[str, Any]:
        return {"count": (None,)}

    def start(self, num_rows: Any) -> dict[str, Any]:
        return {"count": tf.zeros([num_rows], tf.int32)}

    def step(self, ids: Any, position: Any, past: dict[str, Any]) -> tuple[Any, Any]:
        per_input = tf.shape(ids)[0] // tf.shape(self.source)[0]
        source = tf.repeat(self.source, per_input, axis=0)
        words = tf.gather(source, past["count"], batch_dims=1)
        return 9.0 * tf.one_hot(words, VOCAB_SIZE), {"count": past["count"] + 1}


@dataclass
class Sorter:
    """A classifier whose logits are its input's pixels."""

    command_id: int = 0
    task: Task = field(
        default_factory=lambda: Task("sort", Port("image"), Port("label"), "label")
    )
    signature: str = "image to label"

    def classify(self, features: Any) -> Any:
        return features["inputs"][:, 0, :, 0]


def text_batch(*rows: list[int]) -> dict[str, Any]:
    longest = max(len(row) for row in rows) + 1
    ids = np.zeros((len(rows), longest), np.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row) + 1] = [*row, EOS]
    return {"inputs": tf.constant(ids), "inputs_mask": tf.constant(ids > 0)}


def texts(outputs: list[Any]) -> list[str]:
    assert all(isinstance(output, DecodedText) for output in outputs)
    return [output.text for output in outputs]


def test_text_comes_out_in_the_order_of_the_batch() -> None:
    batch = text_batch([5, 6, 7], [9], [3, 4])
    assert texts(decode_batch(Copier(), batch, Numbers())) == ["5 6 7", "9", "3 4"]


def test_views_of_one_signature_share_a_graph_and_keep_their_commands() -> None:
    decoder = Decoder(Numbers())
    first, second = Copier(command_id=0), Copier(command_id=10)
    assert texts(decoder.decode(first, text_batch([5, 6]))) == ["5 6"]
    traces = first.decode_traces
    assert texts(decoder.decode(second, text_batch([5, 6, 7], [8]))) == [
        "15 16 17",
        "18",
    ]
    assert (first.decode_traces, second.decode_traces) == (traces, 0)


def test_targets_in_the_batch_are_not_read() -> None:
    batch = text_batch([5, 6])
    other = {**batch, "targets": tf.constant([[30, 1]]), "index": tf.constant([0])}
    decoder = Decoder(Numbers())
    assert decoder.decode(Copier(), batch) == decoder.decode(Copier(), other)


def test_an_output_is_cut_at_the_limit() -> None:
    batch = text_batch([5, 6, 7, 8])
    assert texts(Decoder(Numbers(), max_length=3).decode(Copier(), batch)) == ["5 6 7"]


def test_a_length_that_is_asked_for_replaces_the_suggested_one() -> None:
    config = DecodeConfig(max_length=2)
    batch = text_batch([5, 6, 7, 8], [9])
    assert texts(Decoder(Numbers(), config=config).decode(Copier(), batch)) == [
        "5 6",
        "9",
    ]
    config = DecodeConfig(min_length=600, max_length=600)
    (long,) = Decoder(Numbers(), 10, config=config).decode(Copier(), text_batch([5]))
    assert isinstance(long, DecodedText)
    assert len(long.text.split()) > 500


def test_a_beam_gives_its_best_first_and_others_where_asked_for() -> None:
    batch = text_batch([5, 6], [7])
    one = Decoder(Numbers(), config=DecodeConfig(beam_size=3)).decode(Copier(), batch)
    assert texts(one) == ["5 6", "7"]
    assert all(not output.others for output in one)
    config = DecodeConfig(beam_size=3, nbest=2)
    several = Decoder(Numbers(), config=config).decode(Copier(), batch)
    for output, best in zip(several, one, strict=True):
        assert isinstance(output, DecodedText)
        assert len(output.hypotheses) == 2
        assert output.hypotheses[0].text == best.text
        assert output.hypotheses[0].score >= output.hypotheses[1].score
        tokens = len(output.text.split()) + 1
        assert output.score == pytest.approx(
            output.log_probability / ((5 + tokens) / 6) ** 0.6, abs=1e-4
        )


def test_samples_are_told_apart_by_the_index_of_their_input() -> None:
    config = DecodeConfig(temperature=8.0, num_samples=4, seed=1)
    decoder = Decoder(Numbers(), 12, config=config)
    together = decoder.decode(Copier(), text_batch([5], [5], [5]))
    listed = [[h.text for h in output.hypotheses] for output in together]
    assert all(len(set(samples)) == 4 for samples in listed)
    assert len({tuple(samples) for samples in listed}) == 3
    (last,) = decoder.decode(Copier(), {**text_batch([5]), "index": np.array([2])})
    assert [h.text for h in last.hypotheses] == listed[2]


def test_a_limit_follows_from_its_own_input_alone() -> None:
    alone = length_limits(Port("text"), text_batch([5]), 512).numpy()
    beside = length_limits(Port("text"), text_batch([5], [6] * 50), 512).numpy()
    assert alone.tolist() == [4 * 2 + 32]
    assert beside.tolist() == [4 * 2 + 32, 4 * 51 + 32]
    second = {
        "inputs": tf.zeros([1, 100, 8]),
        "inputs_mask": tf.ones([1, 100], tf.bool),
    }
    assert length_limits(Port("audio"), second, 512).numpy().tolist() == [25 + 32]
    samples = {
        "inputs": tf.zeros([1, 16000]),
        "inputs_mask": tf.ones([1, 16000], tf.bool),
    }
    waveform = Port("audio", (("form", "waveform"),))
    assert length_limits(waveform, samples, 512).numpy().tolist() == [25 + 32]
    images = {"inputs": tf.zeros([3, 8, 8, 3])}
    assert length_limits(Port("image"), images, 512).numpy().tolist() == [96] * 3
    assert length_limits(Port("image"), images, 20).numpy().tolist() == [20] * 3


def test_classes_are_ranked_with_their_probabilities() -> None:
    logits = np.log([[0.1, 0.05, 0.6, 0.05, 0.1, 0.1]])
    images = {"inputs": tf.constant(logits[:, None, :, None], tf.float32)}
    (ranked,) = Decoder(Numbers()).decode(Sorter(), images)
    assert isinstance(ranked, RankedClasses)
    # Of equal classes the lower id comes first.
    assert ranked.classes == (2, 0, 4, 5, 1)
    assert ranked.probabilities == pytest.approx((0.6, 0.1, 0.1, 0.1, 0.05), abs=1e-6)


def test_fewer_classes_than_the_depth_are_all_ranked() -> None:
    images = {"inputs": tf.constant([[[[1.0], [3.0]]]])}
    (ranked,) = Decoder(Numbers()).decode(Sorter(), images)
    assert isinstance(ranked, RankedClasses)
    assert ranked.classes == (1, 0)
