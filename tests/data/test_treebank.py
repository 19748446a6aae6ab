"""Treebank files: trees of every layout are cut out, what is broken is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.data.treebank import cut, normalise
from t2t_multimodel.data.trees import (
    Node,
    linearise,
    read_brackets,
    read_linear,
    write_brackets,
)

MISSING = "unbalanced tree: a ')' is missing"
TOO_MANY = "unbalanced tree: a ')' too many"
STRAY = "text outside of any tree"


def cuts(tmp_path: Path, content: str | bytes) -> list[str]:
    """Trees and faults of a file, blanks squeezed."""
    path = tmp_path / "trees"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    pieces = list(cut(path))
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert all(bool(piece.text) != bool(piece.fault) for piece in pieces)
    return [" ".join(piece.text.split()) or piece.fault for piece in pieces]


def plain(text: str) -> str:
    tree = normalise(read_brackets(text))
    return write_brackets(tree) if tree else ""


@pytest.mark.parametrize(
    "content",
    [
        "\n( (S \n    (NP (NN a) )\n    (VP (VB b) )) )\n( (NP (NN c)))\n",
        "(ROOT\n  (S\n    (NP (NN a))\n    (VP (VB b))))\n\n(ROOT\n  (NP (NN c)))\n",
        "(TOP (S (NP (NN a)) (VP (VB b))))\r\n(NP (NN c))",
        "(\n(S\n  (NP (NN a)) (VP (VB b))))\n(TOP\n(NP (NN c)))\n",
        "*x*x*\n*x* (an old file) *x*\n\n((S (NP (NN a))(VP (VB b))))((NP (NN c)))",
    ],
    ids=["penn", "root", "a line each", "bracket alone", "banner"],
)
def test_trees_are_cut_out_of_any_layout(tmp_path: Path, content: str) -> None:
    first, second = map(plain, cuts(tmp_path, content))
    assert first == "(S (NP (NN a)) (VP (VB b)))"
    assert second == "(NP (NN c))"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("(S (NN a)\n(S (NN b))\n", [MISSING, "(S (NN b))"]),
        ("( (S (NN a)\n  (NN b)\n( (S (NN c)))", [MISSING, "( (S (NN c)))"]),
        ("(S (NN a))\n(S (NN b)", ["(S (NN a))", MISSING]),
        ("(S (NN a)))\n(S (NN b))", ["(S (NN a))", TOO_MANY, "(S (NN b))"]),
        ("# a remark\n(S (NN a)) more\n", [STRAY, "(S (NN a))", STRAY]),
        (b"(S (NN \xff))\n(S (NN b))", ["the tree is not valid UTF-8", "(S (NN b))"]),
        (b"(S (NN \0))\n(S (NN b))", ["the tree holds a NUL byte", "(S (NN b))"]),
        ("(" * 3_000_000 + "\n(S (NN b))", [MISSING] * 2 + ["(S (NN b))"]),
        ("\n \n", []),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_broken_tree_does_not_take_its_neighbours_along(
    tmp_path: Path, content: str | bytes, expected: list[str]
) -> None:
    assert cuts(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("(S (NP-SBJ-1 (NN a)) (VP (VB b)))", "(S (NP (NN a)) (VP (VB b)))"),
        ("(S (NP=2 (NN a)))", "(S (NP (NN a)))"),
        ("(VP (VB b) (ADVP|PRT (RP up)))", "(VP (VB b) (ADVP (RP up)))"),
        ("(NP (VBG|NN a))", "(NP (VBG a))"),
        (
            "(S (NP-SBJ (-NONE- *-1)) (VP (VB b) (NP (-NONE- *T*-2))))",
            "(S (VP (VB b)))",
        ),
        ("(VP (VB b) (SBAR (-NONE- 0) (S (-NONE- *T*-1))))", "(VP (VB b))"),
        ("( (S (-NONE- *)))", ""),
        (
            "(NP (-LRB- -LRB-) (NN a\\/b) (-RRB- -RCB-))",
            "(NP (-LRB- -LRB-) (NN a/b) (-RRB- }))",
        ),
        ("(NP (SYM \\*\\*) (LS -LRB-a-RRB-))", "(NP (SYM **) (LS -LRB-a-RRB-))"),
        ("(NP (NP (NN a)))", "(NP (NP (NN a)))"),
        ("(TOP (S-HLN (NN a)))", "(S (NN a))"),
        (
            "(NP (PRP$ my) ($ $) (# #) (`` ``) ('' ''))",
            "(NP (PRP$ my) ($ $) (# #) (`` ``) ('' ''))",
        ),
    ],
)
def test_what_parsers_are_not_asked_for_is_removed(raw: str, expected: str) -> None:
    assert plain(raw) == expected


def test_words_are_as_in_print() -> None:
    tree = normalise(read_brackets("(NP (-LRB- -LRB-) (CD 1\\/2) (-RRB- -RCB-))"))
    assert tree is not None and tree.words() == ("(", "1/2", "}")
    assert linearise(tree) == "NP -LRB- CD -RRB- /NP"


_labels = st.sampled_from(["S", "NP", "VP", "NP-SBJ-1", "PP=2", "ADVP|PRT", "-X-"])
_tags = st.sampled_from(["NN", ".", "-LRB-", "-NONE-", "PRP$", "VBG|NN", "/", "X/Y"])
_words = st.text(
    st.characters(exclude_characters="()", exclude_categories=("Cs", "Cc", "Zs")),
    min_size=1,
    max_size=5,
).filter(lambda word: len(word.split()) == 1)
_trees = st.recursive(
    st.builds(lambda tag, word: f"({tag} {word})", _tags, _words),
    lambda inner: st.builds(
        lambda label, parts: f"({label} {' '.join(parts)})",
        _labels,
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=20,
)


@given(_trees, st.sampled_from(["{}", "({})", "(TOP {})", "(ROOT\n{})"]))
def test_a_tree_comes_back_from_its_linear_form(text: str, outer: str) -> None:
    tree = normalise(read_brackets(outer.format(text)))
    if tree is None:
        return
    assert read_linear(linearise(tree), tree.words()) == tree
    names = {node.label for node in _nodes(tree)}
    assert "-NONE-" not in names and not any("-SBJ" in name for name in names)
    assert normalise(tree) == tree


def _nodes(tree: Node) -> list[Node]:
    return [tree, *(node for child in tree.children for node in _nodes(child))]


@given(st.text("() \n*x-/SNP\0é", max_size=60) | st.binary(max_size=60))
def test_any_bytes_give_trees_or_faults(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for text in cuts(Path(folder), content):
            try:
                tree = normalise(read_brackets(text))
                linear = linearise(tree) if tree else ""
            except ValueError:
                continue
            assert tree is None or read_linear(linear, tree.words()) == tree
