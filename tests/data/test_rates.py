"""The grammar of mixtures: what each piece means, and what is refused by name."""

from __future__ import annotations

import pytest

from t2t_multimodel.data.rates import Rates

SIZES = {"a": 900, "b": 100, "c": 400}


def at(text: str, step: float) -> list[float]:
    return Rates.parse(text).at(step, SIZES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uniform", [1, 1, 1]),
        ("proportional", [900, 100, 400]),
        ("temperature=1", [900, 100, 400]),
        ("temperature=2", [30, 10, 20]),
        ("temperature=2,cap=400", [20, 10, 20]),
        ("cap = 400, proportional", [400, 100, 400]),
        ("a=3,b=0.5", [3, 0.5, 1]),
        ("proportional,a=0.5,c=0", [450, 100, 0]),
    ],
)
def test_a_base_and_multiples_of_it(text: str, expected: list[float]) -> None:
    rates = Rates.parse(text)
    assert rates.is_constant
    assert rates.at(0, SIZES) == rates.at(10**9, SIZES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rate", "values"),
    [
        ("2@500..3000", {0: 0, 499: 0, 500: 2, 2999: 2, 3000: 0}),
        ("2@500..", {499: 0, 500: 2, 10**9: 2}),
        ("2@..3", {0: 2, 2: 2, 3: 0}),
        ("step(1@0,4@20)", {0: 1, 19: 1, 20: 4, 10**9: 4}),
        ("linear(1@0,4@30)", {0: 1, 10: 2, 20: 3, 30: 4, 99: 4}),
        ("linear(1@10,4@40,0@50)", {0: 1, 10: 1, 20: 2, 45: 2, 50: 0, 99: 0}),
        ("exp(8@0,1@30)", {0: 8, 10: 4, 20: 2, 30: 1, 99: 1}),
        ("linear(0@0,4@40)@10..30", {9: 0, 10: 1, 20: 2, 30: 0}),
    ],
)
def test_shapes_go_through_their_points(rate: str, values: dict[int, float]) -> None:
    assert not Rates.parse(f"a={rate}").is_constant
    for step, value in values.items():
        assert at(f"a={rate}", step) == pytest.approx([value, 1, 1]), step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mixture: '': it is 'uniform', 'proportional'"),
        ("unifrom", "'unifrom': it is 'uniform'"),
        ("a=1,,b=2", "'': it is 'uniform'"),
        ("=3", "'=3': it is 'uniform'"),
        ("temperature=0", "'temperature=0': a temperature is above 0"),
        ("temperature=2,cap=0", "'cap=0': a cap is above 0"),
        ("a=1,cap=5", "'cap=5': it needs 'proportional'"),
        ("uniform,temperature=2", "'temperature=2': the base is uniform already"),
        ("a=1,b=2,a=3", "'a=3': a has a rate already"),
        ("b=2,a=-1", "'a=-1': '-1' is no rate of 0 and above"),
        ("a=nan", "'a=nan': 'nan' is no rate of 0 and above"),
        ("a=1@x..3", "'a=1@x..3': '1@x..3' is no rate of 0 and above"),
        ("a=1@9..9", "'a=1@9..9': it stops at 9, not after 9"),
        ("a=liner(1@0)", "there is no 'liner'; there are step, linear, exp"),
        ("a=linear()", "'a=linear()': '' is not of the form RATE@STEP"),
        ("b=1,a=linear(1@0,4)", "'a=linear(1@0,4)': '4' is not of the form RATE@"),
        ("a=linear(1@0,4@-2)", "'4@-2' is not of the form RATE@STEP"),
        ("a=step(1@5,2@5)", "step 5 does not come after step 5"),
        ("a=exp(1@0,0@9)", "exp never reaches 0; linear does, or @START..STOP"),
        ("b=1,a=linear(1@0,b=3", "'a=linear(1@0,b=3': a bracket is not closed"),
        ("a=1),b=2", "'a=1)': a bracket is not closed, or closed twice"),
    ],
)
def test_a_mistake_names_its_piece(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        Rates.parse(text)
    assert message in str(error.value)


def test_a_problem_that_is_not_here_is_refused_with_near_names() -> None:
    rates = Rates.parse("parse_mni=2")
    with pytest.raises(
        ValueError, match=r"'parse_mni' is not among .*: near it: parse"
    ):
        rates.check_names(("parse_mini", "image_mini"))
    with pytest.raises(ValueError, match="not among the problems: a, b"):
        Rates.parse("d=2").check_names(("a", "b"))
