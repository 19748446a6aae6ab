"""One scene of the miniature world through all problems, side by side with the truth.

Scene i of a split is the same in every problem: example i of the translations is its
sentence, of the captions its picture, of speech its sentence read aloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from t2t_multimodel.data.trees import Node, read_linear, words_of
from t2t_multimodel.evaluation.drawing import draw_image, draw_tree, load_pixels
from t2t_multimodel.evaluation.score import ProblemScores, Sample

# In the order shown: a problem, what its output is.
TRANSLATIONS = {
    "translate_ende_mini": "into German",
    "translate_enfr_mini": "into French",
    "translate_deen_mini": "from German",
    "translate_defr_mini": "German into French",
    "translate_fren_mini": "from French",
}
IMAGE_WIDTH = 64
NOTHING = "(nothing)"
INDENT = " " * 4


def show_scene(console: Console, results: Sequence[ProblemScores], index: int) -> None:
    """Prints what the model made of one scene; what was not evaluated is left out.

    A right output is marked with a tick, beside a wrong one stands the reference.

    Args:
        console: Where to; pictures are in colour if it shows 24-bit colour.
        results: Scores of problems of the miniature world on one split.
        index: The scene's place in the split.
    """
    found = {
        result.problem: sample
        for result in results
        for sample in result.samples
        if sample.index == index
    }
    console.print(f"\n[bold]Scene {index}[/]", highlight=False)
    for problem, title in TRANSLATIONS.items():
        if problem in found:
            _show(console, title, found[problem], found[problem].inputs)
    if "speech_mini" in found:
        _show(console, "what it heard", found["speech_mini"])
    if "caption_mini" in found:
        _show(console, "what it saw", found["caption_mini"])
    if "image_mini" in found:
        _show(console, "whom it saw", found["image_mini"])
    picture = found.get("caption_mini") or found.get("image_mini")
    if picture is not None:
        pixels = load_pixels(picture.inputs, IMAGE_WIDTH)
        drawn = draw_image(pixels, console.color_system == "truecolor")
        console.print(drawn, highlight=False)
    if "parse_mini" in found:
        _show_tree(console, found["parse_mini"])


def _show(console: Console, title: str, sample: Sample, given: Any = None) -> None:
    line = Text(f"{title:20}")
    if isinstance(given, str):
        line.append(f"{given}\n{'':18}→ ")
    line.append(sample.output or NOTHING)
    if sample.is_right:
        line.append(" ✓", "green")
    else:
        line.append(f"\n{'right would be':20}{sample.reference}", "yellow")
    console.print(line, highlight=False, soft_wrap=True)


def _show_tree(console: Console, sample: Sample) -> None:
    console.print("its parse", highlight=False)
    words = words_of(str(sample.inputs))
    tree = _tree(sample.output, words)
    if tree is None:
        console.print(
            f"{INDENT}no tree: {sample.output or NOTHING}",
            highlight=False,
            markup=False,
        )
    else:
        _print_indented(console, draw_tree(tree))
    if not sample.is_right:
        console.print("right would be", style="yellow")
        _print_indented(console, draw_tree(read_linear(sample.reference, words)))


def _tree(linear: str, words: Sequence[str]) -> Node | None:
    """The tree over the words, or without words where their number differs."""
    for candidate in (words, None):
        try:
            return read_linear(linear, candidate)
        except ValueError:
            continue
    return None


def _print_indented(console: Console, lines: str) -> None:
    for line in lines.splitlines():
        console.print(f"{INDENT}{line}", highlight=False, markup=False, soft_wrap=True)
