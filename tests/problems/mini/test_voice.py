"""The voice says what it is asked to, in a way that can be told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray

from t2t_multimodel.problems.mini import articulation, phones, voice

SPELT = """
    DH-AH0 R-EH1-D S-ER1-K-AH0-L IH1-Z AH0-B-AH1-V T-UW1 G-R-IY1-N B-IH1-G
    S-K-W-EH1-R-Z
"""
SENTENCE = [word.split("-") for word in SPELT.split()]
WORDS = {
    "red": ("R", "EH1", "D"),
    "green": ("G", "R", "IY1", "N"),
    "blue": ("B", "L", "UW1"),
    "black": ("B", "L", "AE1", "K"),
    "two": ("T", "UW1"),
    "three": ("TH", "R", "IY1"),
    "four": ("F", "AO1", "R"),
    "big": ("B", "IH1", "G"),
    "dog": ("D", "AO1", "G"),
    "cat": ("K", "AE1", "T"),
    "cats": ("K", "AE1", "T", "S"),
    "circle": ("S", "ER1", "K", "AH0", "L"),
    "square": ("S", "K", "W", "EH1", "R"),
    "ball": ("B", "AO1", "L"),
}
STEADY = voice.Voice(speed=0.3, liveliness=0.0, breathiness=0.004)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def held(phone: str, who: voice.Voice = STEADY) -> NDArray[np.float64]:
    """The middle of one long phone."""
    sound = voice.synthesise([[phone]], who, rng()).astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > 0.2 * np.abs(sound).max())
    start, stop = int(loud[0]), int(loud[-1])
    return sound[start + (stop - start) // 4 : stop - (stop - start) // 4]


def resonances(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequencies in Hz of the sharp resonances, by linear prediction of order 18."""
    flat = np.diff(sound) * np.hanning(len(sound) - 1)
    lags = np.correlate(flat, flat, "full")[len(flat) - 1 :][:19]
    lags[0] *= 1 + 1e-7
    weights = scipy.linalg.solve_toeplitz(lags[:-1], lags[1:])
    roots = np.roots(np.concatenate([[1.0], -weights]))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0.93)]
    return np.sort(np.angle(roots)) * voice.SAMPLE_RATE / (2 * np.pi)


def pitch(sound: NDArray[np.float64]) -> tuple[float, float]:
    """Pitch in Hz and how periodic the sound is there, at most 1."""
    lags = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    lags = lags / lags[0]
    shortest, longest = voice.SAMPLE_RATE // 400, voice.SAMPLE_RATE // 60
    best = shortest + int(np.argmax(lags[shortest:longest]))
    return voice.SAMPLE_RATE / best, float(lags[best])


def centroid(sound: NDArray[np.float64]) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / voice.SAMPLE_RATE)
    return float(power @ hertz / power.sum())


def test_a_sentence_of_nine_words_lasts_two_to_two_and_a_half_seconds() -> None:
    said = [voice.speak(SENTENCE, rng(seed)) for seed in range(30)]
    seconds = np.array([len(sound) for sound in said]) / voice.SAMPLE_RATE
    assert seconds.min() > 1.8
    assert 2.0 < seconds.mean() < 2.6
    assert seconds.max() < 2.9
    for sound in said:
        assert sound.dtype == np.int16
        assert sound.ndim == 1
        peak = int(np.abs(sound.astype(np.int64)).max())
        assert 32767 * 10 ** (-14.1 / 20) < peak < 32767


