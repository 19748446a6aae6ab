"""A trial in another process: what it finds comes back, and so does why it ended."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_multimodel.training.config import HParams
from t2t_multimodel.training.doctor.apart import Request, TooLarge, run_apart
from t2t_multimodel.training.doctor.trial import Built


def request(hparams: HParams, names: tuple[str, ...], data_dir: Path) -> Request:
    return Request(hparams, names, data_dir, "one_device", None, 10**15)


def test_a_trial_apart_knows_the_users_problems_and_tells_what_it_does(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    said: list[str] = []
    told: list[Built] = []
    asked = request(small, names[1:], doctor_data)
    found = run_apart(asked, said.append, told.append)
    assert [problem.name for problem in found.problems] == list(names[1:])
    assert found.process_peak and found.process_peak > found.base > 10**8
    assert found.predicted_process == pytest.approx(found.process_peak, rel=0.15)
    assert said[0] == "building the model"
    assert len(told) == 1


def test_a_fault_comes_back_as_one(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    asked = request(small.replace(train_parts="encodre"), names, doctor_data)
    with pytest.raises(ValueError, match="'encodre', which is no part; near it: enc"):
        run_apart(asked, lambda _: None, lambda _: None)


def test_a_trial_that_uses_up_the_memory_is_ended_and_tells_where(
    doctor_data: Path, names: tuple[str, ...], small: HParams
) -> None:
    asked = request(small, names, doctor_data)
    asked = dataclasses.replace(asked, reserve=1e18)  # all that any machine has
    with pytest.raises(TooLarge, match="the memory was used up, at: "):
        run_apart(asked, lambda _: None, lambda _: None)
