"""An output as a line of text: words, a class's name, a tree with its words."""

from __future__ import annotations

from typing import Any

from t2t_multimodel.data.features import ClassLabel, Tree
from t2t_multimodel.data.problem import Problem
from t2t_multimodel.data.trees import read_linear, words_of, write_brackets
from t2t_multimodel.decoding.decode import Decoded, DecodedText


def render_output(
    problem: Problem,
    value: Any,
    output: Decoded,
    top_k: int = 0,
    brackets: bool = False,
) -> str:
    """One line for one output.

    Args:
        problem: Whose output it is.
        value: The raw input; its words are put into the brackets of a tree.
        output: What the model made of it.
        top_k: List so many classes with probabilities; 0 gives the best one's name.
        brackets: Write a tree in brackets where it is a tree of the sentence.
    """
    if isinstance(output, DecodedText):
        text = output.text
        if brackets and isinstance(problem.targets, Tree) and isinstance(value, str):
            text = bracketed(text, value) or text
        # An output is one line, whatever the model put into it.
        return " ".join(text.split("\n"))
    assert isinstance(problem.targets, ClassLabel)
    names = problem.targets.names
    if not top_k:
        return names[output.classes[0]]
    return "\t".join(
        f"{names[number]} {probability:.4f}"
        for number, probability in list(
            zip(output.classes, output.probabilities, strict=True)
        )[:top_k]
    )


def render_nbest(
    problem: Problem,
    value: Any,
    output: DecodedText,
    number: int,
    brackets: bool = False,
) -> list[str]:
    """A line for each hypothesis: `number ||| text ||| score`, as Moses writes them."""
    return [
        f"{number} ||| {render_output(problem, value, one, brackets=brackets)} ||| "
        f"{one.score:.4f}"
        for one in output.hypotheses
    ]


def bracketed(linear: str, sentence: str) -> str | None:
    """The tree with the sentence's words, or None if it is no tree of that sentence."""
    try:
        return write_brackets(read_linear(linear, words_of(sentence)))
    except ValueError:
        return None
