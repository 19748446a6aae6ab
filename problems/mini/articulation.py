"""From phones to the movements of a mouth: formants, levels and accents over time.

Segments are laid out on a clock of `CONTROL_RATE` ticks a second, and their aims are
smoothed. Every segment pulls the formants towards its aim with its own firmness, so
that neighbours blend into each other (coarticulation); levels change faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from t2t_multimodel.problems.mini.phones import BANDS, SILENCE, Segment, segments

CONTROL_RATE = 250
"""Ticks a second: one every 4 ms."""

_FORMANT_TICKS = 17  # about 64 ms: the inertia of tongue and jaw
_LEVEL_TICKS = 5  # about 16 ms: vocal folds, and lips that open
_ACCENT_TICKS = 33  # about 130 ms: pitch
_BAND_NUMBER = {name: number for number, name in enumerate(("", *BANDS))}


@dataclass(frozen=True, slots=True)
class Movements:
    """What the mouth does, tick by tick (T ticks).

    Attributes:
        formants: Resonances of an average male mouth in Hz, `[T, 3]`.
        nasal_zero: Frequency in Hz that the nose takes away, `[T]`.
        voicing: Amplitude of the vocal folds, `[T]`.
        aspiration: Amplitude of breath noise, `[T]`.
        frication: Loudness of turbulence, `[T]`.
        band: Where turbulence arises: 0 nowhere, n the nth of `BANDS`; `[T]`, integer.
        accent: Rise of the pitch, 0 to 1, `[T]`.
    """

    formants: NDArray[np.float64]
    nasal_zero: NDArray[np.float64]
    voicing: NDArray[np.float64]
    aspiration: NDArray[np.float64]
    frication: NDArray[np.float64]
    band: NDArray[np.int64]
    accent: NDArray[np.float64]


def articulate(
    words: Sequence[Sequence[str]], speed: float, rng: np.random.Generator
) -> Movements:
    """The movements that say `words`, with 50 to 100 ms of silence at both ends.

    Args:
        words: The words, each a sequence of ARPAbet phones.
        speed: 1 is normal, 2 twice as fast; silences do not shrink.
        rng: Draws pauses between words and the small unevenness of durations.

    Raises:
        ValueError: There are no words, a word has no phones, or a phone is unknown.
    """
    sequence = _sequence(words, speed, rng)
    ends = np.cumsum([s.milliseconds for s in sequence]) * (CONTROL_RATE / 1000)
    owner = np.searchsorted(ends, np.arange(int(ends[-1])) + 0.5, side="right")

    aims = np.array([_row(s) for s in sequence])[owner]
    firmness = aims[:, 0:1]
    pulls = np.concatenate([firmness, firmness * aims[:, 1:5]], axis=1)
    pulls = _smooth(pulls, _FORMANT_TICKS)
    places = pulls[:, 1:] / pulls[:, :1]
    levels = _smooth(aims[:, 5:8], _LEVEL_TICKS)
    levels[:, 2] = _smooth(aims[:, 7], 3)  # a burst is sudden
    return Movements(
        formants=places[:, :3],
        nasal_zero=places[:, 3],
        voicing=levels[:, 0],
        aspiration=levels[:, 1],
        frication=levels[:, 2],
        band=_bands(sequence)[owner],
        accent=_smooth(aims[:, 8], _ACCENT_TICKS),
    )


def _sequence(
    words: Sequence[Sequence[str]], speed: float, rng: np.random.Generator
) -> list[Segment]:
    if not words:
        raise ValueError("There is nothing to say: pass at least one word.")
    silence_before, silence_after = rng.uniform(50.0, 100.0, size=2)
    sequence = [replace(SILENCE, milliseconds=silence_before)]
    for place, word in enumerate(words):
        if not word:
            raise ValueError(f"Word {place} has no phones: pass at least one.")
        if place and rng.random() < 0.4:
            sequence.append(replace(SILENCE, milliseconds=rng.uniform(8.0, 40.0)))
        tempo = speed * (0.88 if place == len(words) - 1 else 1.0)
        for phone in word:
            pace = tempo * rng.uniform(0.88, 1.14)
            sequence += (
                replace(s, milliseconds=s.milliseconds / pace) for s in segments(phone)
            )
    sequence.append(replace(SILENCE, milliseconds=silence_after))
    return sequence


def _row(s: Segment) -> tuple[float, ...]:
    return (
        s.firmness,
        *s.formants,
        s.nasal_zero,
        s.voicing,
        s.aspiration,
        s.frication,
        s.accent,
    )


def _bands(sequence: Sequence[Segment]) -> NDArray[np.int64]:
    """Each segment's band; a segment without one borrows its neighbour's.

    Smoothing lets turbulence start a little before its segment and end a little after
    it: there too it has to sound like itself.
    """
    own = np.array([_BAND_NUMBER[s.band] for s in sequence])
    after, before = np.append(own[1:], 0), np.append(0, own[:-1])
    return np.where(own > 0, own, np.where(after > 0, after, before))


def _smooth(track: NDArray[np.float64], ticks: int) -> NDArray[np.float64]:
    kernel = np.hanning(ticks + 2)[1:-1]
    smooth: NDArray[np.float64] = ndimage.convolve1d(
        track, kernel / kernel.sum(), axis=0, mode="nearest"
    )
    return smooth
