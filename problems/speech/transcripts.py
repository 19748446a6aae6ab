"""What was said, as plain words: lower case, no punctuation, no remarks.

Corpora write down more than words, and each its own way. All come out alike here, so
that problems of speech can share what they learn, and so that error rates count words
alone. `lexical` reads the conventions of the Wall Street Journal corpora, `written`
ordinary text; docs/speech.md has both as tables.
"""

from __future__ import annotations

import re
import unicodedata

# In angle brackets stand words that are crossed out in the prompt and yet spoken; and,
# in corpora prepared for recognisers, these marks, which are no words.
MARKS = frozenset(
    [
        *("s", "sil", "unk", "noise", "spoken_noise", "vocalized-noise", "laughter"),
        *("hesitation", "hes", "filler", "unintelligible"),
    ]
)
# The only verbalised punctuation whose sign could be a part of a word.
_SPOKEN_SIGN = re.compile(
    r"'+(\w+-quote|quote|unquote|apostrophe)|-+(hyphen|dash|minus)", re.IGNORECASE
)
_REMARK = re.compile(r"\[[^\[\]]*\]")
_IN_ANGLES = re.compile(r"<([^<>\s]*)>")
_FRAGMENT = re.compile(r"-[^-]+|.*[^-]-")
# Signs within a word: (be)cause lacks a part, s:o is drawn out, em!phatic is stressed.
_WITHIN = re.compile(r"(?<=[^\W\d]):(?=[^\W\d])|[()*!~]")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'"})


def lexical(text: str) -> str:
    """Words of a transcript that follows the Wall Street Journal's conventions."""
    # A remark may be glued to a word: [<door_slam]word.
    text = _REMARK.sub(" ", text.replace("\\", ""))
    return " ".join(word for token in text.split() for word in _spoken(token))


def written(text: str) -> str:
    """Words of ordinary text, as books and prompts have it."""
    words = _words(_IN_ANGLES.sub(_kept, text))
    return " ".join(filter(None, map(_without_quotes, words)))


def _spoken(token: str) -> list[str]:
    """The words of a token of a transcript; none where it is a remark."""
    token = _IN_ANGLES.sub(_kept, token)
    if match := _SPOKEN_SIGN.fullmatch(token):
        return _words(match[1] or match[2])
    token = token.strip("*~!")
    if _FRAGMENT.fullmatch(token):
        return []
    return _words(_WITHIN.sub("", token))


def _kept(match: re.Match[str]) -> str:
    word = match[1]
    is_mark = word.lower() in MARKS or word.startswith("/") or word.endswith("/")
    return " " if is_mark else word


def _words(text: str) -> list[str]:
    """Words in lower case, with what holds them together and nothing else."""
    text = unicodedata.normalize("NFC", text.lower()).translate(_QUOTES)
    spaced = "".join(
        char if _belongs(text, place) else " " for place, char in enumerate(text)
    )
    return [word for word in spaced.split() if word.strip("'")]


def _belongs(text: str, place: int) -> bool:
    """Whether a character is a part of a word where it stands."""
    char = text[place]
    if char.isalnum() or char == "'" or unicodedata.category(char)[0] == "M":
        return True
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if char == "-":
        return before.isalnum() and after.isalnum()
    return char in ".," and before.isdigit() and after.isdigit()


def _without_quotes(word: str) -> str:
    """A word without quotation marks; the apostrophe of a plural (dogs') stays."""
    word = word.lstrip("'")
    return word if word.endswith("s'") else word.rstrip("'")
