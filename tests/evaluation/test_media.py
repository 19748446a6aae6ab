"""Pictures, sound and trees in a page: they come back as they went in."""

from __future__ import annotations

import base64
import io
import re
import wave
import xml.etree.ElementTree as xml

import numpy as np
import PIL.Image

from t2t_multimodel.evaluation.media import (
    MAX_PIXELS,
    audio_tag,
    image_tag,
    spectrogram,
    tree_tag,
)

LINEAR = "S NP DT NN /NP VP VBZ /VP . /S"
WORDS = ["the", "<fish>", "swims", "."]


def content(tag: str, kind: str) -> bytes:
    (found,) = re.findall(rf'src="data:{kind};base64,([^"]*)"', tag)
    return base64.b64decode(found)


def test_a_small_picture_keeps_every_pixel() -> None:
    pixels_HWC = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    tag = image_tag(pixels_HWC)
    shown = PIL.Image.open(io.BytesIO(content(tag, "image/png")))
    np.testing.assert_array_equal(np.asarray(shown), pixels_HWC)
    assert 'class="small"' in tag and "7 by 5 pixels" in tag


def test_a_large_photo_is_made_smaller_in_its_proportions() -> None:
    sink = io.BytesIO()
    PIL.Image.new("RGB", (MAX_PIXELS * 4, MAX_PIXELS * 2)).save(sink, "PNG")
    shown = PIL.Image.open(
        io.BytesIO(content(image_tag(sink.getvalue()), "image/jpeg"))
    )
    assert shown.size == (MAX_PIXELS, MAX_PIXELS // 2)


def test_sound_can_be_played_sample_for_sample() -> None:
    samples_T = np.random.default_rng(0).integers(-9999, 9999, 4000).astype(np.int16)
    tag = audio_tag(samples_T, 8000)
    with wave.open(io.BytesIO(content(tag, "audio/wav"))) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        heard_T = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_array_equal(heard_T, samples_T)
    assert "0.5 seconds" in tag


def test_long_sound_is_cut_and_the_page_says_so() -> None:
    tag = audio_tag(np.zeros(31 * 100, np.int16), 100)
    with wave.open(io.BytesIO(content(tag, "audio/wav"))) as file:
        assert file.getnframes() == 30 * 100
    assert "31.0 seconds, the first 30 of them here" in tag


def test_a_tone_is_dark_at_its_frequency_and_nowhere_else() -> None:
    time_T = np.arange(8000) / 8000
    tone_T = (20000 * np.sin(2 * np.pi * 1000 * time_T)).astype(np.int16)
    grey_FT = spectrogram(tone_T, 8000)
    # 101 rows from 4 kHz at the top to 0: 1 kHz is a quarter up from the bottom.
    assert grey_FT.shape == (101, 98)
    assert int(np.argmin(grey_FT.mean(axis=1))) == 100 - 25
    assert grey_FT[:40].mean() > 200


def test_silence_and_a_blink_of_sound_are_drawn() -> None:
    assert spectrogram(np.zeros(800, np.int16), 8000).min() == 255
    assert spectrogram(np.zeros(3, np.int16), 8000).shape == (101, 1)


def test_a_tree_is_drawn_with_its_words_below_their_tags() -> None:
    drawn = xml.fromstring(re.search("<svg.*</svg>", tree_tag(LINEAR, WORDS)).group())  # type: ignore[union-attr]
    texts = list(drawn.iter("text"))
    assert [text.text for text in texts] == (
        ["S", "NP", "DT", "the", "NN", "<fish>", "VP", "VBZ", "swims", ".", "."]
    )
    by_name = {text.text: text for text in texts}
    place = {name: float(text.attrib["x"]) for name, text in by_name.items()}
    assert place["the"] == place["DT"] < place["NP"] < place["NN"] < place["VBZ"]
    assert place["DT"] > 0 and place["."] < float(drawn.attrib["width"])
    level = {name: float(text.attrib["y"]) for name, text in by_name.items()}
    assert level["S"] < level["NP"] == level["VP"] < level["NN"] < level["<fish>"]
    # A line from every node but the root to the one above it.
    assert len(list(drawn.iter("line"))) == len(texts) - 1


def test_what_is_no_tree_is_quoted_and_escaped() -> None:
    assert "no tree:</span> <code>S &lt;b&gt;</code>" in tree_tag("S <b>", WORDS)
    assert "(nothing)" in tree_tag("", WORDS)


def test_a_tree_of_another_sentence_is_drawn_without_words() -> None:
    tag = tree_tag(LINEAR, ["fish"])
    assert "not as many tags as words" in tag and "<svg" in tag and "fish" not in tag
