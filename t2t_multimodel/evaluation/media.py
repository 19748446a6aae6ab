"""Pictures, sound and parse trees as HTML that needs nothing outside itself.

Media are `data:` addresses, trees are SVG in the page's own colours. Whatever comes
from data or model is escaped here.
"""

from __future__ import annotations

import base64
import html
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image

from t2t_multimodel.data.trees import Node, read_linear

# Larger pictures are made smaller, longer sound is cut, to keep the page light.
MAX_PIXELS, MAX_SECONDS = 480, 30
# A small picture is shown this wide, its pixels as they are.
SMALL_PIXELS = 128

WINDOW_SECONDS, STEP_SECONDS = 0.025, 0.010
DYNAMIC_DB = 70.0
SPECTROGRAM_HEIGHT = 96

# Of the SVG, in pixels; a letter's width is that of a monospace font of 13 pixels.
LETTER, GAP, LEVEL, MARGIN = 7.9, 14.0, 34.0, 8.0


def image_tag(value: Any) -> str:
    """A picture, an image file's bytes or a uint8 array `[H, W, 3]`, as `<img>`."""
    is_array = isinstance(value, np.ndarray)
    opened = (
        PIL.Image.fromarray(value) if is_array else PIL.Image.open(io.BytesIO(value))
    )
    image = opened.convert("RGB")
    size = f"{image.width} by {image.height} pixels"
    image.thumbnail((MAX_PIXELS, MAX_PIXELS))
    is_small = max(image.size) <= SMALL_PIXELS
    kind = "small" if is_small else "photo"
    # Small pictures are drawings as often as photos: nothing of them may be lost.
    source = _picture(image, "PNG" if is_small else "JPEG")
    return f'<img class="{kind}" alt="the picture, {size}" src="{source}">'


def audio_tag(samples_T: np.ndarray, sample_rate: int) -> str:
    """Sound, 16-bit samples of one channel, as its spectrogram and a player."""
    seconds = len(samples_T) / sample_rate
    kept_T = np.asarray(samples_T[: MAX_SECONDS * sample_rate], "<i2")
    told = f"{seconds:.1f} seconds"
    if seconds > MAX_SECONDS:
        told += f", the first {MAX_SECONDS} of them here"
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(kept_T.tobytes())
    grey_FT = spectrogram(kept_T, sample_rate)
    image = PIL.Image.fromarray(grey_FT).resize(
        (min(800, max(1, grey_FT.shape[1])), SPECTROGRAM_HEIGHT)
    )
    picture, sound = _picture(image, "PNG"), _address(sink.getvalue(), "audio/wav")
    return (
        f'<img class="spectrogram" alt="spectrogram" src="{picture}">'
        f'<audio controls preload="none" src="{sound}">'
        f'</audio><p class="small">{told}; 0 to {sample_rate / 2000:g} kHz, upwards</p>'
    )


def spectrogram(samples_T: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log power as uint8 `[F, T]`, low frequencies at the bottom, loud is dark."""
    window, step = int(sample_rate * WINDOW_SECONDS), int(sample_rate * STEP_SECONDS)
    padded_T = np.pad(samples_T / 32768.0, (0, max(0, window - len(samples_T))))
    frames_TW = np.lib.stride_tricks.sliding_window_view(padded_T, window)[::step]
    power_TF = np.abs(np.fft.rfft(frames_TW * np.hanning(window), axis=1)) ** 2
    decibels_TF = 10 * np.log10(power_TF + 1e-10)
    # Silence, -100 dB here, has no peak of its own to be measured against.
    above_TF = (
        decibels_TF - max(float(decibels_TF.max()), DYNAMIC_DB - 100) + DYNAMIC_DB
    )
    share_TF = np.clip(above_TF / DYNAMIC_DB, 0.0, 1.0)
    return np.rint(255 * (1 - share_TF)).astype(np.uint8).T[::-1]


def tree_tag(linear: str, words: Sequence[str]) -> str:
    """A tree in linear form over its words as SVG; what is no tree is quoted."""
    tree, note = None, ""
    for candidate, told in ((words, ""), (None, "not as many tags as words")):
        try:
            tree, note = read_linear(linear, candidate), told
        except ValueError:
            continue
        break
    if tree is None:
        told = html.escape(linear) or "(nothing)"
        return f'<p><span class="wrong">no tree:</span> <code>{told}</code></p>'
    warning = f'<p class="wrong">{note}</p>' if note else ""
    return f'{warning}<div class="scroll">{_svg(tree)}</div>'


@dataclass
class _Placed:
    """A node with its place: the middle of its text, its level, its children."""

    node: Node
    x: float
    level: int
    children: list[_Placed]


def _svg(tree: Node) -> str:
    root = _place(tree, 0.0, 0)
    shapes: list[str] = []
    depth = _draw(root, shapes)
    width = _width(tree) + 2 * MARGIN
    height = (depth + 1) * LEVEL + 2 * MARGIN
    return (
        f'<svg role="img" aria-label="parse tree" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"{''.join(shapes)}</svg>"
    )


def _width(node: Node) -> float:
    own = max(len(node.label), len(node.word or "")) * LETTER + GAP
    return max(own, sum(_width(child) for child in node.children))


def _place(node: Node, left: float, level: int) -> _Placed:
    width = _width(node)
    if not node.children:
        return _Placed(node, left + width / 2, level, [])
    start = left + (width - sum(_width(child) for child in node.children)) / 2
    children = []
    for child in node.children:
        children.append(_place(child, start, level + 1))
        start += _width(child)
    return _Placed(node, (children[0].x + children[-1].x) / 2, level, children)


def _draw(placed: _Placed, shapes: list[str]) -> int:
    """Adds a node and what is below it; returns the lowest level used."""
    lowest = placed.level
    kind = "label" if placed.children else "tag"
    shapes.append(_text(placed.node.label, placed.x, placed.level, kind))
    for child in placed.children:
        shapes.append(_line(placed, child.x))
        lowest = max(lowest, _draw(child, shapes))
    if placed.node.word is not None:
        lowest = placed.level + 1
        shapes += [
            _text(placed.node.word, placed.x, lowest, "word"),
            _line(placed, placed.x),
        ]
    return lowest


def _text(text: str, x: float, level: int, kind: str) -> str:
    y = MARGIN + level * LEVEL + 13
    return (
        f'<text class="{kind}" text-anchor="middle" x="{x + MARGIN:.1f}" '
        f'y="{y:.1f}">{html.escape(text)}</text>'
    )


def _line(upper: _Placed, x: float) -> str:
    top = MARGIN + upper.level * LEVEL + 18
    return (
        f'<line x1="{upper.x + MARGIN:.1f}" y1="{top:.1f}" x2="{x + MARGIN:.1f}" '
        f'y2="{top + LEVEL - 17:.1f}"/>'
    )


def _picture(image: PIL.Image.Image, form: str) -> str:
    sink = io.BytesIO()
    image.save(sink, form)
    return _address(sink.getvalue(), f"image/{form.lower()}")


def _address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
