"""A report is attached to mails: it shows no path of the machine that made it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_PATH = re.compile(r"""(?<![\w./…~])~?/(?!/)(?:[^\s/'",;]+/)*([^\s/'",;:]*)""")


def without_paths(text: str) -> str:
    """The text with `…/NAME` in place of every absolute path."""
    return _PATH.sub(r"…/\1", text)


def shown_command(arguments: Sequence[str]) -> str:
    """A command line without absolute paths, the program by its name alone."""
    if not arguments:
        return ""
    program = Path(arguments[0])
    name = program.stem.replace("_", "-") if program.suffix == ".py" else program.name
    return " \\\n    ".join([name, *(_shown(argument) for argument in arguments[1:])])


def _shown(argument: str) -> str:
    flag, equals, value = argument.partition("=")
    if not equals:
        flag, value = "", argument
    if Path(value).is_absolute() or value.startswith("~"):
        value = f"…/{Path(value).name}"
    quoted = shlex.quote(without_paths(value))
    # An ellipsis needs no quotes, whatever shlex thinks of it.
    if value.startswith("…/") and shlex.quote(value[2:]) == value[2:]:
        quoted = value
    return f"{flag}{equals}{quoted}"
