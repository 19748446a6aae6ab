"""A voice for the miniature world: phones in, a 16 kHz waveform out.

A source-filter synthesiser. The source is the pulse train of the vocal folds plus
noise; the filter is the mouth, a cascade of resonances that moves with `articulation`.
Filtering happens frame by frame in the frequency domain and overlaps and adds up, so a
sentence costs a handful of array operations.

Shapes: N samples, T ticks of the articulation, F frames, B frequency bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from t2t_multimodel.problems.mini.articulation import (
    CONTROL_RATE,
    Movements,
    articulate,
)
from t2t_multimodel.problems.mini.phones import BANDS, NASAL_POLE

SAMPLE_RATE = 16000
"""Samples a second."""

_TICK = SAMPLE_RATE // CONTROL_RATE  # samples
_HOP = 2 * _TICK
_WINDOW = 2 * _HOP
_FFT = 4 * _HOP  # leaves room for a resonance to die away behind its window
_HZ = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
_HANN = signal.get_window("hann", _WINDOW).astype(np.float32)  # neighbours add up to 1
_PERIOD = 2048  # points of one tabulated period of the vocal folds

_BANDWIDTHS = (70.0, 95.0, 150.0)  # Hz, of the three formants that move
# (Hz, bandwidth) of those that do not: they give the lower ones their right heights.
_UPPER_FORMANTS = (
    (3500.0, 240.0),
    (4500.0, 330.0),
    (5500.0, 420.0),
    (6500.0, 520.0),
    (7500.0, 620.0),
)
_NASAL_BANDWIDTH = 110.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks.

    Attributes:
        pitch: Mean frequency of the vocal folds in Hz.
        tract_length: Length of the vocal tract, 1 for an average man's; formants are
            inversely proportional to it.
        speed: 1 is brisk normal speech, 2 twice as fast.
        breathiness: Amplitude of breath noise beside the voice, 0 to about 0.06.
        open_quotient: Share of a period in which the vocal folds are open; a larger
            one sounds softer.
        liveliness: How far the pitch moves: 1 is normal, 0 monotone.
    """

    pitch: float = 120.0
    tract_length: float = 1.0
    speed: float = 1.0
    breathiness: float = 0.015
    open_quotient: float = 0.6
    liveliness: float = 1.0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Voice:
        """A random speaker: deep voices tend to come from long vocal tracts."""
        height = rng.random()
        length = 1.17 - 0.29 * height + rng.uniform(-0.06, 0.06)
        return cls(
            pitch=float(85.0 * (260.0 / 85.0) ** height),
            tract_length=float(np.clip(length, 0.85, 1.2)),
            speed=float(rng.uniform(0.9, 1.12)),
            breathiness=float(rng.uniform(0.004, 0.04)),
            open_quotient=float(rng.uniform(0.5, 0.75)),
            liveliness=float(rng.uniform(0.4, 1.5)),
        )


def speak(
    words: Sequence[Sequence[str]], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Says a sentence in a random voice, in a slightly noisy room.

    The same words and the same state of `rng` give the same samples.

    Args:
        words: The words, each a sequence of ARPAbet phones, such as
            `("R", "EH1", "D")`; stress digits are optional.
        rng: Draws the voice, its unevenness, the room's noise (15 to 35 dB below the
            speech) and the gain.

    Returns:
        Samples at 16 kHz, int16 `[N]`.

    Raises:
        ValueError: There are no words, a word has no phones, or a phone is unknown.
    """
    speech = synthesise(words, Voice.sample(rng), rng)
    noise = _room(len(speech), rng)
    snr = rng.uniform(15.0, 35.0)
    speech += noise * (np.sqrt(np.mean(speech**2)) * 10 ** (-snr / 20))
    peak = 32767 * 10 ** (rng.uniform(-14.0, -1.0) / 20)
    return np.rint(speech * (peak / np.abs(speech).max())).astype(np.int16)


def synthesise(
    words: Sequence[Sequence[str]], voice: Voice, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Says a sentence in a given voice, without noise.

    Args:
        words: As for `speak`.
        voice: Who speaks.
        rng: Draws unevenness: of durations, of the pitch, and the breath.

    Returns:
        Samples at 16 kHz, float32 `[N]`; the root mean square of a vowel is about 2.

    Raises:
        ValueError: There are no words, a word has no phones, or a phone is unknown.
    """
    movements = articulate(words, voice.speed, rng)
    folds = _folds(movements, voice, rng)
    breath = rng.standard_normal(len(folds), dtype=np.float32)
    voicing, aspiration, frication = (
        _per_sample(level)
        for level in (
            movements.voicing,
            movements.aspiration + voice.breathiness * movements.voicing,
            movements.frication,
        )
    )
    through_mouth = _spectra(folds * voicing + breath * aspiration)
    through_mouth *= _mouth(movements, voice)
    at_the_lips = _spectra(breath * frication)
    at_the_lips *= _turbulence(voice)[movements.band[::2]]
    return _overlap_add(through_mouth + at_the_lips)[: len(folds)]


