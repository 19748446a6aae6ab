"""A model without values weighs what the real one does."""

from __future__ import annotations

import math
from pathlib import Path

from t2t_multimodel.training.checkpoint import weights_by_part
from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import open_corpora
from t2t_multimodel.training.doctor.sketch import fewer_experts, persistent, sketch
from t2t_multimodel.training.run import prepare


def test_a_sketch_has_the_parts_and_shapes_of_the_model(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    hparams = small.replace(train_parts="encoder,doctor_length_top")
    run = prepare(hparams, names, doctor_data)
    drawn = sketch(hparams, run.corpora)
    parts, real = weights_by_part(drawn), weights_by_part(run.model)
    assert list(parts) == list(real)
    for part, weights in parts.items():
        shapes = [(w.path, tuple(w.shape), w.trainable) for w in weights]
        expected = [(w.path, tuple(w.shape), w.trainable) for w in real[part]]
        assert shapes == expected
    amounts = persistent(drawn, hparams)
    assert amounts == persistent(run.model, hparams)
    trained = 4 * sum(math.prod(w.shape) for w in run.model.trainable_weights)
    assert amounts.gradients == amounts.average == trained
    assert amounts.moments == 2 * trained
    assert amounts.weights == 4 * run.model.count_params() > trained
    assert amounts.checkpoint == amounts.weights + 3 * trained


def test_a_set_of_billions_is_drawn_in_no_memory(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    hparams = small.replace(num_experts=100_000, depth=1024, expert_hidden_size=4096)
    corpora = open_corpora(names, doctor_data, hparams.training)
    amounts = persistent(sketch(hparams, corpora), hparams)
    assert amounts.weights > 10**12


def test_as_many_experts_are_left_as_fit(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    corpora = open_corpora(names, doctor_data, small.training)

    def least(number: int) -> int:
        hparams = small.replace(num_experts=number)
        return persistent(sketch(hparams, corpora), hparams).least

    for number in (3, 5, 8):
        for spare in (0, 1000):
            found = fewer_experts(small, corpora, least(number) + spare)
            assert found == small.replace(num_experts=number)
    assert fewer_experts(small, corpora, 10**12) == small
    assert fewer_experts(small, corpora, 10**12, 4) == small.replace(num_experts=4)
    assert fewer_experts(small, corpora, least(3) - 1) is None
