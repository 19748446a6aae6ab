"""Phrase-structure trees: Penn Treebank brackets and the linear form a model writes.

Brackets hold the words, the linear form only labels and part-of-speech tags:

    (S (NP (NNP John)) (VP (VBZ sleeps)) (. .))
    S NP NNP /NP VP VBZ /VP . /S

A label opens with its name and closes with a slash before it; a tag stands once, for
one word. Which of the two a symbol is follows from the text: what is closed somewhere
is a label. So a tree has a linear form only where no tag is called like a phrase.
The outer bracket of a treebank (unlabelled, TOP or ROOT) is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OUTER_LABELS = frozenset({"", "TOP", "ROOT"})

# Far above any sentence's; walking a tree then never exhausts Python's stack.
MAX_DEPTH = 200

# Blanks are ASCII's: a word of a treebank may hold a no-break space.
_TOKEN = re.compile(r"[()]|[^\s()]+", re.ASCII)


@dataclass(frozen=True)
class Node:
    """A part of a tree: a phrase with children, or a tag over one word.

    Attributes:
        label: The phrase's label or the word's part-of-speech tag.
        children: The phrase's parts, left to right; empty for a tag.
        word: The tag's word; None where the linear form was read without words, and
            always None for a phrase.
    """

    label: str
    children: tuple[Node, ...] = ()
    word: str | None = None

    def tags(self) -> Iterator[Node]:
        """The tags below this node, left to right; a tag yields itself."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.tags()

    def words(self) -> tuple[str, ...]:
        """The words below this node, left to right.

        Raises:
            ValueError: If a tag has no word.
        """
        found = []
        for tag in self.tags():
            if tag.word is None:
                raise ValueError(f"the tag {tag.label} has no word")
            found.append(tag.word)
        return tuple(found)


def words_of(sentence: str) -> list[str]:
    """The words of a sentence as a treebank splits it, at ASCII's blanks."""
    return re.findall(r"\S+", sentence, re.ASCII)


def read_brackets(text: str) -> Node:
    """The tree that a bracketed string spells, without its outer bracket.

    Raises:
        ValueError: If the brackets do not match, a bracket is empty, words and phrases
            stand side by side in one, text follows the tree, or phrases lie in one
            another more than `MAX_DEPTH` deep.
    """
    tokens = _TOKEN.findall(text)
    # One entry for each open bracket: its label, its children, its word.
    labels: list[str] = []
    parts: list[list[Node]] = [[]]
    words: list[str | None] = []
    for place, token in enumerate(tokens):
        if token == "(":
            follower = tokens[place + 1] if place + 1 < len(tokens) else ")"
            labels.append("" if follower in "()" else follower)
            parts.append([])
            words.append(None)
            _check_depth(labels, text)
        elif token == ")":
            if not labels:
                raise ValueError(f"a ')' too many in the tree {_excerpt(text)}")
            label, children, word = labels.pop(), parts.pop(), words.pop()
            if (word is None) == (not children):
                raise ValueError(
                    f"the bracket ({label} ...) needs either one word or phrases, "
                    f"in the tree {_excerpt(text)}"
                )
            parts[-1].append(Node(label, tuple(children), word))
        elif place and tokens[place - 1] == "(":
            continue  # the label, already read
        elif not labels or words[-1] is not None:
            raise ValueError(
                f"{token!r} stands where no word can, in the tree {_excerpt(text)}"
            )
        else:
            words[-1] = token
    if labels:
        raise ValueError(f"{len(labels)} ')' missing in the tree {_excerpt(text)}")
    if len(parts[0]) != 1:
        raise ValueError(f"{len(parts[0])} trees, one expected, in {_excerpt(text)}")
    return _without_outer(parts[0][0])


def write_brackets(tree: Node) -> str:
    """The bracketed string of a tree with words; the reverse of `read_brackets`.

    Round brackets in a word are written as treebanks do, -LRB- and -RRB-.
    """
    if tree.children:
        return f"({tree.label} {' '.join(map(write_brackets, tree.children))})"
    (word,) = tree.words()
    return f"({tree.label} {word.replace('(', '-LRB-').replace(')', '-RRB-')})"


