"""One scene through all problems, as it is printed."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from t2t_multimodel.evaluation.gallery import show_scene
from t2t_multimodel.evaluation.score import ProblemScores, Sample

LINEAR = "S NP NN /NP VBZ . /S"


def scored(problem: str, inputs: object, reference: str, output: str) -> ProblemScores:
    samples = (
        Sample(0, inputs, ("another",), "scene", 0.0),
        Sample(1, inputs, (reference,), output, 0.0),
    )
    return ProblemScores(problem, "test", 2, 0.0, (), samples)


def shown(*results: ProblemScores) -> str:
    sink = io.StringIO()
    show_scene(Console(file=sink, width=100, no_color=True), results, 1)
    return sink.getvalue()


def test_a_right_output_is_ticked_and_a_wrong_one_stands_by_the_right_one() -> None:
    output = shown(
        scored("translate_ende_mini", "A fish.", "Ein Fisch.", "Ein Fisch."),
        scored("translate_enfr_mini", "A fish.", "Un poisson.", "Une poisson."),
    )
    assert "Scene 1" in output and "another" not in output
    assert "A fish." in output
    assert "Ein Fisch. ✓" in output
    assert "Une poisson.\n" in output
    assert "right would be      Un poisson." in output


def test_what_was_heard_and_seen_is_shown_with_the_picture() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, 2] = 255
    output = shown(
        scored("speech_mini", np.zeros(10, np.int16), "a fish", "a fish"),
        scored("caption_mini", pixels, "A fish.", "A fish."),
        scored("image_mini", pixels, "fish", "bird"),
    )
    assert "what it heard       a fish ✓" in output
    assert "what it saw         A fish. ✓" in output
    assert "bird\nright would be      fish" in output
    assert "  @ \n  @ \n" in output


def test_a_tree_is_drawn_with_its_words_and_what_is_none_is_quoted() -> None:
    right = shown(scored("parse_mini", "fish swims .", LINEAR, LINEAR))
    assert "├─ NP  fish/NN" in right and "right would be" not in right
    wrong = shown(scored("parse_mini", "fish swims .", LINEAR, "S NP"))
    assert "no tree: S NP" in wrong
    assert "├─ NP  fish/NN" in wrong.split("right would be")[1]


def test_markup_in_an_output_is_shown_as_it_is() -> None:
    output = shown(scored("translate_ende_mini", "[bold]", "[/red]", "[/red]"))
    assert "[bold]" in output and "[/red] ✓" in output
