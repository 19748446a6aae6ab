"""Text to typed values: how one field of a configuration is read and checked.

A field's annotation is its type. Understood are int, float, bool, str, `X | None`,
and tuples of these (`tuple[int, ...]`, `tuple[int, int]`).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from typing import Any

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "\"'"
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


def field_types(config_class: type) -> dict[str, Any]:
    """The fields of a dataclass and their types, in order."""
    hints = typing.get_type_hints(config_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


def field_docs(config_class: type) -> dict[str, str]:
    """What the fields are for: the Attributes of the class's docstring, in order."""
    text = inspect.getdoc(config_class) or ""
    section = text.partition("\nAttributes:\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \S)", section):
        names, _, told = entry.partition(": ")
        for name in names.split(","):
            found[name.strip()] = " ".join(told.split())
    return found


def split_list(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes; empty parts are dropped.

    Raises:
        ValueError: A bracket or a quote is not closed.
    """
    parts, depth, quote, start = [], 0, "", 0
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
        if depth < 0:
            break
    if depth or quote:
        raise ValueError(f"A bracket or a quote is not closed in {text!r}.")
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def parse(where: str, kind: Any, text: str) -> Any:
    """The value of type `kind` that `text` writes out.

    Args:
        where: What an error begins with, such as "multimodel_tiny: depth".
        kind: The field's type.
        text: For instance "3", "1e-3", "true", "(1, 2)", "'a, b'".

    Raises:
        ValueError: The text is not of that type.
    """
    if _is_optional(kind):
        if text.lower() == "none":
            return None
        return parse(where, _without_none(kind), text)
    if typing.get_origin(kind) is tuple:
        items = split_list(text.strip()[1:-1] if text[:1] in ("(", "[") else text)
        return tuple(
            parse(where, item_kind, item)
            for item_kind, item in zip(
                _item_kinds(where, kind, items), items, strict=True
            )
        )
    if kind is str:
        quoted = len(text) > 1 and text[0] in _QUOTES and text[0] == text[-1]
        return text[1:-1] if quoted else text
    try:
        return _BOOLS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ValueError(_mismatch(where, kind, text)) from None


def convert(where: str, kind: Any, value: Any) -> Any:
    """Checks a value that has a type already: of gin, JSON or a caller.

    An int will do for a float, a list for a tuple; nothing else is converted.

    Raises:
        ValueError: The value is not of that type.
    """
    if _is_optional(kind):
        return None if value is None else convert(where, _without_none(kind), value)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(_mismatch(where, kind, value))
        kinds = _item_kinds(where, kind, value)
        return tuple(
            convert(where, item_kind, item)
            for item_kind, item in zip(kinds, value, strict=True)
        )
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ValueError(_mismatch(where, kind, value))
    return value


def _item_kinds(where: str, kind: Any, items: typing.Sized) -> list[Any]:
    kinds = typing.get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return [kinds[0]] * len(items)
    if len(kinds) != len(items):
        raise ValueError(f"{where} takes {len(kinds)} values, not {len(items)}.")
    return list(kinds)


def _is_optional(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) and type(None) in typing.get_args(kind)


def _without_none(kind: Any) -> Any:
    return next(k for k in typing.get_args(kind) if k is not type(None))


def _mismatch(where: str, kind: Any, value: Any) -> str:
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    if typing.get_origin(kind) is tuple:
        name = str(kind)
    return f"{where} is of type {name}; {value!r} is not."
