"""Examples are told apart by what they hold, and by the code that makes them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from t2t_multimodel.data.archives import members
from t2t_multimodel.data.examples_digest import ExamplesDigest
from t2t_multimodel.data.file_tree import DiskFile, HeldFile
from t2t_multimodel.data.problem import Later, Problem
from t2t_multimodel.testing.corpus_files import tar
from t2t_multimodel.testing.text_pairs import TextPairs


def word(number: Any) -> str:
    return f"word {number}"


def other_word(number: Any) -> str:
    return f"other word {number}"


def _digest(*rows: tuple[Any, Any], problem: Problem | None = None) -> str:
    digest = ExamplesDigest()
    digest.add([{"inputs": inputs, "targets": targets} for inputs, targets in rows])
    return digest.with_code(problem or TextPairs())


def test_examples_are_told_apart() -> None:
    picture = np.zeros((2, 2), np.uint8)
    rows: list[Any] = [
        ("a", "b"),
        ("a", "c"),
        ("b", "a"),
        (b"a", "b"),
        (picture, "b"),
        (picture + 1, "b"),
        (picture.reshape(4), "b"),
        (Later(word, 1), "b"),
        (Later(word, 2), "b"),
        (Later(other_word, 1), "b"),
        (Later(word, DiskFile), "b"),
        (Later(word, DiskFile("1")), "b"),
        (["a", "b"], "b"),
        (Path("a"), "b"),
        (7, "b"),
    ]
    digests = list(map(_digest, rows))
    assert digests == list(map(_digest, rows))
    assert len(set(digests)) == len(rows)


def test_the_order_counts_and_the_parts_do_not() -> None:
    whole = _digest(("a", "b"), ("c", "d"))
    assert whole != _digest(("c", "d"), ("a", "b"))
    in_parts = ExamplesDigest()
    for inputs, targets in (("a", "b"), ("c", "d")):
        in_parts.add([{"inputs": inputs, "targets": targets, "more": inputs}])
    assert in_parts.with_code(TextPairs()) == whole


@dataclasses.dataclass(frozen=True, repr=False)
class Untold:
    """Its `repr` is an address, and nothing of what it holds."""

    data: bytes


class NeverShown(bytes):
    def __repr__(self) -> str:
        raise AssertionError("megabytes of a picture written out")


def test_what_holds_bytes_is_told_by_them(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"a": b"1", "b": b"2"}))
    first, second = members(path)
    held = [
        HeldFile(first, NeverShown(b"1")),
        HeldFile(first, NeverShown(b"2")),
        HeldFile(second, NeverShown(b"1")),
        Untold(NeverShown(b"1")),
        Untold(NeverShown(b"2")),
    ]
    digests = [_digest((Later(word, file), "b")) for file in held]
    again = [_digest((Later(word, dataclasses.replace(f)), "b")) for f in held]
    assert digests == again and len(set(digests)) == len(held)
