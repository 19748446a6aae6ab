"""Options of problems on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from t2t_multimodel import registry
from t2t_multimodel.bin.problem_options import make_problems
from t2t_multimodel.data.features import Text
from t2t_multimodel.data.problem import Problem


class Adjustable(Problem):
    inputs = targets = Text()

    def __init__(
        self, size: int = 3, label: str = "", sizes: Mapping[str, int] | None = None
    ) -> None:
        self.given: dict[str, Any] = {"size": size, "label": label}


@pytest.fixture(autouse=True)
def _registered() -> None:
    registry.register_problem("one")(Adjustable)
    registry.register_problem("other")(Adjustable)
    registry.register_problem("plain")(type("Plain", (Problem,), {}))


def test_a_value_has_the_type_of_its_option() -> None:
    one, other = make_problems(
        ["one", "other"], ["one.size=5", "one.label=a=b,c", "other.size=7"]
    )
    assert isinstance(one, Adjustable) and isinstance(other, Adjustable)
    assert one.given == {"size": 5, "label": "a=b,c"}
    assert other.given == {"size": 7, "label": ""}
    assert (one.name, other.name) == ("one", "other")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("one.size", "not of the form NAME.OPTION=VALUE"),
        ("size=3", "not of the form NAME.OPTION=VALUE"),
        ("two.size=3", "two is not among --problems=one,plain"),
        ("one.size=big", "--problem_option one.size is of type int; 'big' is not"),
        ("one.sise=3", "no option of one 'sise'; near it: size"),
        ("plain.size=3", "no option of plain 'size'; known: none"),
        ("one.sizes=3", "cannot be set on the command line"),
    ],
)
def test_what_is_no_option_is_refused(option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_problems(["one", "plain"], [option])