def linearise(tree: Node | str) -> str:
    """The linear form of a tree, given as a node or as a bracketed string.

    Raises:
        ValueError: If the form would not give the tree back: a tag is called like a
            phrase of the same tree, or a name is empty, has a blank or starts with a
            slash.
    """
    tree = read_brackets(tree) if isinstance(tree, str) else tree
    labels = {label for label, _, _ in constituents(tree)}
    tags = {tag.label for tag in tree.tags()}
    for name in sorted(labels & tags):
        raise ValueError(f"{name} is a phrase's label and a word's tag in one tree")
    for name in sorted(labels | tags):
        if len(name.split()) != 1 or _closes(name):
            raise ValueError(f"{name!r} cannot be the name of a label or a tag")
    return " ".join(_symbols(tree))


def read_linear(text: str, words: Sequence[str] | None = None) -> Node:
    """The tree that a linear form spells.

    Args:
        text: The linear form, its symbols separated by blanks.
        words: The sentence, one word for each tag; without it the tags have none.

    Raises:
        ValueError: If the form is not well formed, phrases lie in one another more
            than `MAX_DEPTH` deep, or there are more or fewer words than tags.
    """
    symbols = text.split()
    closed = {symbol[1:] for symbol in symbols if _closes(symbol)}
    labels: list[str] = []
    parts: list[list[Node]] = [[]]
    num_tags = 0
    for symbol in symbols:
        if _closes(symbol):
            if not labels or labels[-1] != symbol[1:]:
                opened = f"{labels[-1]} is open" if labels else "nothing is open"
                raise ValueError(f"{symbol} closes where {opened}: {_excerpt(text)}")
            if not parts[-1]:
                raise ValueError(f"the phrase {labels[-1]} is empty: {_excerpt(text)}")
            children = tuple(parts.pop())
            parts[-1].append(Node(labels.pop(), children))
        elif symbol in closed:
            labels.append(symbol)
            parts.append([])
            _check_depth(labels, text)
        else:
            word = words[num_tags] if words and num_tags < len(words) else None
            parts[-1].append(Node(symbol, word=word))
            num_tags += 1
    if labels:
        raise ValueError(f"{labels[-1]} is never closed: {_excerpt(text)}")
    if len(parts[0]) != 1:
        raise ValueError(f"{len(parts[0])} trees, one expected: {_excerpt(text)}")
    if words is not None and num_tags != len(words):
        raise ValueError(f"{num_tags} tags for {len(words)} words: {_excerpt(text)}")
    return parts[0][0]


def is_well_formed(text: str) -> bool:
    """Whether the linear form spells one tree."""
    try:
        read_linear(text)
    except ValueError:
        return False
    return True


def constituents(tree: Node) -> tuple[tuple[str, int, int], ...]:
    """The labelled phrases of a tree as (label, first word, word after the last).

    Tags are no constituents. Outer phrases come before inner ones; a phrase that
    occurs twice is listed twice.
    """
    found: list[tuple[str, int, int]] = []
    _collect(tree, 0, found)
    return tuple(found)


def _collect(node: Node, start: int, found: list[tuple[str, int, int]]) -> int:
    """Adds the phrases of `node`, whose first word is `start`; returns its end."""
    if not node.children:
        return start + 1
    place = len(found)
    end = start
    for child in node.children:
        end = _collect(child, end, found)
    found.insert(place, (node.label, start, end))
    return end


def _symbols(node: Node) -> Iterator[str]:
    yield node.label
    if node.children:
        for child in node.children:
            yield from _symbols(child)
        yield f"/{node.label}"


def _without_outer(tree: Node) -> Node:
    while tree.label in OUTER_LABELS:
        if len(tree.children) != 1:
            raise ValueError(
                f"the outer bracket ({tree.label} ...) holds {len(tree.children)} "
                "trees, one expected"
            )
        (tree,) = tree.children
    return tree


def _check_depth(labels: Sequence[str], text: str) -> None:
    if len(labels) > MAX_DEPTH:
        raise ValueError(
            f"more than {MAX_DEPTH} phrases in one another: {_excerpt(text)}"
        )


def _closes(symbol: str) -> bool:
    return len(symbol) > 1 and symbol.startswith("/")


def _excerpt(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= length else f"{text[: length - 3]}...")
