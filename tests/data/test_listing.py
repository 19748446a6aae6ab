"""The first pass: what is counted, sampled and told apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel.data import listing
from t2t_multimodel.data.listing import Listing, SplitJob, list_split, listed
from t2t_multimodel.data.problem import Later, Problem, Skip
from t2t_multimodel.data.skipped import Skipped
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


class Ordered(TextPairs):
    is_ordered = True


def _words(problem: Problem, max_examples: int | None) -> list[str]:
    """The inputs that are listed, as the second pass has them."""
    job = SplitJob(problem, "train", Path(), 3, max_examples, 0)
    found = _list(problem, max_examples=max_examples)
    rows = [e["inputs"] for _, e in listed(job, Skipped(), found.num_found)]
    assert found.num_examples == len(rows)
    return rows


def test_the_first_are_taken_but_of_what_is_ordered_some_of_each_stretch() -> None:
    rows = [(kind, "b") for kind in "aaaaaaaaaaaabbbbbbcccddd"]
    assert _words(TextPairs(*rows), 8) == ["a"] * 8
    assert Counter(_words(Ordered(*rows), 8)) == {"a": 4, "b": 2, "c": 1, "d": 1}


@pytest.mark.parametrize("wanted", [1, 2, 7, 30, 31, 32, 99])
def test_no_more_and_no_fewer_than_asked_for_are_taken(wanted: int) -> None:
    rows = [(f"{n:02}", "b") for n in range(31)]
    words = _words(Ordered(*rows), wanted)
    assert len(words) == len(set(words)) == min(wanted, 31)
    assert words == sorted(words)
    assert wanted < 31 or words == _words(TextPairs(*rows), None)


def test_what_is_left_out_is_counted_for_the_share_that_is_taken() -> None:
    rows = [("a", "b"), Skip("odd"), ("a", "b"), ("", "b")] * 100
    found = _list(Ordered(*rows, Skip("rare")), max_examples=20)
    assert found.skipped.counts == {"empty inputs": 10, "odd": 10}
    assert set(found.skipped.first) == {"empty inputs", "odd"}
    found = _list(Ordered(*rows, Skip("rare")), max_examples=1000)
    assert found.skipped.counts == {"empty inputs": 100, "odd": 100, "rare": 1}
    with pytest.raises(ValueError, match=r"train has no example .*skipped 2: odd"):
        _list(Ordered(Skip("odd"), Skip("odd")), max_examples=3)


def test_shards_are_ranges_that_hold_each_example_once() -> None:
    found = _list(TextPairs(*[("a", "b")] * 11))
    ranges = [found.range_of(shard, 4) for shard in range(4)]
    assert [place for part in ranges for place in part] == list(range(11))
    assert {len(part) for part in ranges} == {2, 3}


def test_the_digest_changes_with_the_examples() -> None:
    rows: list[Any] = [("a", "b"), ("a", "c"), (Later(word, 1), "b")]
    digests = [_list(TextPairs(row), has_texts=False).digest for row in (*rows, *rows)]
    assert digests[:3] == digests[3:] and len(set(digests)) == 3


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