def _folds(
    movements: Movements, voice: Voice, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The vocal folds' pulses at full amplitude, `[N]`, unit root mean square."""
    ticks = len(movements.accent)
    melody = 0.12 - 0.24 * np.linspace(0.0, 1.0, ticks) ** 0.8  # declination
    melody += 0.12 * movements.accent + _wobble(ticks, rng)
    jitter = 0.008 * rng.standard_normal(ticks)
    hertz = voice.pitch * np.exp(voice.liveliness * melody + jitter)
    shimmer = 1 + 0.04 * rng.standard_normal(ticks)
    periods = np.cumsum(_per_sample(hertz), dtype=np.float64) / SAMPLE_RATE
    place = (periods * _PERIOD).astype(np.int64) & (_PERIOD - 1)
    pulse = _pulse(voice.open_quotient, int(0.95 * SAMPLE_RATE / 2 / hertz.max()))
    return pulse[place] * _per_sample(shimmer)


def _wobble(ticks: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A slow random drift of the pitch, `[T]`: a new aim every 200 ms."""
    every = CONTROL_RATE // 5
    aims = 0.03 * rng.standard_normal(ticks // every + 2)
    return np.interp(np.arange(ticks) / every, np.arange(len(aims)), aims)


def _pulse(open_quotient: float, num_harmonics: int) -> NDArray[np.float32]:
    """One period of the sound of the vocal folds, `[_PERIOD]`.

    The air flow rises as a half cosine over the first two thirds of the open phase and
    falls as a quarter cosine (Rosenberg 1971, pulse C); the mouth radiates its
    derivative. Only harmonics that a sampled signal can hold are kept.
    """
    place = np.arange(_PERIOD) / _PERIOD
    rise, fall = open_quotient * 2 / 3, open_quotient / 3
    flow = np.where(
        place < rise,
        0.5 - 0.5 * np.cos(np.pi * place / rise),
        np.cos(np.pi / 2 * np.clip((place - rise) / fall, 0.0, 1.0)),
    )
    spectrum = fft.rfft(flow) * np.arange(_PERIOD // 2 + 1) * 1j
    spectrum[num_harmonics + 1 :] = 0
    pulse: NDArray[np.float64] = fft.irfft(spectrum)
    return (pulse / np.sqrt(np.mean(pulse**2))).astype(np.float32)


def _mouth(movements: Movements, voice: Voice) -> NDArray[np.complex64]:
    """The filter of the mouth and nose for each frame, `[F, B]`.

    A cascade of eight formants and the nose's pole and zero, each of gain 1 at 0 Hz: a
    polynomial in 1/z above and one below, evaluated on the unit circle by one FFT each.
    """
    formants = movements.formants[::2] / voice.tract_length
    poles = np.ones((len(formants), 1))
    for number, bandwidth in enumerate(_BANDWIDTHS):
        poles = _times_resonance(poles, formants[:, number], bandwidth)
    for hertz, bandwidth in _UPPER_FORMANTS:
        inside = min(hertz / voice.tract_length, 0.49 * SAMPLE_RATE)
        poles = _times_resonance(poles, inside, bandwidth)
    poles = _times_resonance(poles, NASAL_POLE, _NASAL_BANDWIDTH)
    zeros = np.ones((len(formants), 1))
    zeros = _times_resonance(zeros, movements.nasal_zero[::2], _NASAL_BANDWIDTH)
    response = fft.rfft(zeros, _FFT) / fft.rfft(poles, _FFT)
    return response.astype(np.complex64)


def _times_resonance(
    polynomial: NDArray[np.float64],
    hertz: NDArray[np.float64] | float,
    bandwidth: float,
) -> NDArray[np.float64]:
    """`polynomial [F, n]` in 1/z times one conjugate pair of roots: `[F, n + 2]`.

    The pair's factor is scaled to be 1 at 0 Hz.
    """
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    first = -2 * radius * np.cos(2 * np.pi * np.asarray(hertz) / SAMPLE_RATE)
    second = radius**2
    scale = 1 / (1 + first + second)
    product = np.pad(polynomial, ((0, 0), (0, 2)))
    product[:, 1:-1] += polynomial * first[..., None]
    product[:, 2:] += polynomial * second
    return product * scale[..., None]


def _turbulence(voice: Voice) -> NDArray[np.float32]:
    """Spectra of unit loudness, one a band of `BANDS` after a first, silent one."""
    spectra = [np.zeros_like(_HZ)]
    for peaks in BANDS.values():
        stretched = _HZ * voice.tract_length**0.5  # a narrow channel shrinks less
        spectrum = sum(
            height * np.exp(-0.5 * ((stretched - centre) / width) ** 2)
            for centre, width, height in peaks
        )
        spectra.append(spectrum / np.sqrt(np.mean(spectrum**2)))
    return np.array(spectra, dtype=np.float32)


def _per_sample(track: NDArray[np.float64]) -> NDArray[np.float32]:
    """Straight lines between the ticks: `[T]` to `[T * _TICK]`."""
    slope = np.diff(track, append=track[-1])
    ramp = np.arange(_TICK) / _TICK
    lines = track[:, None] + slope[:, None] * ramp
    return lines.astype(np.float32).reshape(-1)


def _spectra(source: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectra of overlapping windows, `[F, B]`: the first is centred on sample 0."""
    num_frames = -(-len(source) // _HOP)
    after = (num_frames + 1) * _HOP - len(source)
    padded = np.pad(source, (_HOP, after))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectra: NDArray[np.complex64] = fft.rfft(windows[:num_frames] * _HANN, _FFT)
    return spectra


def _overlap_add(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """The signal whose filtered windows have the given spectra: undoes `_spectra`."""
    pieces = fft.irfft(spectra, _FFT).reshape(len(spectra), -1, _HOP)
    total = np.zeros((len(spectra) + pieces.shape[1], _HOP), dtype=np.float32)
    for place in range(pieces.shape[1]):
        total[place : place + len(spectra)] += pieces[:, place]
    return total[1:].reshape(-1)


def _room(samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Background noise `[samples]` of unit loudness; its colour differs by room."""
    white = rng.standard_normal(samples, dtype=np.float32)
    warmth = np.float32(rng.uniform(0.3, 0.97))
    noise = signal.lfilter(
        np.ones(1, np.float32), np.array([1, -warmth], np.float32), white
    )
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
