"""How the English words of the miniature world are spoken, in ARPAbet phones."""

from __future__ import annotations

from collections.abc import Iterable

_PRONUNCIATIONS = {
    # Articles, numbers, small words.
    "a": "AH0",
    "above": "AH0 B AH1 V",
    "are": "AA1 R",
    "four": "F AO1 R",
    "in": "IH1 N",
    "is": "IH1 Z",
    "last": "L AE1 S T",
    "left": "L EH1 F T",
    "of": "AH1 V",
    "on": "AA1 N",
    "over": "OW1 V ER0",
    "right": "R AY1 T",
    "that": "DH AE1 T",
    "the": "DH AH0",
    "three": "TH R IY1",
    "to": "T UW1",
    "two": "T UW1",
    "under": "AH1 N D ER0",
    "was": "W AA1 Z",
    "were": "W ER1",
    # Settings.
    "beach": "B IY1 CH",
    "grass": "G R AE1 S",
    "night": "N AY1 T",
    "snow": "S N OW1",
    "water": "W AO1 T ER0",
    # Sizes and colours.
    "big": "B IH1 G",
    "small": "S M AO1 L",
    "black": "B L AE1 K",
    "blue": "B L UW1",
    "brown": "B R AW1 N",
    "green": "G R IY1 N",
    "purple": "P ER1 P AH0 L",
    "red": "R EH1 D",
    "white": "W AY1 T",
    "yellow": "Y EH1 L OW0",
    # Things.
    "bird": "B ER1 D",
    "birds": "B ER1 D Z",
    "boat": "B OW1 T",
    "boats": "B OW1 T S",
    "box": "B AA1 K S",
    "boxes": "B AA1 K S IH0 Z",
    "cross": "K R AO1 S",
    "crosses": "K R AO1 S IH0 Z",
    "crown": "K R AW1 N",
    "crowns": "K R AW1 N Z",
    "cup": "K AH1 P",
    "cups": "K AH1 P S",
    "fish": "F IH1 SH",
    "flower": "F L AW1 ER0",
    "flowers": "F L AW1 ER0 Z",
    "heart": "HH AA1 R T",
    "hearts": "HH AA1 R T S",
    "house": "HH AW1 S",
    "houses": "HH AW1 Z IH0 Z",
    "ring": "R IH1 NG",
    "rings": "R IH1 NG Z",
    "star": "S T AA1 R",
    "stars": "S T AA1 R Z",
    "tree": "T R IY1",
    "trees": "T R IY1 Z",
    # Actions.
    "dance": "D AE1 N S",
    "danced": "D AE1 N S T",
    "dances": "D AE1 N S IH0 Z",
    "jump": "JH AH1 M P",
    "jumped": "JH AH1 M P T",
    "jumps": "JH AH1 M P S",
    "pull": "P UH1 L",
    "pulled": "P UH1 L D",
    "pulls": "P UH1 L Z",
    "ran": "R AE1 N",
    "run": "R AH1 N",
    "runs": "R AH1 N Z",
    "shine": "SH AY1 N",
    "shines": "SH AY1 N Z",
    "shone": "SH OW1 N",
    "sleep": "S L IY1 P",
    "sleeps": "S L IY1 P S",
    "slept": "S L EH1 P T",
    "watch": "W AA1 CH",
    "watched": "W AA1 CH T",
    "watches": "W AA1 CH IH0 Z",
}
_PHONES = {word: tuple(phones.split()) for word, phones in _PRONUNCIATIONS.items()}


def pronounce(words: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The phones of each word, stress digits on the vowels.

    Args:
        words: Words of the miniature world, in lower case.

    Raises:
        KeyError: If a word has no pronunciation here.
    """
    return tuple(_PHONES[word] for word in words)
