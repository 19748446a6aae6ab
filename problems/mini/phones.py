"""Acoustic targets of the 39 ARPAbet phones: what the mouth aims at, and how long.

A phone is one or more *segments*: a stop is a closure, a burst and a breath of air; a
diphthong is two places in the mouth. Formant frequencies are those of an average adult
male voice, rounded from the textbook averages of American English; `voice` scales them
to other vocal tracts. Levels are amplitudes: voicing of a stressed vowel is 1, and
frication is the root mean square of the noise that leaves the mouth.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

NASAL_POLE = 270.0
"""Resonance of the nose in Hz; a nasal zero at this frequency cancels it."""

BANDS: Mapping[str, tuple[tuple[float, float, float], ...]] = MappingProxyType(
    {
        "lips": ((900.0, 700.0, 1.0), (3500.0, 3000.0, 0.15)),
        "lip_teeth": ((3800.0, 2600.0, 1.0),),
        "teeth": ((6800.0, 1500.0, 1.0), (1600.0, 700.0, 0.3)),
        "ridge": ((6200.0, 1100.0, 1.0),),
        "ridge_burst": ((4200.0, 1300.0, 1.0),),
        "palate": ((2900.0, 600.0, 1.0), (4600.0, 1000.0, 0.5)),
        "velum": ((1900.0, 450.0, 1.0), (4500.0, 1500.0, 0.12)),
    }
)
"""Where turbulence arises -> its spectrum, as peaks of (Hz, width in Hz, height)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech with one aim.

    Attributes:
        milliseconds: How long it lasts at normal speed.
        formants: The first three resonances of the mouth, in Hz.
        firmness: How strongly the aim holds against its neighbours' aims.
        voicing: Amplitude of the vocal folds.
        aspiration: Amplitude of breath noise, which the whole mouth filters.
        frication: Loudness of the turbulence made at `band`.
        band: A key of `BANDS`, or "" where there is no turbulence.
        nasal_zero: Frequency in Hz that the nose takes away.
        accent: How much the pitch rises, 1 on a stressed vowel.
    """

    milliseconds: float
    formants: tuple[float, float, float]
    firmness: float = 1.0
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    band: str = ""
    nasal_zero: float = NASAL_POLE
    accent: float = 0.0


SCHWA = (500.0, 1450.0, 2450.0)
SILENCE = Segment(0.0, SCHWA, firmness=0.03)

_LABIAL = (260.0, 850.0, 2250.0)
_DENTAL = (280.0, 1350.0, 2600.0)
_ALVEOLAR = (270.0, 1750.0, 2700.0)
_PALATAL = (270.0, 2000.0, 2500.0)
_VELAR = (270.0, 1800.0, 2150.0)


def _vowel(
    milliseconds: float, *aims: tuple[float, float, float]
) -> tuple[Segment, ...]:
    share = milliseconds / len(aims)
    return tuple(Segment(share, aim, voicing=1.0) for aim in aims)


def _stop(
    place: tuple[float, float, float], band: str, *, voiced: bool, firmness: float = 1.0
) -> tuple[Segment, ...]:
    held = Segment(34.0, place, firmness, voicing=0.12 if voiced else 0.0)
    burst = Segment(10.0, place, firmness, frication=0.7, band=band)
    if voiced:
        return (held, burst)
    breath = Segment(24.0, place, 0.15, aspiration=0.12)
    return (replace(held, milliseconds=44.0), replace(burst, frication=1.0), breath)


def _affricate(*, voiced: bool) -> tuple[Segment, ...]:
    held = Segment(30.0, _PALATAL, voicing=0.12 if voiced else 0.0)
    length, level, voicing = (36.0, 0.5, 0.25) if voiced else (54.0, 0.8, 0.0)
    hiss = Segment(length, _PALATAL, voicing=voicing, frication=level, band="palate")
    return (held, hiss)


def _fricative(
    milliseconds: float,
    place: tuple[float, float, float],
    band: str,
    frication: float,
    voicing: float = 0.0,
) -> tuple[Segment, ...]:
    return (
        Segment(milliseconds, place, voicing=voicing, frication=frication, band=band),
    )


def _nasal(place: tuple[float, float, float], zero: float) -> tuple[Segment, ...]:
    return (Segment(56.0, place, voicing=0.3, nasal_zero=zero),)


def _approximant(place: tuple[float, float, float]) -> tuple[Segment, ...]:
    return (Segment(52.0, place, firmness=1.3, voicing=0.7),)


VOWELS: Mapping[str, tuple[Segment, ...]] = MappingProxyType(
    {
        "AA": _vowel(96.0, (730.0, 1090.0, 2440.0)),
        "AE": _vowel(96.0, (680.0, 1720.0, 2410.0)),
        "AH": _vowel(78.0, (640.0, 1200.0, 2390.0)),
        "AO": _vowel(98.0, (570.0, 840.0, 2410.0)),
        "AW": _vowel(116.0, (740.0, 1280.0, 2450.0), (420.0, 880.0, 2300.0)),
        "AY": _vowel(116.0, (720.0, 1150.0, 2450.0), (370.0, 2080.0, 2600.0)),
        "EH": _vowel(82.0, (530.0, 1840.0, 2480.0)),
        "ER": _vowel(94.0, (480.0, 1300.0, 1650.0)),
        "EY": _vowel(104.0, (490.0, 1900.0, 2550.0), (320.0, 2220.0, 2750.0)),
        "IH": _vowel(70.0, (390.0, 1990.0, 2550.0)),
        "IY": _vowel(88.0, (270.0, 2290.0, 3010.0)),
        "OW": _vowel(104.0, (530.0, 1000.0, 2350.0), (370.0, 800.0, 2300.0)),
        "OY": _vowel(120.0, (550.0, 850.0, 2400.0), (380.0, 2000.0, 2550.0)),
        "UH": _vowel(72.0, (440.0, 1020.0, 2240.0)),
        "UW": _vowel(90.0, (300.0, 870.0, 2240.0)),
    }
)
"""Vowels and diphthongs as they sound under secondary stress."""

CONSONANTS: Mapping[str, tuple[Segment, ...]] = MappingProxyType(
    {
        "B": _stop(_LABIAL, "lips", voiced=True),
        "CH": _affricate(voiced=False),
        "D": _stop(_ALVEOLAR, "ridge_burst", voiced=True),
        "DH": _fricative(44.0, _DENTAL, "teeth", 0.14, voicing=0.35),
        "F": _fricative(74.0, _LABIAL, "lip_teeth", 0.28),
        "G": _stop(_VELAR, "velum", voiced=True, firmness=0.5),
        "HH": (Segment(52.0, SCHWA, firmness=0.03, aspiration=0.13),),
        "JH": _affricate(voiced=True),
        "K": _stop(_VELAR, "velum", voiced=False, firmness=0.5),
        "L": _approximant((350.0, 1100.0, 2850.0)),
        "M": _nasal((260.0, 1000.0, 2200.0), 800.0),
        "N": _nasal((260.0, 1700.0, 2650.0), 1400.0),
        "NG": _nasal((270.0, 2050.0, 2300.0), 2600.0),
        "P": _stop(_LABIAL, "lips", voiced=False),
        "R": _approximant((320.0, 1100.0, 1450.0)),
        "S": _fricative(78.0, _ALVEOLAR, "ridge", 0.7),
        "SH": _fricative(80.0, _PALATAL, "palate", 0.8),
        "T": _stop(_ALVEOLAR, "ridge_burst", voiced=False),
        "TH": _fricative(72.0, _DENTAL, "teeth", 0.22),
        "V": _fricative(48.0, _LABIAL, "lip_teeth", 0.16, voicing=0.4),
        "W": _approximant((290.0, 620.0, 2150.0)),
        "Y": _approximant((260.0, 2230.0, 3000.0)),
        "Z": _fricative(62.0, _ALVEOLAR, "ridge", 0.45, voicing=0.3),
        "ZH": _fricative(62.0, _PALATAL, "palate", 0.5, voicing=0.3),
    }
)

PHONES: tuple[str, ...] = tuple(sorted((*VOWELS, *CONSONANTS)))
"""Names of the 39 phones, without stress digits."""


@functools.cache
def segments(phone: str) -> tuple[Segment, ...]:
    """The segments of a phone.

    Args:
        phone: A name of `PHONES`; a vowel may carry a stress digit: 1 makes it longer
            and higher, 0 shorter, softer and closer to schwa, 2 (or none) leaves it.

    Raises:
        ValueError: There is no such phone; the message names near ones.
    """
    if phone in CONSONANTS:
        return CONSONANTS[phone]
    name, stress = (phone[:-1], phone[-1:]) if phone[-1:] in "012" else (phone, "2")
    if name not in VOWELS:
        raise ValueError(_unknown(phone))
    if stress == "1":
        return tuple(
            replace(s, milliseconds=1.2 * s.milliseconds, accent=1.0)
            for s in VOWELS[name]
        )
    if stress == "0":
        return tuple(_reduced(s) for s in VOWELS[name])
    return VOWELS[name]


def _reduced(segment: Segment) -> Segment:
    first, second, third = (
        0.7 * aim + 0.3 * rest
        for aim, rest in zip(segment.formants, SCHWA, strict=True)
    )
    return replace(
        segment,
        milliseconds=0.68 * segment.milliseconds,
        formants=(first, second, third),
        voicing=0.75,
    )


def _unknown(phone: str) -> str:
    bare = phone.upper().rstrip("0123456789")
    if bare in CONSONANTS:
        near = [bare]
    else:
        near = difflib.get_close_matches(bare, PHONES, n=3, cutoff=0.4)
    hint = f"; near it: {', '.join(near)}" if near else ""
    return (
        f"There is no phone {phone!r}{hint}. Known are {', '.join(PHONES)}; "
        "only a vowel takes a stress digit, 0, 1 or 2."
    )
