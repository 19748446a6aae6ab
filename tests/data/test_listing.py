"""The first pass: what is counted, sampled and told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2t_multimodel.data import listing
from t2t_multimodel.data.listing import Listing, SplitJob, list_split
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.testing.text_pairs import TextPairs


def _list(problem: Problem, split: str = "train", **options: Any) -> Listing:
    given = {"num_shards": 3, "max_examples": None, "seed": 0, **options}
    has_texts = given.pop("has_texts", True)
    job = SplitJob(problem, split, Path(), **given)
    return list_split(job, has_texts, lambda done: None)


def word(number: int) -> str:
    return f"word {number}"


def other_word(number: int) -> str:
    return f"word {number}"


def test_examples_are_counted_and_put_off_values_are_not_made() -> None:
    def never() -> str:
        raise AssertionError("made in the first pass")

    rows = [(Later(never), "b")] * 20
    problem = TextPairs(*rows, Skip("odd"), ("", "b"), (" ", "b"), ("a", "\n"))
    # One example of the split is weighed, and that one may be made.
    problem.rows["train"] = (("a", "b"), *problem.rows["train"])
    found = _list(problem, max_examples=1, has_texts=False)
    assert (found.num_examples, found.skipped.counts) == (1, {})
    found = _list(TextPairs(*problem.rows["train"][-4:], ("a", "b")))
    assert found.num_examples == 1
    assert found.skipped.counts == {"empty inputs": 2, "empty targets": 1, "odd": 1}


def test_shards_are_ranges_that_hold_each_example_once() -> None:
    found = _list(TextPairs(*[("a", "b")] * 11))
    ranges = [found.range_of(shard, 4) for shard in range(4)]
    assert [place for part in ranges for place in part] == list(range(11))
    assert {len(part) for part in ranges} == {2, 3}


def test_the_digest_tells_examples_apart() -> None:
    picture = np.zeros((2, 2), np.uint8)
    rows: list[Any] = [
        ("a", "b"),
        ("a", "c"),
        ("b", "a"),
        (b"a", "b"),
        (picture, "b"),
        (picture + 1, "b"),
        (picture.reshape(4), "b"),
        (Later(word, 1), "b"),
        (Later(word, 2), "b"),
        (Later(other_word, 1), "b"),
        (["a", "b"], "b"),
        (Path("a"), "b"),
        (7, "b"),
    ]
    digests = []
    for row in rows:
        first, again = (_list(TextPairs(row), has_texts=False) for _ in range(2))
        assert first.digest == again.digest
        digests.append(first.digest)
    assert len(set(digests)) == len(rows)


def test_texts_are_those_of_train_made_if_need_be() -> None:
    problem = TextPairs((Later(word, 1), "eins"), ("two", 2), ("three", "drei" * 999))
    found = _list(problem)
    assert found.texts[:3] == ("word 1", "eins", "two")
    assert len(found.texts) == 5 and len(found.texts[4]) == 1000
    assert _list(problem, has_texts=False).texts == ()
    assert _list(problem, split="dev").texts == ()


def test_the_sample_of_texts_is_bounded_and_depends_on_the_seed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "NUM_TEXTS", 20)
    problem = TextPairs(*[(f"a{n}", f"b{n}") for n in range(500)])
    one, again, other = (_list(problem, seed=seed).texts for seed in (0, 0, 1))
    assert one == again != other
    assert len(one) == 20
    assert all(f"b{text[1:]}" in one for text in one)  # both sides of an example


def test_records_are_weighed() -> None:
    found = _list(TextPairs(*[("a" * 100, "b" * 50)] * 30))
    assert 170 < found.bytes_per_example < 230 and found.bytes_error == 0
    rows = [("a" * (n % 2 * 100 + 1), "b") for n in range(200)]
    found = _list(TextPairs(*rows))
    assert 60 < found.bytes_per_example < 160 and 5 < found.bytes_error < 20
