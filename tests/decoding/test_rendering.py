"""Outputs as lines of text."""

from __future__ import annotations

from t2t_multimodel.data.features import ClassLabel, Text, Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.decoding.decode import DecodedText, RankedClasses
from t2t_multimodel.decoding.rendering import bracketed, render_nbest, render_output

LINEAR = "S NP DT NN /NP VP VBZ /VP . /S"
SENTENCE = "the fish jumps ."
BRACKETS = "(S (NP (DT the) (NN fish)) (VP (VBZ jumps)) (. .))"


class Parsing(Problem):
    inputs = Text("english")
    targets = Tree()


class Naming(Problem):
    inputs = Text("english")
    targets = ClassLabel(("fish", "bird", "star"))


def test_the_words_are_put_back_where_the_tree_fits_the_sentence() -> None:
    assert bracketed(LINEAR, SENTENCE) == BRACKETS
    assert bracketed(LINEAR, "the fish jumps high .") is None
    assert bracketed("S NP", SENTENCE) is None
    output = DecodedText(LINEAR, -0.1, -0.1)
    assert render_output(Parsing(), SENTENCE, output) == LINEAR
    assert render_output(Parsing(), SENTENCE, output, brackets=True) == BRACKETS
    broken = DecodedText("S NP", -0.1, -0.1)
    assert render_output(Parsing(), SENTENCE, broken, brackets=True) == "S NP"


def test_an_output_is_one_line_whatever_the_model_put_into_it() -> None:
    assert render_output(Parsing(), "x", DecodedText("a\nb", 0.0, 0.0)) == "a b"


def test_several_outputs_are_lines_with_the_inputs_number_and_their_scores() -> None:
    output = DecodedText("a", -2.0, -1.5, (DecodedText("b\nc", -3.0, -2.25),))
    assert render_nbest(Parsing(), "x", output, 7) == [
        "7 ||| a ||| -1.5000",
        "7 ||| b c ||| -2.2500",
    ]


def test_the_best_class_or_several_with_probabilities() -> None:
    ranked = RankedClasses((2, 0, 1), (0.5, 0.3, 0.2))
    assert render_output(Naming(), "x", ranked) == "star"
    listed = render_output(Naming(), "x", ranked, top_k=2)
    assert listed == "star 0.5000\tfish 0.3000"
