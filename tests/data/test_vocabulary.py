"""The vocabulary: lossless, the same in and out of the graph, and never too picky."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import tensorflow as tf

from t2t_multimodel.data.vocabulary import EOS, PAD, Vocabulary

TEXTS = ["the red house is small", "the green house is big", "das grüne Haus ist groß"]
ODD = [
    "",
    " ",
    "  two  spaces  ",
    "\ttab\nline\r\nend ",
    "▁ the mark ▁▁of a space",
    "\ue000 the escape \ue0001 \ue0000",
    "\0 zero",
    "e\u0301 is not é",
    "family 👨‍👩‍👧 and flag 🇩🇪",
    "<0x41> </s> <unk> <pad>",
    "\ufeff\u200b\u2028\u3000\xa0",
    "\ufffd ⁇ ▅",
    "漢字 и кириллица עברית",
    "\U0010ffff\ud7ff",
]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.model"
    return Vocabulary.train(TEXTS * 20, path)


def _random_texts(count: int) -> list[str]:
    chance = random.Random(7)
    kinds = [range(32, 127), range(0x2500, 0x2600), range(0xE000, 0xE003)]
    kinds += [range(0xD800), range(0xE000, 0x110000)]
    return [
        "".join(chr(chance.choice(chance.choice(kinds))) for _ in range(length))
        for length in range(1, count + 1)
    ]


@pytest.mark.parametrize("text", ODD)
def test_decoding_gives_back_odd_texts(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_decoding_gives_back_random_texts(vocabulary: Vocabulary) -> None:
    for text in _random_texts(200):
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_the_graph_encodes_the_same_and_adds_the_end(vocabulary: Vocabulary) -> None:
    texts = [*TEXTS, *ODD, *_random_texts(50)]
    rows = vocabulary.encode_tensor(tf.constant([text.encode() for text in texts]))
    assert rows.dtype == tf.int32
    assert rows.to_list() == [[*vocabulary.encode(text), EOS] for text in texts]
    assert vocabulary.encode_all(texts) == [vocabulary.encode(t) for t in texts]


def test_pieces_are_counted_as_they_are_encoded(vocabulary: Vocabulary) -> None:
    texts = [*TEXTS, *ODD, *_random_texts(100), "a  b   c", "\u2581 \u2581", " " * 9]
    for text in texts * 2:
        (count,) = vocabulary.counts([text.encode()])
        assert count == len(vocabulary.encode(text))


def test_decoding_stops_at_the_end_and_skips_padding(vocabulary: Vocabulary) -> None:
    red, house = vocabulary.encode("red"), vocabulary.encode(" house")
    assert vocabulary.decode([*red, PAD, *house, EOS, *red]) == "red house"


def test_frequent_words_are_single_pieces(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.encode("the green house")) == 3


def test_ordinary_text_never_gives_a_special_number(vocabulary: Vocabulary) -> None:
    for text in [*TEXTS, *ODD]:
        assert min(vocabulary.encode(text), default=3) > 2


def test_the_same_texts_give_the_same_vocabulary(tmp_path: Path) -> None:
    one, two = (Vocabulary.train(TEXTS, tmp_path / name) for name in ("a", "b"))
    other = Vocabulary.train(TEXTS[:1], tmp_path / "c")
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert Vocabulary.load(tmp_path / "a").fingerprint == one.fingerprint
    assert len(one.fingerprint) == 16
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "texts", [[], [""], ["\n"], ["x"], ["▁"], ["a" * 100_000], ["\0"], ["é漢"]]
)
def test_little_text_is_enough(tmp_path: Path, texts: list[str]) -> None:
    vocabulary = Vocabulary.train(texts, tmp_path / "vocab.model")
    assert 259 < vocabulary.size < 400
    assert vocabulary.decode(vocabulary.encode("any text é")) == "any text é"


def test_many_characters_fit_into_a_small_vocabulary(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
    vocabulary = Vocabulary.train([text], tmp_path / "vocab.model", size=300)
    assert vocabulary.size <= 300
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_a_size_without_room_for_the_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 269 pieces, not 100"):
        Vocabulary.train(TEXTS, tmp_path / "vocab.model", size=100)


def test_what_is_no_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no vocabulary .*t2t-datagen"):
        Vocabulary.load(tmp_path / "vocab.model")
    (tmp_path / "vocab.model").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"vocab\.model is not a vocabulary"):
        Vocabulary.load(tmp_path / "vocab.model")
