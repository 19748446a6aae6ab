"""What identifies a list of examples: the examples, and the code that makes them.

By it an unfinished generation is known to be of the same examples.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.problem import Later, Problem

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class ExamplesDigest:
    """A digest of examples as a generator gives them, unmade."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._makers = set[Callable[..., Any]]()

    def add(self, examples: Sequence[Mapping[str, Any]]) -> None:
        """Goes over the next examples; only their inputs and targets count."""
        told = [
            value if type(value) is str else _told(value, self._makers)
            for example in examples
            for value in (example["inputs"], example["targets"])
        ]
        text = "\n".join([*told, ""])
        self._digest.update(text.encode("utf-8", "surrogatepass"))

    def with_code(self, problem: Problem) -> str:
        """In hexadecimal, with the code that lists and makes the examples."""
        digest = self._digest.copy()
        for file in _code_files(problem, self._makers):
            digest.update(file.read_bytes())
        return digest.hexdigest()


def _told(value: Any, makers: set[Callable[..., Any]]) -> str:
    """A value in words that tell it from other values, the same in each process."""
    if isinstance(value, str):
        return value
    if isinstance(value, Later):
        makers.add(value.function)
        name = getattr(value.function, "__qualname__", "")
        return f"{name}({', '.join(_told(v, makers) for v in value.arguments)})"
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, np.ndarray):
        kind = f"{value.dtype}{value.shape}"
        return kind + hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, list | tuple):
        return "\t".join(_told(item, makers) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # A file in an archive, for example, with its bytes perhaps.
        parts = (getattr(value, field.name) for field in dataclasses.fields(value))
        return f"{type(value).__qualname__}({_told(tuple(parts), makers)})"
    return _ADDRESS.sub("", repr(value))


def _code_files(problem: Problem, makers: set[Callable[..., Any]]) -> list[Path]:
    """The files that hold the problem's class and the functions put off by `Later`."""
    homes = {kind.__module__ for kind in type(problem).__mro__ if kind is not Problem}
    homes |= {getattr(maker, "__module__", None) or "" for maker in makers}
    modules = (sys.modules.get(home) for home in sorted(homes))
    files = (getattr(module, "__file__", None) for module in modules)
    return [Path(file) for file in files if file and Path(file).suffix == ".py"]
