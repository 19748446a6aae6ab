"""`--problem_option=NAME.OPTION=VALUE`: what a problem is to be made with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from t2t_multimodel import registry

if TYPE_CHECKING:
    from t2t_multimodel.data.problem import Problem

_KINDS = (str, int, float, bool)

HELP = (
    "NAME.OPTION=VALUE sets an option of a problem, such as "
    "parse_wsj.train_sections=02-18; may be given several times."
)


def make_problems(names: Sequence[str], options: Sequence[str]) -> list[Problem]:
    """The problems of these names, made with the options that are given for them.

    Raises:
        ValueError: An option has another form, is for a problem that is not named,
            does not exist or does not take this value.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for text in options:
        target, equals, value = text.partition("=")
        name, _, option = target.partition(".")
        if not (equals and option):
            raise ValueError(
                f"--problem_option={text!r} is not of the form NAME.OPTION=VALUE"
            )
        if name not in found:
            raise ValueError(
                f"--problem_option={text!r}: {name} is not among --problems="
                f"{','.join(names)}"
            )
        found[name][option] = _value(f"--problem_option {target}", name, option, value)
    return [registry.problem(name, **given) for name, given in found.items()]


def _value(where: str, name: str, option: str, text: str) -> Any:
    from t2t_multimodel.training.fields import parse

    kind = registry.problem_options(name).get(option, str)
    if kind not in _KINDS:
        raise ValueError(f"{where} cannot be set on the command line, only in Python")
    return parse(where, kind, text)
