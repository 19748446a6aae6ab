"""Bracketing by hand: small trees whose constituents can be counted."""

from __future__ import annotations

import pytest

from t2t_multimodel.data.trees import linearise
from t2t_multimodel.evaluation.tree_scores import bracketing, tagging, whole_trees

# Constituents over (the, dog, saw, a, cat): S 0-5, NP 0-2, VP 2-5, NP 3-5.
GOLD = linearise("(S (NP (DT the) (NN dog)) (VP (VBD saw) (NP (DT a) (NN cat))) (. .))")


def figures(hypotheses: list[str], references: list[str]) -> dict[str, float]:
    return {s.name: s.value for s in bracketing(hypotheses, references)}


def test_the_same_tree_scores_a_hundred() -> None:
    assert figures([GOLD], [GOLD]) == {
        "bracketing_f1": 100.0,
        "bracketing_precision": 100.0,
        "bracketing_recall": 100.0,
        "complete_match": 100.0,
        "usable_trees": 100.0,
    }
    assert whole_trees([GOLD], [GOLD])[0].value == 100.0
    assert tagging([GOLD], [GOLD])[0].value == 100.0


def test_precision_and_recall_count_labelled_spans() -> None:
    # Flat verb phrase and one wrong label: S 0-5, NX 0-2, VP 2-5; 2 of 3 are right,
    # and 2 of the 4 wanted.
    output = "S NX DT NN /NX VP VBD DT NN /VP . /S"
    found = figures([output], [GOLD])
    assert found["bracketing_precision"] == pytest.approx(100 * 2 / 3)
    assert found["bracketing_recall"] == pytest.approx(100 * 2 / 4)
    assert found["bracketing_f1"] == pytest.approx(100 * 4 / 7)


def test_scores_are_over_the_corpus_and_not_a_mean_of_trees() -> None:
    small = "NP NN /NP"
    found = figures([GOLD, "VP NN /VP"], [GOLD, small])
    assert found["bracketing_recall"] == pytest.approx(100 * 4 / 5)


def test_tags_are_no_constituents_and_do_not_matter_to_brackets() -> None:
    output = "S NP JJ JJ /NP VP JJ NP JJ JJ /NP /VP . /S"
    assert figures([output], [GOLD])["bracketing_f1"] == 100.0
    assert tagging([output], [GOLD])[0].value == 0.0
    assert whole_trees([output], [GOLD])[0].value == 0.0


def test_punctuation_is_not_counted() -> None:
    # The full stop inside the verb phrase or outside: the same spans of words.
    inside = "S NP DT NN /NP VP VBD NP DT NN /NP . /VP /S"
    assert figures([inside], [GOLD])["bracketing_f1"] == 100.0
    assert whole_trees([inside], [GOLD])[0].value == 0.0
    # A constituent of punctuation alone is dropped on both sides.
    wrapped = "S NP DT NN /NP VP VBD NP DT NN /NP /VP X . /X /S"
    assert figures([wrapped], [GOLD])["bracketing_precision"] == 100.0
    # Its place follows from the reference, so a wrong tag there moves no span.
    mistagged = GOLD.replace(" . ", " NN ")
    assert figures([mistagged], [GOLD])["bracketing_f1"] == 100.0
    assert tagging([mistagged], [GOLD])[0].value == 100.0


def test_several_punctuation_marks_close_up_and_tagging_leaves_them_out() -> None:
    # Words: he `` ran , '' she said; counted are he 0, ran 1, she 2, said 3.
    gold = "S S NP PRP /NP `` VP VBD /VP , '' /S NP PRP /NP VP VBD /VP : /S"
    # The same words, the marks elsewhere: S 0-4, S 0-2, NP 0-1, VP 1-2, NP 2-3, VP 3-4.
    output = "S S NP PRP `` /NP VP VBD , /VP /S '' NP PRP /NP VP VBD : /VP /S"
    found = figures([output], [gold])
    assert (found["bracketing_f1"], found["complete_match"]) == (100.0, 100.0)
    # One tag of the four words is wrong; the four marks do not count.
    wrong = gold.replace("VBD /VP , ", "VBN /VP , ")
    assert tagging([wrong], [gold])[0].value == pytest.approx(100 * 3 / 4)


