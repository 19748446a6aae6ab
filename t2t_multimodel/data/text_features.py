"""Text as a feature: one text, several that say the same, a linearised tree.

Shape letters: B examples, N texts of an example, L tokens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_multimodel import quiet
from t2t_multimodel.data.feature import Feature, Stored, as_bytes, round_up
from t2t_multimodel.data.vocabulary import PAD, Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()


class Text(Feature):
    """Text in the shared sub-word vocabulary.

    Args:
        language: Names the output space ("english"): problems that write the same
            language share a command. Without it the problem's name is the command.
    """

    modality = "text"
    default_metrics: ClassVar[tuple[str, ...]] = ("bleu", "chrf")
    multiple = 4
    is_short = True

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def describe(self) -> str:
        return f"text ({self.language})" if self.language else "text"

    def output_space(self, inputs: Feature) -> str:
        return self.language or ""

    def load(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ValueError(f"text must be str, not {type(value).__name__}")
        if not value:
            raise ValueError("the text is empty")
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"the text is not valid Unicode: {error}") from error

    def load_all(self, values: Sequence[Any]) -> Sequence[Stored]:
        if type(self).load is Text.load:
            with contextlib.suppress(TypeError, UnicodeEncodeError):
                stored = list(map(str.encode, values))
                if all(stored):
                    return stored
        return super().load_all(values)

    def raw(self, stored: Stored) -> Any:
        return as_bytes(stored).decode()

    def texts(self, stored: Stored) -> tuple[str, ...]:
        """All texts of a stored value: what a vocabulary is learned from."""
        return (as_bytes(stored).decode(),)

    def length(self, stored: Stored, vocabulary: Vocabulary | None = None) -> int:
        return self.lengths([stored], _needed(vocabulary))[0]

    def lengths(self, stored: Sequence[Stored], vocabulary: Vocabulary) -> list[int]:
        """`length` of many values at once, which is faster."""
        if type(self).texts is Text.texts:
            return [1 + count for count in vocabulary.counts(map(as_bytes, stored))]
        return [
            1 + max(vocabulary.counts(text.encode() for text in self.texts(value)))
            for value in stored
        ]

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        tokens = _needed(vocabulary).encode_tensor(stored_B)
        longest = pad_to if pad_to is not None else tokens.bounding_shape(axis=1)
        length = round_up(tf.cast(longest, tf.int32), self.multiple)
        tokens_BL = tokens.to_tensor(PAD, shape=tf.stack([-1, length]))
        tokens_BL = tf.ensure_shape(tokens_BL, [None, None])
        return {key: tokens_BL, f"{key}_mask": tf.not_equal(tokens_BL, PAD)}


class Texts(Text):
    """Several texts that say the same, such as the captions of a picture.

    In training one of them, drawn anew every epoch, is the target; teacher-forced
    figures take the first; metrics on decoded output take all as references.
    """

    default_metrics = ("bleu_4", "cider_d", "rouge_l")

    def describe(self) -> str:
        return f"texts ({self.language})" if self.language else "texts"

    def load(self, value: Any) -> bytes:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ValueError(f"texts are a list of str, not {type(value).__name__}")
        if not value:
            raise ValueError("there is no text in the list")
        # A line feed ends a text in the record, so none may be inside.
        lines = [super(Texts, self).load(text) for text in value]
        return b"\n".join(b" ".join(line.split(b"\n")) for line in lines)

    def raw(self, stored: Stored) -> list[str]:
        return list(self.texts(stored))

    def texts(self, stored: Stored) -> tuple[str, ...]:
        return tuple(as_bytes(stored).decode().split("\n"))

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        texts_BN = tf.strings.split(stored_B, "\n")
        counts_B = tf.cast(texts_BN.row_lengths(), tf.int32)
        chosen_B = tf.zeros_like(counts_B)
        if seeds_B2 is not None:
            # Not the seed that moves the picture beside the text.
            seeds_B2 += tf.constant([1, 0])
            draw = tf.map_fn(
                lambda seed: tf.random.stateless_uniform([], seed),
                seeds_B2,
                fn_output_signature=tf.float32,
            )
            chosen_B = tf.cast(draw * tf.cast(counts_B, tf.float32), tf.int32)
            chosen_B = tf.minimum(chosen_B, counts_B - 1)
        text_B = tf.gather(texts_BN, chosen_B, batch_dims=1)
        return super().tensors(key, text_B, vocabulary, pad_to)


class Tree(Text):
    """Text whose language is linearised parse trees: `S NP NNP /NP VP VBZ /VP /S`."""

    default_metrics = ("bracketing_f1", "whole_trees")

    def __init__(self) -> None:
        super().__init__("parse_tree")

    def describe(self) -> str:
        return "tree"


def _needed(vocabulary: Vocabulary | None) -> Vocabulary:
    if vocabulary is None:
        raise ValueError("a text feature needs a vocabulary")
    return vocabulary
