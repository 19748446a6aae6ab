"""Features: raw to stored to tensors, and what each refuses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from t2t_multimodel.data.feature import as_bytes
from t2t_multimodel.data.features import (
    Audio,
    ClassLabel,
    Feature,
    Image,
    Stored,
    Text,
    Texts,
    Tree,
)
from t2t_multimodel.data.vocabulary import EOS, PAD, Vocabulary


def _tone(num_samples: int, hertz: float = 440.0, rate: int = 16000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(num_samples) / rate)


def _pixels(height: int, width: int) -> np.ndarray:
    chance = np.random.default_rng(0)
    return chance.integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_text_ends_and_is_padded_with_zeros(vocabulary: Vocabulary) -> None:
    text = Text()
    texts = ["a", "red house to boat tree"]
    batch = text.batch([text.load(t) for t in texts], vocabulary, key="targets")
    tokens, mask = batch["targets"].numpy(), batch["targets_mask"].numpy()
    for row, row_mask, source in zip(tokens, mask, texts, strict=True):
        ids = vocabulary.encode(source)
        assert row.tolist() == [*ids, EOS] + [PAD] * (len(row) - len(ids) - 1)
        assert (
            row_mask.sum() == len(ids) + 1 == text.length(source.encode(), vocabulary)
        )
    assert tokens.shape[1] % text.multiple == 0


def test_one_of_several_texts_is_drawn_in_training_and_the_first_else(
    vocabulary: Vocabulary,
) -> None:
    texts = Texts("english")
    group = ["red house", "a boat", "tree to\ntree"]
    stored = texts.load(group)
    assert texts.raw(stored) == ["red house", "a boat", "tree to tree"]
    assert texts.length(stored, vocabulary) == 1 + max(
        len(vocabulary.encode(text)) for text in texts.raw(stored)
    )
    values = tf.constant([stored] * 64)
    seeds = tf.stack([tf.fill([64], 3), tf.range(64)], axis=1)
    first = texts.tensors("targets", values, vocabulary)["targets"].numpy()
    drawn = texts.tensors("targets", values, vocabulary, None, seeds)["targets"].numpy()
    assert {vocabulary.decode(row) for row in first} == {"red house"}
    told = [vocabulary.decode(row) for row in drawn]
    assert set(told) == set(texts.raw(stored))
    assert min(told.count(text) for text in set(told)) >= 64 // 6


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        (Texts(), "one", "texts are a list of str, not str"),
        (Texts(), [], "there is no text in the list"),
        (Texts(), ["one", ""], "the text is empty"),
        (Text(), b"bytes", "text must be str, not bytes"),
        (Text(), "", "the text is empty"),
        (Text(), "half a pair \ud800", "not valid Unicode"),
        (ClassLabel(("cat", "dog")), "cow", "no class 'cow'; classes: cat, dog"),
        (ClassLabel(("cat", "dog")), 2, "no class 2; there are 2"),
        (ClassLabel(("cat", "dog")), 0.5, "a name or a number, not float"),
        (Image(8, 8), b"no image", "is not an image that can be read"),
        (Image(8, 8), _pixels(8, 8)[..., 0], r"uint8 \[height, width, 3\]"),
        (Image(8, 8), _pixels(8, 8).astype(float), "not float64"),
        (Image(8, 8), 3, "a path, bytes or a uint8 array, not int"),
        (Audio(), b"no sound", "is not sound that can be read"),
        (Audio(), np.zeros((5, 2), np.int16), r"one channel \[samples\]"),
        (Audio(), np.array([0.0, 3.0]), r"finite and in \[-1, 1\]"),
        (Audio(), np.array([0.0, np.nan]), "finite"),
        (Audio(), np.zeros(4, np.int64), "int16 or float, not int64"),
        (Audio(), np.zeros(0, np.int16), "the sound is empty"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(
    feature: Feature, value: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        feature.load(value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for feature in (Image(8, 8), Audio()):
        with pytest.raises(FileNotFoundError, match="nothing here"):
            feature.load(tmp_path / "nothing here")


def test_pixels_come_back_exactly() -> None:
    image, pixels = Image(10, 12), _pixels(10, 12)
    tensor = image.batch([image.load(pixels)])["inputs"].numpy()
    assert tensor.dtype == np.float32
    np.testing.assert_allclose((tensor[0] + 1) * 127.5, pixels, atol=1e-4)
    assert tensor.min() >= -1 and tensor.max() <= 1


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
        *(("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
        *(("GIF", mode) for mode in ("P", "L")),
        *(("BMP", mode) for mode in ("RGB", "P")),
    ],
)
def test_image_files_of_many_kinds_are_read(
    tmp_path: Path, kind: str, mode: str
) -> None:
    path = tmp_path / "picture"
    picture = PIL.Image.fromarray(_pixels(30, 20))
    picture = picture.convert("L" if mode == "I;16" else mode).convert(mode)
    picture.save(path, kind)
    image = Image(8, 8)
    tensor = image.batch([image.load(path), image.load(path.read_bytes())])["inputs"]
    assert tensor.shape == (2, 8, 8, 3)


def test_a_png_or_jpeg_file_is_stored_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpeg"
    PIL.Image.fromarray(_pixels(30, 20)).save(path)
    assert Image(8, 8).load(str(path)) == path.read_bytes()


def test_grey_images_have_one_channel() -> None:
    image = Image(8, 8, channels=1)
    pixels = _pixels(8, 8)[..., 0]
    tensor = image.batch([image.load(pixels), image.load(pixels[..., None])])["inputs"]
    assert tensor.shape == (2, 8, 8, 1)
    np.testing.assert_allclose((tensor[0, ..., 0] + 1) * 127.5, pixels, atol=1e-4)


def test_a_shift_moves_and_mirrors_and_depends_on_its_seed_alone() -> None:
    image, pixels = Image(10, 12, max_shift=3), _pixels(10, 12)
    stored = tf.constant([image.load(pixels)] * 8)
    seeds = tf.constant([[5, place] for place in range(8)])
    shifted = image.tensors("inputs", stored, None, seeds_B2=seeds)["inputs"].numpy()
    padded = np.pad(pixels, [(3, 3), (3, 3), (0, 0)], "symmetric") / 127.5 - 1.0
    windows = np.lib.stride_tricks.sliding_window_view(padded, (10, 12), (0, 1))
    found = set()
    for one in shifted:
        near = np.abs(windows - one.transpose(2, 0, 1)).max((2, 3, 4)) < 1e-4
        assert near.any()
        found.add(tuple(np.argwhere(near)[0]))
    assert len(found) > 3
    reverse = image.tensors(
        "inputs", stored, None, seeds_B2=tf.reverse(seeds, axis=[0])
    )["inputs"].numpy()
    np.testing.assert_array_equal(reverse[::-1], shifted)


def test_a_second_of_sound_has_98_windows() -> None:
    audio = Audio(num_bins=40)
    stored = audio.load(_tone(16000))
    assert audio.length(stored) == 16000
    batch = audio.batch([stored])
    assert batch["inputs"].shape == (1, 112, 40)
    assert batch["inputs_mask"].numpy().sum() == 1 + (16000 - 400) // 160 == 98


@pytest.mark.parametrize(
    ("window", "step", "count"), [(50, 20, 48), (25, 40, 25), (10, 20, 50)]
)
def test_windows_and_steps_are_chosen(window: float, step: float, count: int) -> None:
    audio = Audio(num_bins=40, window_ms=window, step_ms=step)
    batch = audio.batch([audio.load(_tone(16000)), audio.load(_tone(10))])
    assert batch["inputs_mask"].numpy().sum(axis=1).tolist() == [count, 1]
    assert batch["inputs"].shape[1] % 16 == 0
    assert audio.extent(16000) == 1000 / step
    for padded in (16001, 32000):
        frames = audio.tensors("x", tf.constant([b"01" * 9]), None, tf.constant(padded))
        assert frames["x"].shape[1] >= audio.extent(padded)


def test_sound_is_changed_in_what_is_named_alone() -> None:
    audio = Audio(8000, num_bins=20).changed(num_bins=0, form="", window_ms=30.0)
    assert (audio.sample_rate, audio.num_bins, audio.window_ms) == (8000, 20, 30.0)
    assert audio.changed(form="waveform").modality_options() == {
        "form": "waveform",
        "num_bins": 0,
    }
    with pytest.raises(ValueError, match="num_bins -1"):
        audio.changed(num_bins=-1)
    with pytest.raises(ValueError, match=r"every 0\.1 ms are shorter than two samples"):
        audio.changed(step_ms=0.1)


def test_a_higher_tone_lies_in_a_higher_bin() -> None:
    audio = Audio(num_bins=40)
    highest = []
    for hertz in (300, 1000, 4000):
        # Half silence: the tone's bin is where there is the most contrast in time.
        sound = np.concatenate([_tone(8000, hertz), np.zeros(8000)])
        noisy = sound + 0.01 * np.random.default_rng(0).normal(size=16000)
        frames = audio.tensors("inputs", tf.constant([audio.load(noisy)]), None)
        first_half = frames["inputs"].numpy()[0, :40]
        spread = first_half.std(axis=0)
        highest.append(int(np.argmin(spread)))
    assert highest == sorted(highest) and len(set(highest)) == 3


@pytest.mark.parametrize("form", ["spectrogram", "waveform"])
def test_sound_is_normalised_over_its_own_frames_whoever_its_mates_are(
    form: str,
) -> None:
    audio = Audio(form=form, num_bins=20)
    chance = np.random.default_rng(0)
    sounds = [
        audio.load(np.clip(chance.normal(0, scale, count), -1, 1))
        for scale, count in ((0.2, 3000), (0.02, 16000), (0.1, 200))
    ]
    together = audio.batch(sounds)
    for place, sound in enumerate(sounds):
        alone = audio.batch([sound])["inputs"].numpy()[0]
        mask = together["inputs_mask"].numpy()[place]
        frames = together["inputs"].numpy()[place]
        count = len(sound) // 2
        if form == "spectrogram":
            count = max(1, 1 + (count - 400) // 160)
        assert mask.sum() == count
        np.testing.assert_allclose(frames[: len(alone)], alone, atol=1e-5)
        assert not frames[~mask].any()
        if mask.sum() > 1:
            np.testing.assert_allclose(frames[mask].mean(axis=0), 0, atol=1e-3)
            np.testing.assert_allclose(frames[mask].std(axis=0), 1, atol=1e-2)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_sound_files_are_mixed_down_and_resampled(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sound"
    stereo = np.stack([_tone(8000, 440, 8000), np.zeros(8000)], axis=1)
    soundfile.write(path, stereo, 8000, format=kind)
    audio = Audio(sample_rate=16000)
    samples = audio.raw(audio.load(path)).astype(float) / 32768
    assert len(samples) == 16000
    # One channel of two: half the amplitude.
    middle = slice(1000, -1000)
    np.testing.assert_allclose(
        samples[middle], _tone(16000)[middle] / 2, atol=0.01 if kind != "OGG" else 0.05
    )
    assert audio.load(path.read_bytes()) == audio.load(str(path))


def test_samples_are_kept_exactly() -> None:
    samples = np.array([0, 1, -32768, 32767], np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16000, format="WAV")
    audio = Audio()
    assert audio.raw(audio.load(samples)).tolist() == samples.tolist()
    np.testing.assert_allclose(
        audio.raw(audio.load(buffer.getvalue())), samples, atol=1
    )


def test_labels_go_by_name_or_number() -> None:
    label = ClassLabel(("cat", "dog"))
    stored = [label.load("dog"), label.load(0), label.load(np.int64(1))]
    assert stored == [1, 0, 1]
    tensor = label.batch(stored, key="targets")["targets"]
    assert tensor.dtype == tf.int32 and tensor.numpy().tolist() == stored
    assert ClassLabel(3).names == ("0", "1", "2")


@pytest.mark.parametrize("names", [(), ("a", "a"), "abc"])
def test_class_names_must_be_distinct(names: object) -> None:
    with pytest.raises(ValueError, match="distinct names"):
        ClassLabel(names)  # type: ignore[arg-type]


def test_features_say_what_the_modality_nets_must_know() -> None:
    assert Text().modality_options() == Tree().modality_options() == {}
    size = {"height": 8, "width": 9, "channels": 3}
    assert Image(8, 9).modality_options() == size
    form = {"form": "spectrogram", "num_bins": 80}
    assert Audio().modality_options() == form
    assert ClassLabel(5).modality_options() == {"num_classes": 5}


def test_costs_are_in_tokens() -> None:
    assert Text().cost(20) == 20
    assert Audio().cost(160 * 101) == 26
    assert Audio(step_ms=20).cost(160 * 101) == 13
    assert Audio(form="waveform").cost(160 * 101) == 26
    assert Audio(form="waveform").extent(16000) == Audio().extent(16000) == 100
    assert Image(64, 64).cost(1) == 32
    assert ClassLabel(5).cost(1) == 1


class Shouted(Text):
    """Text that is changed as it is loaded."""

    def load(self, value: Any) -> bytes:
        return super().load(value).upper()


class Halves(Text):
    """Text of which each half is measured by itself."""

    def texts(self, stored: Stored) -> tuple[str, ...]:
        return tuple(as_bytes(stored).decode().split(";"))


MANY: dict[Feature, list[Any]] = {
    Text(): ["a house", "Häuser ", " x"],
    Shouted(): ["a", "b c"],
    Texts(): [["a", "b c"], ["d"]],
    ClassLabel(("a", "b")): ["b", 0],
    Halves(): ["a b c;d", "e;f g"],
}


@pytest.mark.parametrize("feature", MANY, ids=lambda feature: type(feature).__name__)
def test_many_values_are_each_as_if_alone(
    feature: Feature, vocabulary: Vocabulary
) -> None:
    stored = list(map(feature.load, MANY[feature]))
    assert list(feature.load_all(MANY[feature])) == stored
    if isinstance(feature, Text):
        lengths = [feature.length(value, vocabulary) for value in stored]
        assert feature.lengths(stored, vocabulary) == lengths
        longest = [
            max(map(len, map(vocabulary.encode, feature.texts(s)))) for s in stored
        ]
        assert lengths == [1 + length for length in longest]


@pytest.mark.parametrize("bad", ["", 7, b"a", None, "\ud800", ["a"]])
def test_one_bad_text_among_many_is_told_as_if_alone(bad: Any) -> None:
    with pytest.raises(ValueError) as alone:
        Text().load(bad)
    with pytest.raises(ValueError) as among:
        Text().load_all(["a", bad, "b"])
    assert str(among.value) == str(alone.value)
