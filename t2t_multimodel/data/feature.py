"""The contract of a kind of data: how a value is stored, what it costs, how it is read.

A value passes through three forms:

  raw      what a problem yields or a user gives: str, path, array, label name
  stored   what a record holds: bytes (UTF-8 text, image file, 16-bit samples) or an int
  tensors  what the model sees, made in the graph (see docs/architecture.md)

`load` goes from raw to stored and checks the value, `raw` goes back, `tensors` goes on.
Shape letters: B examples, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_multimodel import quiet
from t2t_multimodel.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()

Stored = bytes | int


class Feature:
    """One side of an example. Subclasses say what kind of data it is.

    Attributes:
        modality: Which modality net it takes: "text", "image", "audio" or "label".
        default_metrics: Metrics of a problem that has it as targets.
        storage: The type of its stored form: "string" (bytes) or "int64".
        multiple: Lengths of padded batches are multiples of this.
        is_short: Whether a value takes few bytes, and little time to load.
    """

    modality: ClassVar[str]
    default_metrics: ClassVar[tuple[str, ...]] = ()
    storage: ClassVar[str] = "string"
    multiple: int = 1
    is_short: ClassVar[bool] = False

    def modality_options(self) -> dict[str, Any]:
        """What the modality net must know, as plain data."""
        return {}

    def describe(self) -> str:
        """A few words for listings, e.g. "image 64x64"."""
        return self.modality

    def output_space(self, inputs: Feature) -> str:
        """The command that asks for this as targets; "" lets the problem name it."""
        return ""

    def load(self, value: Any) -> Stored:
        """Raw to stored form.

        Raises:
            ValueError: It is no value of this kind; the message says what is wrong.
            OSError: It names a file that cannot be read.
        """
        raise NotImplementedError

    def load_all(self, values: Sequence[Any]) -> Sequence[Stored]:
        """`load` of many values; raises what the first does that cannot be loaded."""
        return list(map(self.load, values))

    def raw(self, stored: Stored) -> Any:
        """Stored back to raw form: str, an image file's bytes, samples, a number."""
        raise NotImplementedError

    def length(self, stored: Stored, vocabulary: Vocabulary | None = None) -> int:
        """Length along the padded dimension: tokens with the end, samples of sound."""
        return 1

    def cost(self, length: Any) -> Any:
        """Cost in a batch of something of that (padded) length, in units of a token."""
        return length

    def extent(self, length: Any) -> Any:
        """A length in the unit in which it is limited: tokens, or frames of sound."""
        return length

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Stored values to what the model sees; runs in the graph.

        Args:
            key: "inputs" or "targets": the name of the tensor; the mask's name is
                derived from it.
            stored_B: Stored values, string or int64 `[B]`.
            vocabulary: For text.
            pad_to: The length to pad to, int32 scalar; by default the longest one's,
                rounded up to `multiple`.
            seeds_B2: For training only: int32 `[B, 2]`, a seed per example for
                random changes (augmentation).

        Returns:
            `{key: tensor}`, with `key + "_mask"` where the length varies.
        """
        raise NotImplementedError

    def batch(
        self,
        values: Sequence[Stored],
        vocabulary: Vocabulary | None = None,
        key: str = "inputs",
    ) -> dict[str, tf.Tensor]:
        """A batch of stored values as tensors, outside of any data pipeline."""
        return self.tensors(
            key, tf.constant(values, self.storage, [len(values)]), vocabulary
        )


def as_bytes(stored: Stored) -> bytes:
    """A stored value that is known to be bytes."""
    assert isinstance(stored, bytes)
    return stored


def round_up(length: tf.Tensor, multiple: int) -> tf.Tensor:
    """The next multiple that is no smaller."""
    return -(-length // multiple) * multiple
