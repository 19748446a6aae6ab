"""Treebanks: trees cut out of a file, and brought into the form that is learned.

A treebank file holds bracketed trees one after another, each on one line or spread
over several; `cut` takes them out one by one, whatever is broken between them, and
needs no more memory than the longest tree does. `normalise` then removes what parsers
are not asked for, as is usual since Collins (1997) and as EVALB does before it counts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from t2t_multimodel.data.trees import Node

EMPTY = "-NONE-"

# No sentence's tree is nearly as long; what is longer was never closed.
_MAX_BYTES = 1 << 20

_BRACKET = re.compile(rb"[()]")

# What separates a label from its function tags, indices and second choice.
_SUFFIX = re.compile("[-=|]")

# A bracket that opens a tree and not a phrase of one.
_OUTER_ONLY = re.compile(rb"\s*\(\s*(TOP|ROOT|S1)?\s*")

# Older files of the Penn Treebank begin with a frame of such lines.
_BANNER = b"*x*"

_UNCLOSED = "unbalanced tree: a ')' is missing"
_NOT_OPENED = "unbalanced tree: a ')' too many"
_STRAY = "text outside of any tree"

_BRACKETS = {"LRB": "(", "RRB": ")", "LCB": "{", "RCB": "}", "LSB": "[", "RSB": "]"}
_ESCAPE = re.compile(r"-(LRB|RRB|LCB|RCB|LSB|RSB)-|\\([/*])")


@dataclasses.dataclass(frozen=True)
class Cut:
    """A piece of a treebank file: a tree's text, or what is wrong with it.

    Attributes:
        number: Its place among the pieces of the file, from 1.
        text: The tree in brackets; empty where there is a fault.
        fault: What is wrong, in words that are the same for all such pieces; empty
            where nothing is.
    """

    number: int
    text: str = ""
    fault: str = ""


def cut(path: Path) -> Iterator[Cut]:
    """The trees of a file, and a `Cut` with a fault for each that is broken.

    A tree that is not closed ends where a line begins with a bracket again: inner
    lines of a tree are indented.

    Raises:
        OSError: The file cannot be read.
    """
    number = 0
    for text, fault in _pieces(path):
        number += 1
        if fault:
            yield Cut(number, fault=fault)
            continue
        if b"\0" in text:
            yield Cut(number, fault="the tree holds a NUL byte")
            continue
        try:
            yield Cut(number, text.decode())
        except UnicodeDecodeError:
            yield Cut(number, fault="the tree is not valid UTF-8")


def normalise(tree: Node) -> Node | None:
    """The tree as parsers are trained and scored on it.

    - Empty elements (`-NONE-`: traces, dropped subjects) go, and phrases that hold
      nothing else.
    - Labels lose function tags, indices and second choices: `NP-SBJ-1`, `NP=2` and
      `ADVP|PRT` become `NP`, `NP` and `ADVP`. Tags lose second choices (`VBG|NN`).
    - Words are written as in print: `-LRB-` is `(`, `1\\/2` is `1/2`. Their quotes
      stay as the treebank has them.

    Phrases in a phrase of the same label stay, as EVALB counts both.

    Returns:
        The new tree; None where nothing is left.
    """
    if not tree.children:
        if tree.label == EMPTY:
            return None
        word = None if tree.word is None else _ESCAPE.sub(_printed, tree.word)
        return Node(_first(tree.label, "|"), word=word)
    children = tuple(filter(None, map(normalise, tree.children)))
    return Node(_plain(tree.label), children) if children else None


def _plain(label: str) -> str:
    """A label alone; one that starts with a dash has nothing to lose."""
    return label if label.startswith("-") else _SUFFIX.split(label)[0] or label


def _first(tag: str, separator: str) -> str:
    return tag.split(separator)[0] or tag


def _printed(match: re.Match[str]) -> str:
    name, character = match.groups()
    return _BRACKETS[name] if name else character


def _pieces(path: Path) -> Iterator[tuple[bytes, str]]:
    """Pairs of a tree's bytes and a fault, one of them empty."""
    pending, depth = bytearray(), 0
    for line, is_whole in _lines(path):
        is_new_tree = is_whole and line.startswith(b"(")
        if depth and is_new_tree and not _OUTER_ONLY.fullmatch(pending):
            yield b"", _UNCLOSED
            pending, depth = bytearray(), 0
        start = 0
        for match in _BRACKET.finditer(line):
            depth += 1 if match[0] == b"(" else -1
            if match[0] == b"(" and depth == 1:
                if line[start : match.start()].strip():
                    yield b"", _STRAY
                start = match.start()
            elif depth <= 0:
                tree = bytes(pending) + line[start : match.end()]
                yield (tree, "") if depth == 0 else (b"", _NOT_OPENED)
                pending, depth, start = bytearray(), 0, match.end()
        if depth:
            pending += line[start:]
        elif line[start:].strip():
            yield b"", _STRAY
        if len(pending) > _MAX_BYTES:
            yield b"", _UNCLOSED
            pending, depth = bytearray(), 0
    if depth:
        yield b"", _UNCLOSED


def _lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Lines, in parts where they are long, and whether a line begins there."""
    with path.open("rb") as opened:
        begins = True
        while line := opened.readline(_MAX_BYTES):
            if not (begins and line.startswith(_BANNER)):
                yield line, begins
            begins = line.endswith(b"\n")
