"""Pictures: how they are stored, which part of them is seen, and damaged ones."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_multimodel.data import images
from t2t_multimodel.data.features import Image

KINDS = (
    *(("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    *(("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
    *(("GIF", "P"), ("BMP", "RGB"), ("WEBP", "RGB"), ("TIFF", "RGB"), ("PPM", "RGB")),
)


def _photo(height: int, width: int) -> np.ndarray:
    """Smooth, as photos are: JPEG then keeps it nearly as it is."""
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    channels = (255 * rows, 255 * columns, 255 * (1 - rows))
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _file(pixels: np.ndarray, kind: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    picture = PIL.Image.fromarray(pixels)
    if mode == "I;16":
        grey = np.asarray(picture.convert("L")).astype(np.uint16)
        picture = PIL.Image.fromarray(grey * 257)
    else:
        picture = picture.convert(mode)
    picture.save(buffer, kind)
    return buffer.getvalue()


def _seen(image: Image, *stored: bytes, seed: int | None = None) -> np.ndarray:
    """Pixels as the corpus has them, 0 to 255."""
    values = tf.constant(stored)
    seeds = None
    if seed is not None:
        seeds = tf.stack([tf.fill([len(stored)], seed), tf.range(len(stored))], 1)
    pixels = image.tensors("inputs", values, None, seeds_B2=seeds)["inputs"].numpy()
    return (pixels + 1) * 127.5


@pytest.mark.parametrize(("kind", "mode"), KINDS)
def test_a_picture_of_any_kind_is_stored_small_and_looks_the_same(
    kind: str, mode: str
) -> None:
    pixels = _photo(90, 120)
    for max_side in (None, 45):
        image = Image(30, 40, max_stored_side=max_side)
        stored = image.load(_file(pixels, kind, mode))
        with PIL.Image.open(io.BytesIO(stored)) as opened:
            assert opened.size == ((120, 90) if max_side is None else (60, 45))
        assert image.load(stored) == stored
        seen = _seen(image, stored)[0]
        if mode in ("RGB", "RGBA", "CMYK"):
            expected = _seen(image, _file(pixels))[0]
        elif mode in ("P", "1"):
            continue  # few colours left; the size is all to check
        else:
            expected = _seen(image, _file(pixels, "PNG", "L"))[0]
        assert np.abs(seen - expected).mean() < 4


def test_a_file_that_is_small_enough_is_kept_as_it_is() -> None:
    data = _file(_photo(50, 80), "JPEG")
    assert Image(8, 8, max_stored_side=50).load(data) == data
    assert len(Image(8, 8, max_stored_side=20).load(data)) < len(data)


def test_what_a_file_is_called_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "n02105855_2933.JPEG"  # one of ImageNet's that is a PNG
    path.write_bytes(_file(_photo(20, 20), "PNG"))
    assert Image(20, 20).load(path) == path.read_bytes()
    np.testing.assert_allclose(
        _seen(Image(20, 20), path.read_bytes())[0], _photo(20, 20), atol=1e-3
    )


def test_formats_that_run_other_programs_are_not_opened() -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    with pytest.raises(ValueError, match="is not an image that can be read"):
        Image(8, 8).load(script)


def test_a_picture_of_too_many_pixels_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    for side in (11, 30):
        with pytest.raises(ValueError, match="decompression bomb"):
            Image(8, 8).load(_file(_photo(side, side)))


def test_a_truncated_picture_is_refused() -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        data = _file(_photo(64, 64), kind, "P" if kind == "GIF" else "RGB")
        with pytest.raises(ValueError, match="image is not an image that can be read"):
            Image(8, 8).load(data[: len(data) // 2])


def test_a_crop_is_the_middle_in_the_right_proportions() -> None:
    pixels = _photo(40, 100)
    stored = _file(pixels)
    square = _seen(Image(40, 40, crop=True), stored)[0]
    np.testing.assert_allclose(square, pixels[:, 30:70], atol=1e-3)
    wide = _seen(Image(20, 100, crop=True), stored)[0]
    np.testing.assert_allclose(wide, pixels[10:30], atol=1e-3)


def test_without_a_crop_all_of_a_picture_is_seen() -> None:
    seen = _seen(Image(40, 40), _file(_photo(40, 100)))[0]
    assert seen[0, 0, 1] < 3 and seen[0, -1, 1] > 252


def test_in_training_parts_are_seen_that_are_large_enough() -> None:
    stored = [_file(_photo(60, 80))] * 64
    image = Image(32, 32, crop=True, min_area=0.25)
    # Its colours tell where in the picture a pixel comes from.
    seen = _seen(image, *stored, seed=3)
    heights = (seen[:, -1, :, 0] - seen[:, 0, :, 0]).mean(1) / 255 * 60
    widths = (seen[:, :, -1, 1] - seen[:, :, 0, 1]).mean(1) / 255 * 80
    assert widths.min() > 0 and heights.min() > 0  # none is mirrored
    stretches = widths / heights
    assert 0.7 < stretches.min() < 0.85 and 1.18 < stretches.max() < 1.45
    areas = heights * widths / (60 * 80)
    assert areas.min() > 0.2 and areas.max() > 0.6
    lefts = seen[:, :, 0, 1].mean(1)
    assert lefts.min() < 10 and lefts.max() > 100
    whole = _seen(Image(32, 32, crop=True), stored[0])
    np.testing.assert_array_equal(_seen(image, stored[0]), whole)


@pytest.mark.parametrize(
    ("sides", "kind", "decoded"),
    [
        ((127, 200), "JPEG", (127, 200)),
        ((128, 128), "JPEG", (64, 64)),
        ((255, 300), "JPEG", (128, 150)),
        ((256, 300), "JPEG", (64, 75)),
        ((1100, 1200), "JPEG", (138, 150)),
        ((256, 300), "PNG", (256, 300)),
    ],
)
def test_a_jpeg_is_decoded_as_small_as_it_can_be(
    sides: tuple[int, int], kind: str, decoded: tuple[int, int]
) -> None:
    stored = tf.constant(_file(_photo(*sides), kind))
    pixels = images._decode_small(stored, (64, 64, 3), lambda shape: shape)
    assert pixels.shape[:2] == decoded


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    "options", [{}, {"crop": True}, {"crop": True, "min_area": 0.25}]
)
def test_what_is_seen_of_a_small_decoded_jpeg_is_what_is_seen_of_all_its_pixels(
    options: dict[str, Any], seed: int | None
) -> None:
    image = Image(24, 24, **options)
    for scale in (2, 5, 9):
        jpeg = _file(_photo(24 * scale, 32 * scale), "JPEG")
        pixels = np.asarray(PIL.Image.open(io.BytesIO(jpeg)))
        seen, expected = (
            _seen(image, jpeg, seed=seed),
            _seen(image, _file(pixels), seed=seed),
        )
        # A pixel of a smooth picture is a tenth of the way to its neighbour off.
        assert np.abs(seen - expected).max() < 8


def test_half_of_the_pictures_are_mirrored_in_training_only() -> None:
    stored = [_file(_photo(16, 16))] * 64
    image = Image(16, 16, flip=True)
    plain = _seen(image, stored[0])[0]
    np.testing.assert_allclose(plain, _photo(16, 16), atol=1e-3)
    mirrored = 0
    for one in _seen(image, *stored, seed=5):
        is_mirrored = bool(one[0, 0, 1] > one[0, -1, 1])
        mirrored += is_mirrored
        np.testing.assert_array_equal(one, plain[:, ::-1] if is_mirrored else plain)
    assert 20 < mirrored < 44


def test_what_is_seen_depends_on_the_seed_alone() -> None:
    stored = [_file(_photo(40, 50))] * 6
    image = Image(16, 16, crop=True, min_area=0.3, flip=True, max_shift=2)
    first = _seen(image, *stored, seed=5)
    np.testing.assert_array_equal(first, _seen(image, *stored, seed=5))
    np.testing.assert_array_equal(first[:2], _seen(image, *stored[:2], seed=5))
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(first))
    assert not np.array_equal(first, _seen(image, *stored, seed=6))


@pytest.mark.parametrize(
    "options", [{"min_area": 0.0}, {"min_area": 1.5}, {"max_stored_side": 0}]
)
def test_impossible_views_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Image(8, 8, **options)


SAMPLES = tuple(_file(_photo(12, 16), kind, mode) for kind, mode in KINDS)


@given(data=st.data(), max_side=st.sampled_from([None, 5]))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_no_bytes_raise_anything_but_a_value_error(
    data: st.DataObject, max_side: int | None
) -> None:
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=8)):
        raw[place] = data.draw(st.integers(0, 255))
    whole = bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
    try:
        stored = images.load(whole, 3, max_side)
    except ValueError as error:
        assert "image is not an image that can be read" in str(error)
    else:
        # What was stored can be read whenever it is trained on.
        assert images.decode(tf.constant([stored]), (8, 8, 3)).shape == (1, 8, 8, 3)
