"""Samples of a stream: uniform, of bounded size, however the stream comes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from t2t_multimodel.data.sampling import Sample


def _drawn(seed: int, part_size: int) -> list[int]:
    sample = Sample[int](Random(seed), 5)
    for first in range(0, 40, part_size):
        sample.add(range(first, min(first + part_size, 40)), lambda number: number)
    return sample.items


def test_samples_are_uniform() -> None:
    counts = Counter[int]()
    for seed in range(2000):
        drawn = _drawn(seed, part_size=40)
        assert len(set(drawn)) == 5
        counts.update(drawn)
    # Each is drawn 250 times, give or take five standard deviations.
    assert min(counts.values()) > 175 and max(counts.values()) < 325


@pytest.mark.parametrize("part_size", [1, 3, 7])
def test_the_parts_of_the_stream_do_not_matter(part_size: int) -> None:
    for seed in range(50):
        assert _drawn(seed, part_size) == _drawn(seed, 40)


def test_only_what_is_taken_is_put_into_its_form() -> None:
    formed: list[int] = []

    def form(number: int) -> str:
        formed.append(number)
        return str(number)

    sample = Sample[str](Random(0), 3)
    sample.add(range(1000), form)
    assert set(sample.items) <= set(map(str, formed)) and len(formed) < 100
