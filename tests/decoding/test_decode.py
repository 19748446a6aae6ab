"""Decoding through views, over stand-ins whose answers are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

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

    def decode(
        self,
        encoded: Any,
        mask: Any,
        targets: Any,
        targets_mask: Any = None,
        command: Any = None,
        training: bool = False,
    ) -> Any:
        self.decode_traces += 1
        width = tf.shape(targets)[1]
        source = tf.cast(encoded[..., 0], tf.int32)
        source = tf.pad(source, [[0, 0], [0, width]], constant_values=EOS)[:, :width]
        raised = tf.where(source > 2, source + command, source)
        # A mask that does not reach the position asked for would hide it.
        return (
            tf.one_hot(raised, VOCAB_SIZE)
            * tf.cast(targets_mask, tf.float32)[..., None]
        )


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
