"""Pictures and parse trees drawn in a terminal.

A picture takes half a character cell a pixel in 24-bit colour, or a ramp of plain
characters where colours are not wanted. A tree is drawn as an outline, with a phrase of
words alone on one line.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
from rich.text import Text

from t2t_multimodel.data.trees import Node

# From dark to bright, as ink on a dark terminal.
RAMP = " .:-=+*#%@"
UPPER_HALF = "▀"


def load_pixels(value: Any, width: int) -> np.ndarray:
    """An image file's bytes (or a uint8 array `[H, W, 3]`) as uint8 `[h, width, 3]`.

    The proportions are kept, up to an even number of rows; never enlarged.
    """
    image = (
        PIL.Image.fromarray(value)
        if isinstance(value, np.ndarray)
        else PIL.Image.open(io.BytesIO(value))
    )
    image = image.convert("RGB")
    width = min(width, image.width)
    rows = max(2, round(image.height * width / image.width / 2) * 2)
    if image.size != (width, rows):
        image = image.resize((width, rows), PIL.Image.Resampling.BILINEAR)
    return np.asarray(image)


def draw_image(pixels_HWC: np.ndarray, in_colour: bool) -> Text:
    """A picture of uint8 pixels `[H, W, 3]`, H even, as H/2 lines of W characters.

    Without colour the ramp is stretched from the darkest to the brightest place.
    """
    inked_RW = _ramp_places(pixels_HWC)
    upper_HWC, lower_HWC = pixels_HWC[0::2], pixels_HWC[1::2]
    drawn = Text(no_wrap=True)
    for row, (upper_WC, lower_WC) in enumerate(zip(upper_HWC, lower_HWC, strict=True)):
        if row:
            drawn.append("\n")
        if not in_colour:
            drawn.append("".join(RAMP[place] for place in inked_RW[row]))
            continue
        for upper_C, lower_C in zip(upper_WC.tolist(), lower_WC.tolist(), strict=True):
            style = f"rgb({_rgb(upper_C)}) on rgb({_rgb(lower_C)})"
            drawn.append(UPPER_HALF, style)
    return drawn


def draw_tree(tree: Node) -> str:
    """A tree as an outline; a word stands before its tag, `fish/NN`."""
    return "\n".join(_outline(tree, "", ""))


def _outline(node: Node, first: str, others: str) -> list[str]:
    """Lines of a node: `first` leads its first line, `others` those below it."""
    if all(not child.children for child in node.children):
        leaves = " ".join(_leaf(tag) for tag in node.tags())
        return [f"{first}{node.label}  {leaves}" if node.children else first + leaves]
    lines = [first + node.label]
    for child in node.children:
        is_last = child is node.children[-1]
        joint, rest = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        lines += _outline(child, others + joint, others + rest)
    return lines


def _leaf(tag: Node) -> str:
    return tag.label if tag.word is None else f"{tag.word}/{tag.label}"


def _rgb(pixel_C: list[int]) -> str:
    return ",".join(str(value) for value in pixel_C)


def _ramp_places(pixels_HWC: np.ndarray) -> list[list[int]]:
    """Where in `RAMP` the brightness of each two pixels is, `[H/2][W]`."""
    bright_HW = pixels_HWC @ np.array([0.299, 0.587, 0.114])
    both_RW = (bright_HW[0::2] + bright_HW[1::2]) / 2
    spread = max(float(np.ptp(both_RW)), 1.0)
    share_RW = (both_RW - both_RW.min()) / spread
    places: list[list[int]] = np.rint(share_RW * (len(RAMP) - 1)).astype(int).tolist()
    return places
