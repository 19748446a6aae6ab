"""Trees survive every way of writing them; what is no tree is refused."""

from __future__ import annotations

import pytest

from t2t_multimodel.data.trees import (
    Node,
    constituents,
    is_well_formed,
    linearise,
    read_brackets,
    read_linear,
    write_brackets,
)

JOHN = "(S (NP (NNP John)) (VP (VBZ sees) (NP (DT the) (NN cat))) (. .))"
JOHN_LINEAR = "S NP NNP /NP VP VBZ NP DT NN /NP /VP . /S"


def test_the_linear_form_is_that_of_the_paper() -> None:
    assert linearise(JOHN) == JOHN_LINEAR
    assert linearise(read_brackets(JOHN)) == JOHN_LINEAR


def test_brackets_survive_reading_and_writing() -> None:
    assert write_brackets(read_brackets(JOHN)) == JOHN
    spread = JOHN.replace(" (", "\n   (").replace(")", " )")
    assert write_brackets(read_brackets(spread)) == JOHN


def test_the_linear_form_and_the_words_give_the_tree_back() -> None:
    tree = read_brackets(JOHN)
    assert tree.words() == ("John", "sees", "the", "cat", ".")
    assert read_linear(JOHN_LINEAR, tree.words()) == tree


@pytest.mark.parametrize("outer", ["( {})", "(TOP {})", "(ROOT {})", "( (TOP {}))"])
def test_the_outer_bracket_is_dropped(outer: str) -> None:
    assert linearise(outer.format(JOHN)) == JOHN_LINEAR


def test_a_phrase_in_its_like_is_told_from_a_tag() -> None:
    tree = read_linear("NP NP DT NN /NP PP IN NP NNS /NP /PP /NP")
    assert [tag.label for tag in tree.tags()] == ["DT", "NN", "IN", "NNS"]


def test_constituents_are_labelled_spans_without_tags() -> None:
    assert constituents(read_brackets(JOHN)) == (
        ("S", 0, 5),
        ("NP", 0, 1),
        ("VP", 1, 4),
        ("NP", 2, 4),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("(S (NN a)", r"1 '\)' missing"),
        ("(S (NN a)))", r"'\)' too many"),
        ("(S (NP ) (NN a))", "either one word or phrases"),
        ("(S (NN a) b)", "either one word or phrases"),
        ("(NN a b)", "'b' stands where no word can"),
        ("(S (NN a)) (S (NN b))", "2 trees, one expected"),
        ("( (S (NN a)) (S (NN b)))", "holds 2 trees"),
        ("", "0 trees, one expected"),
        ("(S " * 300, "more than 200 phrases in one another"),
    ],
)
def test_broken_brackets_are_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_brackets(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("S NP DT NN /NP", "2 trees, one expected"),  # S is never closed: a tag
        ("S NP DT /S", "NP"),
        ("S NP DT /VP /S", "/VP closes where NP is open|/VP closes where S is open"),
        ("NN /S", "nothing is open"),
        ("S NP NN /NP S NN /S", "S is never closed"),
        ("S NP /NP NN /S", "the phrase NP is empty"),
        ("S NN /S S NN /S", "2 trees, one expected"),
        ("", "0 trees"),
        ("NP " * 300 + "NN " + "/NP " * 300, "more than 200 phrases in one another"),
    ],
)
def test_a_broken_linear_form_is_refused(text: str, fault: str) -> None:
    if fault == "NP":
        # Without its end NP reads as a tag, and the form is whole.
        assert read_linear(text) == Node("S", (Node("NP"), Node("DT")))
        return
    assert not is_well_formed(text)
    with pytest.raises(ValueError, match=fault):
        read_linear(text)


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ("(S (NP (NP John)))", "NP is a phrase's label and a word's tag"),
        ("(S (/NN cat))", "'/NN' cannot be the name"),
        ("(S ((NN cat)))", "'' cannot be the name"),
        ("(S (N\u00a0N cat))", "cannot be the name"),
    ],
)
def test_what_would_not_come_back_is_not_linearised(tree: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        linearise(tree)


def test_a_slash_may_be_a_tag_or_a_label() -> None:
    tree = read_brackets("(/ (NN and) (. or))")
    assert read_linear(linearise(tree), tree.words()) == tree
    assert linearise("(S (/ /))") == "S / /S"


def test_round_brackets_in_a_word_are_written_as_treebanks_do() -> None:
    tree = Node("NP", (Node("LS", word="(a)"), Node("NN", word="no\u00a0break")))
    assert write_brackets(tree) == "(NP (LS -LRB-a-RRB-) (NN no\u00a0break))"
    assert read_brackets(write_brackets(tree)).words() == (
        "-LRB-a-RRB-",
        "no\u00a0break",
    )


def test_a_tag_needs_exactly_one_word() -> None:
    assert is_well_formed(JOHN_LINEAR)
    with pytest.raises(ValueError, match="5 tags for 4 words"):
        read_linear(JOHN_LINEAR, ["John", "sees", "the", "cat"])
    with pytest.raises(ValueError, match="the tag NNP has no word"):
        write_brackets(read_linear(JOHN_LINEAR))
