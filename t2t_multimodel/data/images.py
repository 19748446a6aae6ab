"""Pictures: any file or array in, a float tensor of fixed size out.

Shape letters: B examples, H height, W width, C channels.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from t2t_multimodel import quiet

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()

# What is opened at all. Pillow knows more formats, some of which run other programs.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
# What the graph can decode; all else is encoded anew.
_GRAPH_FORMATS = ("PNG", "JPEG", "MPO")
_GRAPH_MODES = ("RGB", "L", "RGBA")
_LOSSY_FORMATS = ("JPEG", "MPO", "WEBP")
_JPEG_QUALITY = 90
# What Pillow's readers raise on damaged files, beside the errors of this module.
_DAMAGE = (
    *(OSError, SyntaxError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(OverflowError, AttributeError, MemoryError, struct.error, zlib.error),
    *(PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning),
)
# A crop is this much wider or narrower than the picture it becomes (Szegedy and others
# 2015, "Going deeper with convolutions", section 6).
_MAX_STRETCH = 4 / 3
# How much smaller than it is a JPEG picture can be decoded.
_RATIOS = (1, 2, 4, 8)


@dataclasses.dataclass(frozen=True)
class View:
    """Which part of a picture is seen, and how.

    Attributes:
        is_cropped: The largest box in the middle that has the wanted proportions; else
            the whole picture, stretched.
        min_area: In training a box at random with at least this share of the area, and
            slightly stretched; 1: as outside of training.
        is_flipped: In training half of the pictures are mirrored.
    """

    is_cropped: bool = False
    min_area: float = 1.0
    is_flipped: bool = False


def load(value: Any, channels: int, max_side: int | None = None) -> bytes:
    """The bytes of an image file that the graph can decode.

    What kind of file it is follows from its bytes, not from its name.

    Args:
        value: A file's path, a file's bytes, or a uint8 array `[H, W, C]` or `[H, W]`.
        channels: The number of channels that an array must have.
        max_side: A picture whose shorter side is longer than this is shrunk to it. A
            PNG or JPEG file that is small enough is kept as it is.

    Raises:
        ValueError: It is not an image, or an array of another shape or dtype.
        OSError: The file cannot be read.
    """
    if isinstance(value, np.ndarray):
        image = PIL.Image.fromarray(_checked_array(value, channels))
        return _encoded(_shrunk(image, max_side), "PNG")
    if isinstance(value, str | Path):
        name, data = str(value), Path(value).read_bytes()
    elif isinstance(value, bytes):
        name, data = "image", value
    else:
        raise ValueError(
            f"an image is a path, bytes or a uint8 array, not {type(value).__name__}"
        )
    try:
        with warnings.catch_warnings():
            # Odd metadata is no fault, a picture of 90 million pixels is one.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            return _stored(data, channels, max_side)
    except _DAMAGE as error:
        raise ValueError(f"{name} is not an image that can be read: {error}") from error


def stored_side(size: int) -> int:
    """How long the shorter side of a stored photo is for models that see `size` pixels.

    An eighth of it may be cut off, as is customary (256 for 224); and it is at least
    128, so that parts of a picture are not blown up.
    """
    return max(128, math.ceil(size * 8 / 7))


def load_file(file: Any, channels: int, max_side: int | None = None) -> bytes:
    """`load` of a file in a folder or an archive (`file_tree.File`).

    Raises:
        ValueError: It cannot be read as an image; the message names it.
        OSError: It cannot be read at all.
    """
    data = file.read()
    try:
        return load(data, channels, max_side)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def decode(
    encoded_B: tf.Tensor,
    size: tuple[int, int, int],
    view: View | None = None,
    seeds_B2: tf.Tensor | None = None,
) -> tf.Tensor:
    """Image files to pixels in [-1, 1], float32 `[B, H, W, C]`, resized if need be.

    Args:
        encoded_B: PNG or JPEG files, string `[B]`.
        size: H, W, C.
        view: Which part of each picture is seen; by default all of it, stretched.
        seeds_B2: For training only: int32 `[B, 2]`, what its random part depends on.
    """
    height, width, channels = size
    view = view or View()
    is_training = seeds_B2 is not None

    def decode_one(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        encoded, seed = inputs
        # Not the seed that shifts the picture.
        draws_5 = tf.random.stateless_uniform([5], seed + tf.constant([2, 0]))

        def box_in(shape_2: tf.Tensor) -> tf.Tensor:
            """Height and width of what is seen of a picture, as floats."""
            if is_training and view.min_area < 1:
                return _random_box(shape_2, size, view, draws_5)
            return _largest_box(shape_2, size) if view.is_cropped else shape_2

        pixels_HWC = _decode_small(encoded, size, box_in)
        is_random = is_training and view.min_area < 1
        if is_random or view.is_cropped:
            box_2 = box_in(_height_and_width(pixels_HWC))
            place_2 = draws_5[2:4] if is_random else tf.constant([0.5, 0.5])
            pixels_HWC = _cut(pixels_HWC, box_2, place_2)
        resized_HWC = _resized(pixels_HWC, height, width)
        if not (is_training and view.is_flipped):
            return resized_HWC
        return tf.cond(
            draws_5[4] < 0.5, lambda: resized_HWC[:, ::-1], lambda: resized_HWC
        )

    seeds = seeds_B2 if is_training else tf.zeros([tf.size(encoded_B), 2], tf.int32)
    spec = tf.TensorSpec([None, None, channels], tf.float32)
    pixels_BHWC = tf.map_fn(decode_one, (encoded_B, seeds), fn_output_signature=spec)
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


def _decode_small(
    encoded: tf.Tensor,
    size: tuple[int, int, int],
    box_in: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """A picture's pixels, uint8 `[H, W, C]`, no larger than is of use.

    JPEG's decoder halves a picture, once, twice or three times, at no cost; then there
    is less to resize. As often as what is seen of it stays as large as what it becomes.

    Args:
        encoded: The file.
        size: What the part that is seen becomes: H, W, C.
        box_in: Height and width of that part in a picture of given height and width.
    """
    channels = size[2]

    def halvings() -> tf.Tensor:
        shape_2 = tf.cast(tf.io.extract_jpeg_shape(encoded)[:2], tf.float32)
        room = tf.reduce_min(box_in(shape_2) / tf.constant(size[:2], tf.float32))
        # 2, 4 and 8 times as large.
        return tf.reduce_sum(
            tf.cast(room >= tf.constant(_RATIOS[1:], tf.float32), tf.int32)
        )

    def at(ratio: int) -> tf.Tensor:
        if ratio == 1:
            return tf.io.decode_image(encoded, channels, expand_animations=False)
        return tf.io.decode_jpeg(encoded, channels, ratio=ratio)

    number = tf.cond(tf.io.is_jpeg(encoded), halvings, lambda: tf.constant(0))
    pixels_HWC = tf.switch_case(
        number, [functools.partial(at, ratio) for ratio in _RATIOS]
    )
    return tf.ensure_shape(pixels_HWC, [None, None, channels])


def _height_and_width(pixels_HWC: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(pixels_HWC)[:2], tf.float32)


def _largest_box(shape_2: tf.Tensor, size: tuple[int, int, int]) -> tf.Tensor:
    """The largest box in a picture that has the proportions of `size`."""
    proportions = size[1] / size[0]
    width = tf.minimum(shape_2[1], shape_2[0] * proportions)
    return tf.stack([width / proportions, width])


def _random_box(
    shape_2: tf.Tensor, size: tuple[int, int, int], view: View, draws_5: tf.Tensor
) -> tf.Tensor:
    share = view.min_area + (1 - view.min_area) * draws_5[0]
    stretch = tf.exp((2 * draws_5[1] - 1) * math.log(_MAX_STRETCH))
    proportions = size[1] / size[0] if view.is_cropped else shape_2[1] / shape_2[0]
    area = share * shape_2[0] * shape_2[1]
    width = tf.sqrt(area * proportions * stretch)
    return tf.minimum(tf.stack([area / width, width]), shape_2)


def _cut(pixels_HWC: tf.Tensor, box_2: tf.Tensor, place_2: tf.Tensor) -> tf.Tensor:
    """A box of a picture; `place_2` in [0, 1) says where, from the top and the left."""
    shape = tf.shape(pixels_HWC)[:2]
    box = tf.clip_by_value(tf.cast(tf.round(box_2), tf.int32), 1, shape)
    room = tf.cast(shape - box + 1, tf.float32)
    start = tf.minimum(tf.cast(place_2 * room, tf.int32), shape - box)
    channels = pixels_HWC.shape[2]
    part = tf.slice(
        pixels_HWC, tf.concat([start, [0]], 0), tf.concat([box, [channels]], 0)
    )
    return tf.ensure_shape(part, [None, None, channels])


def _resized(pixels_HWC: tf.Tensor, height: int, width: int) -> tf.Tensor:
    shape = tf.shape(pixels_HWC)
    return tf.cond(
        tf.logical_and(shape[0] == height, shape[1] == width),
        lambda: tf.cast(pixels_HWC, tf.float32),
        lambda: tf.image.resize(pixels_HWC, [height, width], antialias=True),
    )


def _stored(data: bytes, channels: int, max_side: int | None) -> bytes:
    with PIL.Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        is_small = max_side is None or min(image.size) <= max_side
        is_known = image.format in _GRAPH_FORMATS and image.mode in _GRAPH_MODES
        if is_small and is_known and _is_decoded_by_graph(data, channels):
            return data
        kind = "JPEG" if image.format in _LOSSY_FORMATS else "PNG"
        if max_side is not None and not is_small:
            # JPEG's decoder halves a picture at almost no cost; twice the size wanted
            # leaves the rest to a better filter.
            width, height = _sides(image, max_side)
            image.draft(None, (2 * width, 2 * height))
        image.load()
        return _encoded(_shrunk(_plain(image, channels), max_side), kind)


def _is_decoded_by_graph(data: bytes, channels: int) -> bool:
    try:
        tf.io.decode_image(data, channels, expand_animations=False)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return False
    return True


def _plain(image: PIL.Image.Image, channels: int) -> PIL.Image.Image:
    """The picture in RGB or grey, whatever its palette, inks or depth."""
    if image.mode.startswith("I"):
        # 16 bits; converting would cut off what is over 255.
        sixteen = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = PIL.Image.fromarray((sixteen >> 8).astype(np.uint8))
    return image.convert("RGB" if channels == 3 else "L")


def _sides(image: PIL.Image.Image, max_side: int) -> tuple[int, int]:
    """Width and height with the shorter one as long as `max_side`."""
    width, height = image.size
    short = min(width, height)
    return round(width * max_side / short), round(height * max_side / short)


def _shrunk(image: PIL.Image.Image, max_side: int | None) -> PIL.Image.Image:
    if max_side is None or min(image.size) <= max_side:
        return image
    return image.resize(_sides(image, max_side), PIL.Image.Resampling.LANCZOS)


def _encoded(image: PIL.Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "JPEG":
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    else:
        # Level 1: the time to make a data set matters more than its last ten per cent.
        image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


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
