"""What layers tell beside their output, to whoever wants to hear it.

A layer says `note("encoder/experts", load_E)`; inside the context `taken_notes` such
values are kept by name, outside it they are forgotten at once. In a traced function
they are tensors of its graph, computed only if something uses them.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

# Behind the path of a layer of experts: under what it notes its dropped choices.
DROPPED = "/dropped"

_NOTES: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "t2t_multimodel_notes", default=None
)


@contextlib.contextmanager
def taken_notes() -> Iterator[dict[str, Any]]:
    """Keeps what layers note inside; gives the dict that fills with it."""
    notes: dict[str, Any] = {}
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)


def note(name: str, value: Any) -> None:
    """Tells of a value; a later one of the same name replaces it."""
    notes = _NOTES.get()
    if notes is not None:
        notes[name] = value
