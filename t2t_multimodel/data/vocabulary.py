"""The shared sub-word vocabulary: byte-pair pieces with bytes to fall back on.

It is lossless: `decode(encode(text)) == text` for every text. Nothing is normalised, no
space is added or removed, and a character that was never seen is spelled in bytes.
sentencepiece marks a space by the character U+2581; where a text holds that character
itself, it is escaped first.

Numbers: 0 pads, 1 ends a sequence, 2 is unknown (never needed, thanks to the bytes).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import sentencepiece

from t2t_multimodel import quiet

PAD = 0
EOS = 1
UNK = 2

DEFAULT_SIZE = 8192
_SMALLEST = 256 + 3 + 10

_SPACE_MARK = "\u2581"
_ESCAPE = "\ue000"
_ESCAPED_ESCAPE, _ESCAPED_MARK = _ESCAPE + "0", _ESCAPE + "1"
_MAX_SENTENCE_BYTES = 16384
# Of how many words, and how long ones, it is remembered how many pieces they take.
_MAX_WORDS, _MAX_WORD = 100_000, 40

sentencepiece.set_min_log_level(2)  # it would tell how it loads a model


class Vocabulary:
    """Pieces of text and their numbers.

    Args:
        model: A serialised sentencepiece model, as `Vocabulary.train` makes it.

    Attributes:
        size: How many numbers there are, the three special ones included.
        fingerprint: 16 hexadecimal digits that identify the vocabulary.
    """

    def __init__(self, model: bytes) -> None:
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.size: int = self._processor.vocab_size()
        self.fingerprint = hashlib.sha256(model).hexdigest()[:16]

    @classmethod
    def train(
        cls, texts: Iterable[str], path: str | Path, size: int = DEFAULT_SIZE
    ) -> Vocabulary:
        """Learns a vocabulary and writes it to `path`.

        Args:
            texts: What to learn from; the order matters little, the same texts in the
                same order give the same vocabulary.
            path: The file to write, replaced as a whole.
            size: How many pieces to have at most; a small text yields fewer.

        Raises:
            ValueError: `size` is too small to hold the 256 bytes.
        """
        check_size(size)
        sentences = [part for text in texts for part in _parts(_escape(text))]
        sentences = _without_rare(sentences, max_characters=(size - 256 - 3) // 2)
        # The space must be a piece of its own even where no text has one.
        sentences.append("a b")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="bpe",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            byte_fallback=True,
            pad_id=PAD,
            eos_id=EOS,
            unk_id=UNK,
            bos_id=-1,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            max_sentence_length=_MAX_SENTENCE_BYTES,
            num_threads=1,
            minloglevel=2,
        )
        path = Path(path)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            partial.write_bytes(model.getvalue())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return cls(model.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Reads a vocabulary.

        Raises:
            FileNotFoundError: There is none at `path`.
            ValueError: The file is not a vocabulary.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"no vocabulary {path}; t2t-datagen makes it along with the data"
            )
        try:
            return cls(path.read_bytes())
        except (RuntimeError, OSError, ValueError) as error:
            raise ValueError(f"{path} is not a vocabulary: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Numbers of the pieces of `text`, without an end."""
        ids: list[int] = self._processor.encode(_escape(text))
        return ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once, which is faster."""
        ids: list[list[int]] = self._processor.encode([_escape(t) for t in texts])
        return ids

    def counts(self, texts: Iterable[bytes]) -> Iterator[int]:
        """How many numbers `encode` gives of each text, in UTF-8, found faster.

        No piece goes over a space. How many a word takes is remembered, for as many
        words as fit.
        """
        after_space, at_start = self._word_counts
        for text in texts:
            words = text.split(b" ")
            yield sum(map(after_space.__getitem__, words)) + at_start[words[0]]

    @cached_property
    def _word_counts(self) -> tuple[_WordCounts, _WordCounts]:
        """For words after a space, and what to add where one begins the text."""

        def count(text: bytes) -> int:
            return len(self.encode(text.decode()))

        return (
            _WordCounts(lambda word: count(b" " + word)),
            _WordCounts(lambda word: count(word) - count(b" " + word)),
        )

    def is_spelled_in_bytes(self, character: str) -> bool:
        """Whether a character is not in the vocabulary, so that bytes stand for it."""
        return any(map(self._processor.is_byte, self.encode(character)))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some numbers: stops at the first end, skips padding."""
        kept = []
        for number in map(int, ids):
            if number == EOS:
                break
            if number != PAD:
                kept.append(number)
        return _unescape(self._processor.decode(kept))

    def encode_tensor(self, texts_B: Any) -> Any:
        """Numbers of the pieces in the graph.

        Args:
            texts_B: UTF-8 strings `[B]`.

        Returns:
            int32 ragged `[B, (L)]`; every row ends with EOS.
        """
        import tensorflow as tf

        escaped_B = tf.strings.regex_replace(texts_B, _ESCAPE, _ESCAPED_ESCAPE)
        escaped_B = tf.strings.regex_replace(escaped_B, _SPACE_MARK, _ESCAPED_MARK)
        return self._tokenizer.tokenize(escaped_B)

    @cached_property
    def _tokenizer(self) -> Any:
        import tensorflow as tf
        import tensorflow_text

        # Made outside of any graph: it is then usable in all of them.
        with tf.init_scope(), quiet.no_standard_error():
            return tensorflow_text.SentencepieceTokenizer(
                self._model, out_type=tf.int32, add_eos=True
            )


class _WordCounts(dict[bytes, int]):
    """Numbers by word, found when first asked for, some of them remembered."""

    def __init__(self, count: Callable[[bytes], int]) -> None:
        self._count = count

    def __missing__(self, word: bytes) -> int:
        found = self._count(word)
        if len(word) <= _MAX_WORD:
            if len(self) >= _MAX_WORDS:
                self.clear()
            self[word] = found
        return found


def check_size(size: int) -> None:
    """Refuses a vocabulary that cannot hold the 256 bytes and a few characters.

    Raises:
        ValueError: `size` is too small.
    """
    if size < _SMALLEST:
        raise ValueError(f"a vocabulary has at least {_SMALLEST} pieces, not {size}")


def _escape(text: str) -> str:
    return text.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_SPACE_MARK, _ESCAPED_MARK)


def _unescape(text: str) -> str:
    return text.replace(_ESCAPED_MARK, _SPACE_MARK).replace(_ESCAPED_ESCAPE, _ESCAPE)


def _parts(text: str) -> Iterable[str]:
    """A text in lines that the trainer takes: no line ends, not too long."""
    limit = _MAX_SENTENCE_BYTES // 4 - 1
    for line in text.replace("\0", " ").splitlines():
        yield from (line[i : i + limit] for i in range(0, len(line), limit))


def _without_rare(sentences: list[str], max_characters: int) -> list[str]:
    """Blanks out all but the most frequent characters; the rest is spelled in bytes.

    Every character learned from gets a piece of its own, and there must be room left
    for longer pieces.
    """
    if len(set[str]().union(*sentences)) <= max_characters:
        return sentences
    counts = Counter(chain.from_iterable(sentences))
    ordered = sorted(counts, key=lambda character: (-counts[character], character))
    blanked = dict.fromkeys(map(ord, ordered[max(1, max_characters) :]), " ")
    return [sentence.translate(blanked) for sentence in sentences]
