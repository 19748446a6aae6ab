"""Pictures and trees in a terminal, small enough to see what should come out."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
from rich.console import Console

from t2t_multimodel.data.trees import read_brackets, read_linear
from t2t_multimodel.evaluation.drawing import draw_image, draw_tree, load_pixels


def test_a_tree_is_an_outline_with_flat_phrases_on_one_line() -> None:
    tree = read_brackets(
        "(S (NP (DT the) (NN fish)) (VP (VBZ jumps) (PP (IN over) (NP (NN sand))))"
        " (. .))"
    )
    assert draw_tree(tree).splitlines() == [
        "S",
        "├─ NP  the/DT fish/NN",
        "├─ VP",
        "│  ├─ jumps/VBZ",
        "│  └─ PP",
        "│     ├─ over/IN",
        "│     └─ NP  sand/NN",
        "└─ ./.",
    ]


def test_equal_parts_of_a_tree_keep_their_places() -> None:
    tree = read_linear("S NP NN /NP VBZ NP NN /NP /S")
    assert draw_tree(tree).splitlines() == ["S", "├─ NP  NN", "├─ VBZ", "└─ NP  NN"]


def test_dark_is_blank_and_bright_is_dense_without_colour() -> None:
    pixels = np.zeros((4, 3, 3), np.uint8)
    pixels[:, 1] = 255
    assert draw_image(pixels, in_colour=False).plain == " @ \n @ "


def test_colours_of_upper_and_lower_pixels_are_both_shown() -> None:
    pixels = np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=True, color_system="truecolor")
    console.print(draw_image(pixels, in_colour=True), end="")
    assert "38;2;1;2;3;48;2;4;5;6m▀" in sink.getvalue()


def test_an_image_file_is_shrunk_in_proportion_and_never_enlarged() -> None:
    sink = io.BytesIO()
    PIL.Image.new("L", (100, 60), 128).save(sink, "PNG")
    assert load_pixels(sink.getvalue(), 50).shape == (30, 50, 3)
    assert load_pixels(np.zeros((8, 8, 3), np.uint8), 64).shape == (8, 8, 3)
