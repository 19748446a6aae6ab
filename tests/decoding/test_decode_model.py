"""Decoding with a really small MultiModel: what must hold for any weights."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest

from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.decode import Decoder, RankedClasses
from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import (
    CONFIG,
    TASKS,
    VOCAB,
    make_batch,
    randomise_routers,
)

LIMIT = 14


class Numbers:
    """A vocabulary whose words are the ids themselves."""

    def decode(self, ids: list[int]) -> str:
        return " ".join(str(i) for i in ids if i > 2)


@pytest.fixture(scope="module")
def model() -> MultiModel:
    keras.utils.set_random_seed(5)
    # One block of each kind: every test builds graphs of it.
    config = dataclasses.replace(CONFIG, encoder_blocks=1, decoder_blocks=1)
    model = MultiModel(config, TASKS, VOCAB)
    model.build_views()
    randomise_routers(model)
    return model


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(Numbers(), max_length=LIMIT)


def parts(batch: dict[str, Any], rows: slice, cut: int | None = None) -> dict[str, Any]:
    """Some rows of a batch, their padded dimension cut to `cut`."""
    found = {}
    for key, value in batch.items():
        is_image = value.ndim == 4
        is_whole = cut is None or is_image or value.ndim == 1
        found[key] = value[rows] if is_whole else value[rows, :cut]
    return found


def inputs_of(batch: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in batch.items() if k.startswith("inputs")}


def close(found: Any, expected: Any) -> bool:
    if isinstance(found, RankedClasses):
        return found.classes == expected.classes and np.allclose(
            found.probabilities, expected.probabilities, atol=1e-5
        )
    same_score = abs(found.log_probability - expected.log_probability) < 1e-3
    return found.text == expected.text and same_score


@pytest.mark.parametrize("name", ["translate", "speech", "caption", "image"])
def test_batch_mates_and_padding_change_nothing(
    model: MultiModel, decoder: Decoder, name: str
) -> None:
    view = model.view(name)
    task = model.tasks[name]
    batch = inputs_of(make_batch(task, (7, 4, 2), seed=1))
    unit = 4 if task.inputs.modality == "audio" else 1
    together = decoder.decode(view, batch)
    for row, length in enumerate((7, 4, 2)):
        alone = parts(batch, slice(row, row + 1), length * unit)
        (found,) = decoder.decode(view, alone)
        assert close(found, together[row])


@pytest.mark.parametrize("beam_size", [1, 4])
def test_batches_of_1_7_and_64_give_identical_outputs(
    model: MultiModel, beam_size: int
) -> None:
    config = DecodeConfig(beam_size=beam_size, min_length=8)
    decoder = Decoder(Numbers(), max_length=LIMIT, config=config)
    view = model.view("translate")
    lengths = tuple(1 + 5 * row % 13 for row in range(64))
    batch = inputs_of(make_batch(model.tasks["translate"], lengths, seed=6))
    found = {
        size: [
            output.text
            for first in range(0, 64, size)
            for output in decoder.decode(
                view,
                parts(
                    batch,
                    slice(first, first + size),
                    max(lengths[first : first + size]),
                ),
            )
        ]
        for size in (1, 7, 64)
    }
    assert found[1] == found[7] == found[64]
    assert len(set(found[1])) > 10


def test_the_search_follows_the_logits_of_the_whole_prefix(
    model: MultiModel, decoder: Decoder
) -> None:
    view = model.view("translate")
    batch = inputs_of(make_batch(model.tasks["translate"], (6,), seed=2))
    (found,) = decoder.decode(view, batch)
    encoded, mask = view.encode(batch)
    ids: list[int] = []
    score = 0.0
    while len(ids) < LIMIT and (not ids or ids[-1] != 1):
        targets = np.array([[*ids, 0, 0]], np.int32)
        logits = np.asarray(view.decode(encoded, mask, targets))[0, len(ids)]
        log_p = logits - np.log(np.exp(logits).sum())
        allowed = log_p.copy()
        allowed[[0, 2]] = -np.inf
        ids.append(int(allowed.argmax()))
        score += float(log_p[ids[-1]])
    assert found.text == Numbers().decode(ids)
    assert found.log_probability == pytest.approx(score, abs=1e-3)


def test_views_that_share_a_graph_answer_as_with_graphs_of_their_own(
    model: MultiModel, decoder: Decoder
) -> None:
    batch = inputs_of(make_batch(model.tasks["translate"], (5, 7), seed=3))
    shared = [decoder.decode(model.view(n), batch) for n in ("translate", "back")]
    own = Decoder(Numbers(), max_length=LIMIT).decode(model.view("back"), batch)
    assert shared[1] == own
    assert shared[0] != shared[1]


def test_probabilities_of_all_classes_sum_to_one(
    model: MultiModel, decoder: Decoder
) -> None:
    batch = inputs_of(make_batch(model.tasks["image"], (1, 1)))
    for ranked in decoder.decode(model.view("image"), batch):
        assert sum(ranked.probabilities) == pytest.approx(1.0, abs=1e-5)
        assert sorted(ranked.classes) == [0, 1, 2, 3]


CONFIGS = {
    "beam": DecodeConfig(beam_size=3, nbest=3),
    "drawn": DecodeConfig(temperature=1.0, top_p=0.9, num_samples=2, seed=3),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_beams_and_samples_know_nothing_of_their_batch(
    model: MultiModel, kind: str
) -> None:
    decoder = Decoder(Numbers(), LIMIT, config=CONFIGS[kind])
    view = model.view("translate")
    lengths = (7, 4, 2, 5, 7)
    batch = inputs_of(make_batch(model.tasks["translate"], lengths, seed=4))
    batch["index"] = np.arange(10, 15)
    together = decoder.decode(view, batch)
    order = [3, 0, 4]
    shuffled = decoder.decode(view, {k: v[order] for k, v in batch.items()})
    alone = []
    for row, length in enumerate(lengths):
        one = parts(batch, slice(row, row + 1), length)
        alone.append(decoder.decode(view, one))
    for row, (output,) in enumerate(alone):
        pairs = [(output, together[row])]
        pairs += [(output, shuffled[order.index(row)])] if row in order else []
        for one, other in pairs:
            assert len(one.hypotheses) == len(other.hypotheses)
            for a, b in zip(one.hypotheses, other.hypotheses, strict=True):
                assert a.text == b.text
                assert a.score == pytest.approx(b.score, abs=1e-4)