def test_an_outer_label_is_no_constituent() -> None:
    for outer in ("TOP", "ROOT"):
        found = figures([f"{outer} {GOLD} /{outer}"], [GOLD])
        assert (found["bracketing_f1"], found["complete_match"]) == (100.0, 100.0)


def test_complete_match_is_of_brackets_and_not_of_tags() -> None:
    mistagged = GOLD.replace("VBD", "VBZ")
    flat = "S NP DT NN /NP VP VBD DT NN /VP . /S"
    found = figures([mistagged, flat, "S NP"], [GOLD] * 3)
    assert found["complete_match"] == pytest.approx(100 / 3)
    # A bracket too many spoils it as well as one too few.
    more = GOLD.replace("VBD", "X VBD /X")
    assert figures([more], [GOLD])["complete_match"] == 0.0
    assert figures([more], [GOLD])["bracketing_recall"] == 100.0


def test_a_sentence_of_one_punctuation_mark_has_nothing_to_find() -> None:
    found = figures(["S . /S", GOLD], ["S . /S", GOLD])
    assert found["bracketing_recall"] == 100.0
    assert found["complete_match"] == 100.0


def test_a_constituent_that_occurs_twice_must_be_found_twice() -> None:
    twice, once = "S NP NP NN /NP /NP VBZ /S", "S NP NN /NP VBZ /S"
    assert figures([once], [twice])["bracketing_recall"] == pytest.approx(100 * 2 / 3)
    assert figures([twice], [once])["bracketing_precision"] == pytest.approx(
        100 * 2 / 3
    )


def test_function_tags_do_not_count_and_prt_equals_advp() -> None:
    gold = "S NP-SBJ=1 PRP /NP-SBJ=1 VP VBD PRT RP /PRT /VP /S"
    output = "S NP PRP /NP VP VBD ADVP RP /ADVP /VP /S"
    assert figures([output], [gold])["bracketing_f1"] == 100.0
    assert figures([gold], [output])["bracketing_f1"] == 100.0


@pytest.mark.parametrize(
    "output",
    [
        "",
        "S NP DT NN /NP",
        "S NP DT NN /VP /S",
        "S NP DT NN /NP VP VBD NP DT /NP /VP . /S",
    ],
    ids=["empty", "never closed", "crossing", "a word short"],
)
def test_an_output_that_is_no_tree_of_the_sentence_has_no_brackets(
    output: str,
) -> None:
    found = figures([output, GOLD], [GOLD, GOLD])
    assert found["bracketing_recall"] == pytest.approx(50.0)
    assert found["bracketing_precision"] == pytest.approx(100.0)
    assert found["bracketing_f1"] == pytest.approx(100 * 2 * 4 / (4 + 8))
    assert found["usable_trees"] == pytest.approx(50.0)
    assert found["complete_match"] == pytest.approx(50.0)
    assert tagging([output, GOLD], [GOLD, GOLD])[0].value == pytest.approx(50.0)


def test_tagging_counts_words_one_by_one() -> None:
    output = GOLD.replace("VBD", "VBZ")
    assert tagging([output], [GOLD])[0].value == pytest.approx(100 * 4 / 5)


def test_whole_trees_forgive_blanks_and_nothing_else() -> None:
    outputs = [f"  {GOLD} ", GOLD.replace("VBD", "VBZ")]
    assert whole_trees(outputs, [GOLD, GOLD])[0].value == 50.0


def test_a_reference_that_is_no_tree_is_named() -> None:
    with pytest.raises(ValueError, match="reference 1 is not a tree"):
        bracketing([GOLD, GOLD], [GOLD, "S NP"])
    with pytest.raises(ValueError, match=r"1 trees .* 2 references"):
        bracketing([GOLD], [GOLD, GOLD])
