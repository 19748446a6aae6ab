"""Transcripts become plain words: each convention, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.problems.speech.transcripts import lexical, written

DOCS = Path(__file__).parents[3] / "docs/speech.md"

LEXICAL = [
    ("The female produces A LITTER", "the female produces a litter"),
    # Verbalised punctuation was spoken.
    ("Yesterday ,COMMA he said .PERIOD", "yesterday comma he said period"),
    ('"DOUBLE-QUOTE Yes "END-QUOTE', "double-quote yes end-quote"),
    ("(LEFT-PAREN one )RIGHT-PAREN", "left-paren one right-paren"),
    ("a -HYPHEN b --DASH c -DASH d", "a hyphen b dash c dash d"),
    ("it 'SINGLE-QUOTE is 'END-QUOTE", "it single-quote is end-quote"),
    ("so ;SEMI-COLON then :COLON", "so semi-colon then colon"),
    ("why ?QUESTION-MARK !EXCLAMATION-POINT", "why question-mark exclamation-point"),
    ("and /SLASH or ...ELLIPSIS &AMPERSAND", "and slash or ellipsis ampersand"),
    ("{LEFT-BRACE x }RIGHT-BRACE", "left-brace x right-brace"),
    ("ten \\%PERCENT of %PERCENT", "ten percent of percent"),
    ("three .POINT two", "three point two"),
    # Escapes.
    ("isn\\'t I\\. B\\. M\\.", "isn't i b m"),
    # Noises.
    ("hand [misc_noise] [loud_breath]", "hand"),
    ("[<door_slam] one [door_slam>] two", "one two"),
    ("[phone_ring/] one [/phone_ring] two", "one two"),
    ("[tongue_click]word", "word"),
    ("<NOISE> one <SPOKEN_NOISE> <UNK>", "one"),
    ("<hesitation> one <noise/> two </noise>", "one two"),
    # Words crossed out in the prompt and yet spoken.
    ("the <and> cat", "the and cat"),
    # Mispronounced, stressed, drawn out.
    ("a *mispronounced* word", "a mispronounced word"),
    ("!very !good em!phatic", "very good emphatic"),
    ("s:o l:o:ng so:", "so long so"),
    # Fragments, and words of which a part is not spoken.
    ("the exper- experiment", "the experiment"),
    ("REVO(LUTIONARY)- *fou-* -tion", ""),
    ("(be)cause of goin(g)", "because of going"),
    # Truncation and pauses.
    ("~ one two ~", "one two"),
    ("~one two~ . three - four -- five", "one two three four five"),
    # What belongs to a word.
    ("'CAUSE 'EM THE HOTELS' ROCK 'N' ROLL", "'cause 'em the hotels' rock 'n' roll"),
    ("LONG-TERM TWENTY-ONE", "long-term twenty-one"),
    ("MR. VINKEN AND MS. A.", "mr vinken and ms a"),
    ("U. S. U.S.", "u s u s"),
    # Ordinary punctuation, in corpora that are written so.
    ("THAT, AS AN EXAMPLE.", "that as an example"),
    ("", ""),
]

WRITTEN = [
    ("He hoped, truly.", "he hoped truly"),
    ("the “lower-case” being", "the lower-case being"),
    ("'Yes,' she said; it's the dogs' ball", "yes she said it's the dogs' ball"),
    ("it’s ‘so’", "it's so"),
    ("a well-known fact -- or not", "a well-known fact or not"),
    ("night--and day", "night and day"),
    ("1,000 at 3.5 %", "1,000 at 3.5"),
    ("<s> STOP </s>", "stop"),
    ("über Café naïve", "über café naïve"),
    ("cafe\u0301", "café"),
    ("...", ""),
]


@pytest.mark.parametrize(("text", "words"), LEXICAL, ids=lambda text: text[:25])
def test_a_convention_of_the_journal(text: str, words: str) -> None:
    assert lexical(text) == words


@pytest.mark.parametrize(("text", "words"), WRITTEN, ids=lambda text: text[:25])
def test_ordinary_text(text: str, words: str) -> None:
    assert written(text) == words


def test_the_tables_in_the_documentation_are_true() -> None:
    rows = re.findall(
        r"^\| `(.+?)` \| `(.*?)` \|", DOCS.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) >= 20
    for text, words in rows:
        text = text.replace("\\|", "|")
        assert words in (lexical(text), written(text)), text


@given(st.text("aB' .,-:!*~()[]<>/\\%\"'\0é1_", max_size=40) | st.text(max_size=40))
def test_words_stay_words(text: str) -> None:
    for normalise in (lexical, written):
        words = normalise(text)
        assert words == " ".join(words.split()) == words.lower()
        assert normalise(words) == words
        for word in words.split():
            assert any(char.isalnum() or ord(char) > 127 for char in word)
