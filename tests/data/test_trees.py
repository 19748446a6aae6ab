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


def test_a_tag_needs_exactly_one_word() -> None:
    assert is_well_formed(JOHN_LINEAR)
    with pytest.raises(ValueError, match="5 tags for 4 words"):
        read_linear(JOHN_LINEAR, ["John", "sees", "the", "cat"])
    with pytest.raises(ValueError, match="the tag NNP has no word"):
        write_brackets(read_linear(JOHN_LINEAR))
