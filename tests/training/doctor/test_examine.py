"""What is proposed when a run does not fit: the most that does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.corpora import Corpora, open_corpora
from t2t_multimodel.training.doctor.examine import propose
from t2t_multimodel.training.doctor.fit import Bucket, Shape
from t2t_multimodel.training.doctor.sketch import persistent, sketch
from t2t_multimodel.training.doctor.trial import ProblemTrial, Trial

BASE = 10**9
GB = 10**9


@pytest.fixture(scope="module")
def corpora(doctor_data: Path, names: tuple[str, ...], small: HParams) -> Corpora:
    return open_corpora(names, doctor_data, small.training)


def found(hparams: HParams, corpora: Corpora, names: tuple[str, ...]) -> Trial:
    """A trial whose steps hold 1 MB an example: 0.1 GB of long ones, 0.4 GB of short.

    With costs of 5 and 1.25 units an example, batches of 512 units.
    """
    amounts = persistent(sketch(hparams, corpora), hparams)
    long = Bucket(Shape(102, "", "", 5, 1), {25: 25e6, 50: 50e6})
    short = Bucket(Shape(512, "", "", 1, 1), {128: 128e6, 256: 256e6})
    return Trial(
        problems=(ProblemTrial(names[0], (long,)), ProblemTrial(names[1], (short,))),
        device="CPU:0",
        device_limit=None,
        base=BASE,
        resident=amounts.checkpoint,
        copy=amounts.checkpoint,
    )


def test_a_batch_that_fits_is_proposed_and_is_the_largest(
    corpora: Corpora, names: tuple[str, ...], small: HParams
) -> None:
    trial = found(small, corpora, names)
    limit = (BASE + trial.resident + trial.copy + 200e6) / 0.95
    assert not trial.fits(limit)
    # 200 examples of the short ones fit; those of the long ones are no obstacle.
    assert propose(small, None, corpora, trial, limit + 1) == "batch_cost_text=200"


def test_where_no_batch_fits_fewer_experts_do(
    corpora: Corpora, names: tuple[str, ...], small: HParams
) -> None:
    large = small.replace(depth=64, num_experts=500, expert_hidden_size=512)
    trial = found(large, corpora, names)
    limit = trial.predicted_process * 0.7
    text = propose(large, None, corpora, trial, limit)
    field, number = text.split("=")
    assert field == "num_experts"
    assert 100 < int(number) < 400
    fewer = found(large.override(text), corpora, names)
    assert fewer.fits(limit)
    assert not found(large.replace(num_experts=int(number) + 40), corpora, names).fits(
        limit
    )


def test_a_set_that_was_too_large_to_try_gets_experts_that_fit(
    corpora: Corpora, names: tuple[str, ...], small: HParams
) -> None:
    paper = small.replace(depth=64, num_experts=5000, expert_hidden_size=512)
    tried = paper.replace(num_experts=4)
    trial = found(tried, corpora, names)
    text = propose(tried, paper, corpora, trial, 3 * GB)
    assert text.startswith("num_experts=")
    assert found(paper.override(text), corpora, names).fits(3 * GB)


def test_where_nothing_fits_nothing_is_proposed(
    corpora: Corpora, names: tuple[str, ...], small: HParams
) -> None:
    trial = found(small, corpora, names)
    assert propose(small, None, corpora, trial, BASE / 2) == ""


def test_on_an_accelerator_its_own_memory_decides(
    corpora: Corpora, names: tuple[str, ...], small: HParams
) -> None:
    trial = found(small, corpora, names)
    there = dataclasses.replace(
        trial, device="GPU:0", device_limit=int(trial.resident + 300e6)
    )
    assert there.predicted_device == trial.resident + trial.step
    assert there.predicted_process == BASE + trial.copy
    assert not there.fits(100 * GB)
    assert propose(small, None, corpora, there, 100 * GB) == "batch_cost_text=300"
