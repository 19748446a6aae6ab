"""Pictures: any file or array in, a float tensor of fixed size out.

Shape letters: B examples, H height, W width, C channels.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import tensorflow as tf

# What the graph can decode; another format is re-encoded as PNG.
_GRAPH_FORMATS = ("PNG", "JPEG")


def load(value: Any, channels: int) -> bytes:
    """The bytes of an image file that the graph can decode.

    Args:
        value: A file's path, a file's bytes, or a uint8 array `[H, W, C]` or `[H, W]`.
            A PNG or JPEG file is kept as it is.
        channels: The number of channels that an array must have.

    Raises:
        ValueError: It is not an image, or an array of another shape or dtype.
        OSError: The file cannot be read.
    """
    if isinstance(value, np.ndarray):
        return _encode(_checked_array(value, channels))
    if isinstance(value, str | Path):
        name, data = str(value), Path(value).read_bytes()
    elif isinstance(value, bytes):
        name, data = "image", value
    else:
        raise ValueError(
            f"an image is a path, bytes or a uint8 array, not {type(value).__name__}"
        )
    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.load()
            # Palettes, CMYK and 16 bits are beyond the graph's decoder.
            if image.format in _GRAPH_FORMATS and image.mode in ("RGB", "L", "RGBA"):
                return data
            return _encode(np.asarray(image.convert("RGB" if channels == 3 else "L")))
    except (OSError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not an image that can be read: {error}") from error


def decode(encoded_B: tf.Tensor, size: tuple[int, int, int]) -> tf.Tensor:
    """Image files to pixels in [-1, 1], float32 `[B, H, W, C]`, resized if need be."""
    height, width, channels = size

    def decode_one(encoded: tf.Tensor) -> tf.Tensor:
        pixels_HWC = tf.io.decode_image(encoded, channels, expand_animations=False)
        pixels_HWC.set_shape([None, None, channels])
        shape = tf.shape(pixels_HWC)
        fits = tf.logical_and(shape[0] == height, shape[1] == width)
        return tf.cond(
            fits,
            lambda: tf.cast(pixels_HWC, tf.float32),
            lambda: tf.image.resize(pixels_HWC, [height, width], antialias=True),
        )

    spec = tf.TensorSpec([None, None, channels], tf.float32)
    pixels_BHWC = tf.map_fn(decode_one, encoded_B, fn_output_signature=spec)
    pixels_BHWC = tf.ensure_shape(pixels_BHWC, [None, height, width, channels])
    return pixels_BHWC / 127.5 - 1.0


def shift(pixels_BHWC: tf.Tensor, max_shift: int, seeds_B2: tf.Tensor) -> tf.Tensor:
    """Moves every picture by its own random offset, mirroring its border inwards."""
    size = pixels_BHWC.shape[1:]
    margin = [max_shift, max_shift]
    padded = tf.pad(pixels_BHWC, [[0, 0], margin, margin, [0, 0]], "SYMMETRIC")

    def shift_one(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        pixels_HWC, seed = inputs
        offset = tf.random.stateless_uniform(
            [2], seed, 0, 2 * max_shift + 1, dtype=tf.int32
        )
        return tf.slice(pixels_HWC, tf.concat([offset, [0]], 0), size)

    spec = tf.TensorSpec(size, tf.float32)
    return tf.map_fn(shift_one, (padded, seeds_B2), fn_output_signature=spec)


def _checked_array(array: np.ndarray, channels: int) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    expected = 2 if channels == 1 else 3
    fits = array.ndim == expected and (channels == 1 or array.shape[2] == channels)
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise ValueError(
            f"an image array is uint8 [height, width, {channels}], "
            f"not {array.dtype} {list(array.shape)}"
        )
    return array


def _encode(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Level 1: the time to make a data set matters more than its last ten per cent.
    PIL.Image.fromarray(array).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
