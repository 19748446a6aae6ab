"""How many training examples a problem may use: `train_examples="parse_mini=200"`.

To see what little data does, not all of it has to be made anew: dev and test, the
vocabulary and every other problem stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_multimodel.training.fields import split_list


def parse_limits(text: str) -> dict[str, int]:
    """Reads `"parse_mini=200,speech_mini=1000"`.

    Raises:
        ValueError: A piece is not of the form NAME=NUMBER with a number above 0, or a
            problem is named twice.
    """
    limits: dict[str, int] = {}
    for piece in split_list(text):
        name, _, number = (part.strip() for part in piece.partition("="))
        if not name or not number.isdecimal() or not int(number):
            raise ValueError(
                f"train_examples: {piece!r} is not of the form NAME=NUMBER, such as "
                "parse_mini=200"
            )
        if name in limits:
            raise ValueError(f"train_examples names {name} twice")
        limits[name] = int(number)
    return limits


def check_limits(limits: dict[str, int], problem_names: Sequence[str]) -> None:
    """Raises `ValueError` where a limit is of a problem that is not there."""
    for name in limits:
        if name not in problem_names:
            raise ValueError(
                f"train_examples names {name}, which is not trained; there are: "
                f"{', '.join(problem_names)}"
            )