def test_the_same_state_of_the_generator_gives_the_same_samples() -> None:
    first, again = (voice.speak(SENTENCE, rng(7)) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != voice.speak(SENTENCE, rng(8)).tobytes()


def test_silence_of_50_to_100_ms_lies_at_both_ends() -> None:
    for seed in range(10):
        sound = voice.synthesise([["AA1"]], voice.Voice(), rng(seed))
        loud = np.flatnonzero(np.abs(sound) > 0.3 * np.abs(sound).max())
        for silence in (loud[0], len(sound) - loud[-1]):
            assert 0.035 < silence / voice.SAMPLE_RATE < 0.13


def test_the_room_is_15_to_35_db_quieter_than_the_speech() -> None:
    for seed in range(10):
        sound = voice.speak(SENTENCE, rng(seed)).astype(np.float64)
        silence = sound[: int(0.03 * voice.SAMPLE_RATE)]
        ratio = np.mean(sound**2) / np.mean(silence**2)
        assert 12 < 10 * np.log10(ratio) < 39


@pytest.mark.parametrize("hertz", [90.0, 140.0, 230.0])
@pytest.mark.parametrize("phone", ["AA1", "IY1", "N", "L"])
def test_a_voiced_phone_repeats_at_the_pitch(phone: str, hertz: float) -> None:
    heard, periodicity = pitch(held(phone, replace(STEADY, pitch=hertz)))
    assert heard == pytest.approx(hertz, rel=0.04)
    assert periodicity > 0.75


@pytest.mark.parametrize("phone", ["S", "SH", "F", "TH", "HH"])
def test_a_voiceless_phone_does_not_repeat(phone: str) -> None:
    assert pitch(held(phone))[1] < 0.5


@pytest.mark.parametrize("length", [0.87, 1.0, 1.18])
@pytest.mark.parametrize("phone", ["IY", "AA", "AE", "UH"])
def test_a_vowel_has_its_formants(phone: str, length: float) -> None:
    found = resonances(held(phone, replace(STEADY, tract_length=length)))
    for aim in phones.VOWELS[phone][0].formants:
        nearest = found[np.argmin(np.abs(found - aim / length))]
        assert nearest == pytest.approx(aim / length, rel=0.07, abs=35.0)


def test_s_is_high_and_sh_is_between_it_and_a_vowel() -> None:
    assert centroid(held("S")) > 5000
    assert 2500 < centroid(held("SH")) < 4500
    assert centroid(held("AA")) < 1200


def test_a_stop_is_a_silence_and_a_burst() -> None:
    sound = voice.synthesise([["AA1", "T", "AA1"]], replace(STEADY, speed=1.0), rng())
    loudness = np.sqrt(np.mean(sound[: len(sound) // 80 * 80].reshape(-1, 80) ** 2, 1))
    middle = loudness[len(loudness) // 4 : -len(loudness) // 4]
    hush = int(np.argmin(middle))
    assert middle[hush] < 0.02 * middle.max()
    start = (len(loudness) // 4 + hush) * 80
    after = sound[start : start + 640].astype(np.float64)
    assert centroid(after) > 2000


def test_a_diphthong_moves() -> None:
    sound = held("AY1")
    start, end = sound[: len(sound) // 4], sound[-len(sound) // 4 :]

    def second(part: NDArray[np.float64]) -> float:
        found = resonances(part)
        return float(found[(found > 950) & (found < 2350)][0])

    assert second(start) < 1450
    assert second(end) > 1700


def test_stress_makes_a_vowel_longer_and_higher() -> None:
    lengths, heights = [], []
    for digit in "021":
        spoken = articulation.articulate([["B", f"AE{digit}", "D"]], 1.0, rng())
        lengths.append(len(spoken.voicing))
        heights.append(float(spoken.accent.max()))
    assert lengths[0] < lengths[1] < lengths[2]
    assert heights[:2] == [0.0, 0.0]
    assert heights[2] > 0.5


def test_formants_glide_and_consonants_bend_them() -> None:
    spoken = articulation.articulate(SENTENCE, 1.0, rng())
    assert np.abs(np.diff(spoken.formants, axis=0)).max() < 260  # Hz in 4 ms
    second = {}
    for phone in "BD":
        onset = articulation.articulate([[phone, "AA1"]], 1.0, rng())
        first_voiced = int(np.argmax(onset.voicing > 0.6))
        second[phone] = onset.formants[first_voiced, 1]
    assert second["B"] < 1090 < second["D"]  # the second formant of AA is 1090 Hz


def test_there_are_39_phones_and_each_can_be_said_alone() -> None:
    assert len(phones.PHONES) == 39
    for phone in phones.PHONES:
        sound = voice.synthesise([[phone]], voice.Voice(), rng())
        assert np.isfinite(sound).all()
        assert 0.05 < np.abs(sound).max() < 20


def test_voices_cover_the_range_of_people() -> None:
    people = [voice.Voice.sample(rng(seed)) for seed in range(300)]
    pitches = np.array([who.pitch for who in people])
    lengths = np.array([who.tract_length for who in people])
    assert 85 <= pitches.min() < 95
    assert 230 < pitches.max() <= 260
    assert 0.85 <= lengths.min() < 0.9
    assert 1.12 < lengths.max() <= 1.2
    assert np.corrcoef(pitches, lengths)[0, 1] < -0.7


@pytest.mark.parametrize(
    ("phone", "near"),
    [("EE1", "EH"), ("SS", "S"), ("iy1", "IY"), ("S1", "S"), ("", "")],
)
def test_an_unknown_phone_is_refused_by_name(phone: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"no phone '{phone}'.*{near}"):
        voice.speak([["R", phone]], rng())


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to say"):
        voice.speak([], rng())
    with pytest.raises(ValueError, match="Word 1 has no phones"):
        voice.speak([["R"], []], rng())


def portrait(sound: NDArray[np.int16]) -> NDArray[np.float64]:
    """A word as 16 moments of 20 log-mel bands' cepstra, loudness and room removed."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 400)
    power = np.abs(np.fft.rfft(frames[::100] * np.hanning(400), 512)) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + 7600 / 700), 22)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.fft.rfftfreq(512, 1 / voice.SAMPLE_RATE)
    bank = np.array([np.interp(hertz, edges[n : n + 3], [0, 1, 0]) for n in range(20)])
    bands = power @ bank.T
    loud = np.flatnonzero(bands.sum(1) > 0.01 * bands.sum(1).max())
    bands = np.log(bands[loud[0] : loud[-1] + 1] + 1e-3 * bands.max())
    places = np.linspace(0, len(bands) - 1, 16)
    moments = np.array([np.interp(places, range(len(bands)), b) for b in bands.T]).T
    cepstra = scipy.fft.dct(moments, norm="ortho")[:, :12]
    cepstra[:, 0] -= cepstra[:, 0].mean()
    return cepstra.reshape(-1)


def test_words_are_told_apart_across_voices() -> None:
    names = list(WORDS)

    def heard(name: str, seed: int) -> NDArray[np.float64]:
        return portrait(voice.speak([WORDS[name]], rng(seed)))

    means = np.array(
        [
            np.mean([heard(n, 100 * w + s) for s in range(24)], 0)
            for w, n in enumerate(names)
        ]
    )
    right = 0
    for place, name in enumerate(names):
        for seed in range(12):
            distances = ((means - heard(name, 10_000 + 100 * place + seed)) ** 2).sum(1)
            right += int(np.argmin(distances)) == place
    assert right / (12 * len(names)) > 0.9
