"""Inputs meet their problems, are checked, and are gathered into batches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel import registry
from t2t_multimodel.decoding import jobs as jobs_module
from t2t_multimodel.decoding.jobs import LoadedInputs, jobs_of
from t2t_multimodel.decoding.reading import Item

GERMAN, FRENCH, CLASS = "translate_ende_mini", "translate_enfr_mini", "image_mini"


class Words:
    """A vocabulary of words."""

    def counts(self, texts: Iterable[bytes]) -> list[int]:
        return [len(text.split()) for text in texts]


RUN = SimpleNamespace(
    problem_names=(GERMAN, FRENCH, CLASS),
    problem=registry.problem,
    vocabulary=Words(),
)


def sentences(*lengths: int) -> list[Item]:
    return [Item("w " * length, f"input {n}") for n, length in enumerate(lengths)]


def loaded(items: list[Item], *names: str, on_error: str = "stop") -> LoadedInputs:
    return LoadedInputs(RUN, jobs_of(RUN, items, names), on_error)


def test_every_input_meets_every_problem_or_its_own() -> None:
    items = [Item("a", "1"), Item("b", "2", problem=CLASS), Item("c", "3")]
    found = jobs_of(RUN, items, [FRENCH, GERMAN])
    assert [(job.number, job.problem.name) for job in found] == [
        *((0, FRENCH), (0, GERMAN), (1, CLASS), (2, FRENCH), (2, GERMAN))
    ]


def test_a_run_of_one_problem_needs_no_name_and_another_does() -> None:
    single = SimpleNamespace(problem_names=(FRENCH,), problem=registry.problem)
    assert [job.problem.name for job in jobs_of(single, sentences(1), [])] == [FRENCH]
    with pytest.raises(ValueError, match=f"--problem takes one of the run's: {GERMAN}"):
        jobs_of(RUN, sentences(1), [])


def test_an_input_for_no_problem_of_the_run_is_at_fault_alone() -> None:
    items = [
        Item("a", "1", problem=GERMAN),
        Item("b", "2", problem="x"),
        Item("c", "3"),
    ]
    found = loaded(items, on_error="skip")
    assert found.faults.keys() == {1, 2}
    assert "2: the run was not trained on x; it was on" in found.faults[1]
    assert "3: it names no problem" in found.faults[2]
    with pytest.raises(ValueError, match="2: the run was not trained on x"):
        loaded(items)
    with pytest.raises(ValueError, match="on_error is 'go on': it is stop or skip"):
        loaded(items, on_error="go on")


def test_batches_hold_one_problem_are_within_the_cost_and_leave_none_out() -> None:
    # With its end a sentence of n words costs n + 1.
    inputs = loaded(sentences(3, 9, 1, 3, 2), GERMAN, FRENCH)
    batches = list(inputs.batches(8))
    assert sorted(place for batch in batches for place in batch) == list(range(10))
    # Places of the first problem are even here. What is too dear alone is alone.
    assert [batch for batch in batches if batch[0] % 2 == 0] == [[2], [0, 6], [8, 4]]
    for batch in batches:
        assert len({place % 2 for place in batch}) == 1
    assert [len(batch) for batch in inputs.batches(1)] == [1] * 10
    inputs.raise_cost(4, 100)
    inputs.drop(2, "too long")
    assert next(inputs.batches(8)) == [4]
    left = [place for batch in inputs.batches(8) for place in batch]
    assert sorted(left) == [0, 1, *range(3, 10)]


def test_what_is_not_held_in_memory_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    PIL.Image.fromarray(pixels[:, ::-1]).save(tmp_path / "b.png")
    items = [Item(n, n, folder=tmp_path) for n in ("a.png", "b.png")]
    held = loaded(items, CLASS)
    expected: list[Any] = [held.value(place) for place in (0, 1)]
    assert expected[0] != expected[1]
    monkeypatch.setattr(jobs_module, "_HELD_BYTES", len(expected[0]))
    reading = loaded(items, CLASS)
    assert [reading.value(place) for place in (0, 1)] == expected
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").unlink()
    assert reading.value(0) == expected[0]
    with pytest.raises(ValueError, match=r"^b\.png: .*b\.png"):
        reading.value(1)
