"""Groups that are held out: always the same ones, and never all."""

from __future__ import annotations

from collections import Counter

import pytest

from t2t_multimodel.data.holdout import hold_out


def test_a_tenth_each_is_held_out() -> None:
    places = hold_out(f"speaker {number}" for number in range(100))
    assert Counter(places.values()) == {"train": 80, "dev": 10, "test": 10}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, {}),
        (1, {"train": 1}),
        (2, {"train": 1, "dev": 1}),
        (3, {"train": 1, "dev": 1, "test": 1}),
        (9, {"train": 7, "dev": 1, "test": 1}),
    ],
)
def test_train_goes_first_and_then_dev(count: int, expected: dict[str, int]) -> None:
    assert Counter(hold_out(map(str, range(count))).values()) == expected


def test_order_and_repetition_do_not_matter() -> None:
    names = [str(number) for number in range(40)]
    assert hold_out(names) == hold_out(names[::-1] + names)


def test_only_what_is_asked_for_is_held_out() -> None:
    places = hold_out(map(str, range(30)), ("test",))
    assert Counter(places.values()) == {"train": 27, "test": 3}


def test_a_name_need_not_be_unicode() -> None:
    assert hold_out(["\udcff"]) == {"\udcff": "train"}
