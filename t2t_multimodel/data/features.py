"""Kinds of data: how one value is stored, what it costs, how it becomes tensors.

A value passes through three forms:

  raw      what a problem yields or a user gives: str, path, array, label name
  stored   what a record holds: bytes (UTF-8 text, image file, 16-bit samples) or an int
  tensors  what the model sees, made in the graph (see docs/architecture.md)

`load` goes from raw to stored and checks the value, `raw` goes back, `tensors` goes on.
Shape letters: B examples, L tokens, H height, W width, C channels, T frames or samples,
F frequency bins.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_multimodel import quiet
from t2t_multimodel.data import images, sound
from t2t_multimodel.data.vocabulary import PAD, Vocabulary

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
    """

    modality: ClassVar[str]
    default_metrics: ClassVar[tuple[str, ...]] = ()
    storage: ClassVar[str] = "string"
    multiple: int = 1

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


class Text(Feature):
    """Text in the shared sub-word vocabulary.

    Args:
        language: Names the output space ("english"): problems that write the same
            language share a command. Without it the problem's name is the command.
    """

    modality = "text"
    default_metrics: ClassVar[tuple[str, ...]] = ("bleu", "chrf")
    multiple = 4

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

    def raw(self, stored: Stored) -> Any:
        return _as_bytes(stored).decode()

    def texts(self, stored: Stored) -> tuple[str, ...]:
        """All texts of a stored value: what a vocabulary is learned from."""
        return (_as_bytes(stored).decode(),)

    def length(self, stored: Stored, vocabulary: Vocabulary | None = None) -> int:
        return self.lengths([stored], _needed(vocabulary))[0]

    def lengths(self, stored: Sequence[Stored], vocabulary: Vocabulary) -> list[int]:
        """`length` of many values at once, which is faster."""
        texts = [self.texts(value) for value in stored]
        encoded = iter(vocabulary.encode_all([t for group in texts for t in group]))
        return [1 + max(len(next(encoded)) for _ in group) for group in texts]

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
        length = _round_up(tf.cast(longest, tf.int32), self.multiple)
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
        return tuple(_as_bytes(stored).decode().split("\n"))

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


class Image(Feature):
    """A picture of fixed size; another size is resized when read.

    All that is random happens in training only and follows from the seed. Only where
    targets never say left and right should pictures be mirrored.

    Args:
        height: Rows (H).
        width: Columns (W).
        channels: 3 for colour, 1 for grey (C).
        max_shift: In training, shift the picture at random by up to this many pixels
            in each direction (its border is mirrored into the gap).
        crop: See the largest box in the middle that has the proportions of height and
            width; by default the whole picture is stretched to them.
        min_area: In training, see a box at random with at least this share of the area.
        flip: In training, mirror half of the pictures, left to right.
        max_stored_side: Store a picture whose shorter side is longer than this with
            that side as long as this; None: store it as it is.
    """

    modality = "image"

    def __init__(
        self,
        height: int,
        width: int,
        channels: int = 3,
        max_shift: int = 0,
        crop: bool = False,
        min_area: float = 1.0,
        flip: bool = False,
        max_stored_side: int | None = None,
    ) -> None:
        sizes = (height, width, 1 if max_stored_side is None else max_stored_side)
        if min(sizes) < 1 or channels not in (1, 3) or max_shift < 0:
            raise ValueError(
                f"Image({height}, {width}, channels={channels}, max_shift={max_shift}, "
                f"max_stored_side={max_stored_side}): sizes must be positive, channels "
                f"1 or 3"
            )
        if not 0 < min_area <= 1:
            raise ValueError(f"Image(min_area={min_area}): a share, above 0, at most 1")
        self.height, self.width, self.channels = height, width, channels
        self.max_shift, self.max_stored_side = max_shift, max_stored_side
        self._view = images.View(crop, min_area, flip)

    def modality_options(self) -> dict[str, Any]:
        return {"height": self.height, "width": self.width, "channels": self.channels}

    def describe(self) -> str:
        return f"image {self.height}x{self.width}"

    def load(self, value: Any) -> bytes:
        return images.load(value, self.channels, self.max_stored_side)

    def raw(self, stored: Stored) -> bytes:
        return _as_bytes(stored)

    def cost(self, length: Any) -> Any:
        # The image net strides by 16; its first, wide steps weigh as much again.
        return length * max(1, self.height * self.width // 128)

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        size = (self.height, self.width, self.channels)
        pixels_BHWC = images.decode(stored_B, size, self._view, seeds_B2)
        if self.max_shift and seeds_B2 is not None:
            pixels_BHWC = images.shift(pixels_BHWC, self.max_shift, seeds_B2)
        return {key: pixels_BHWC}


class Audio(Feature):
    """Sound of one channel, as log-mel spectrogram or as waveform.

    Samples are stored, so all but the rate may change without storing them anew.

    Args:
        sample_rate: Samples a second; files of another rate are resampled.
        form: "spectrogram" (`[B, T, F]`) or "waveform" (`[B, T]`). Either is
            normalised per utterance to zero mean and unit variance over its real
            frames, so it does not depend on its batch mates.
        num_bins: Mel bins of a spectrogram (F).
        window_ms: Length of a spectrogram's windows, in milliseconds.
        step_ms: From one window to the next. Of either form this is a frame, in which
            lengths are limited and costs counted.
    """

    modality = "audio"

    def __init__(
        self,
        sample_rate: int = 16000,
        form: str = "spectrogram",
        num_bins: int = 80,
        window_ms: float = sound.WINDOW_MS,
        step_ms: float = sound.STEP_MS,
    ) -> None:
        if form not in ("spectrogram", "waveform"):
            raise ValueError(f"Audio form {form!r}: it is 'spectrogram' or 'waveform'")
        if num_bins < 1:
            raise ValueError(f"Audio num_bins {num_bins}: it is at least 1")
        self.sample_rate, self.form, self.num_bins = sample_rate, form, num_bins
        self.window_ms, self.step_ms = window_ms, step_ms
        self._frames = sound.Frames(sample_rate, window_ms, step_ms)
        self.multiple = 16 * self._frames.step

    def changed(self, **arguments: Any) -> Audio:
        """The same with other arguments; those that are None or 0 or "" stay."""
        present: dict[str, Any] = {
            "sample_rate": self.sample_rate,
            "form": self.form,
            "num_bins": self.num_bins,
            "window_ms": self.window_ms,
            "step_ms": self.step_ms,
        }
        return Audio(**present | {name: new for name, new in arguments.items() if new})

    def modality_options(self) -> dict[str, Any]:
        is_spectrogram = self.form == "spectrogram"
        return {"form": self.form, "num_bins": self.num_bins if is_spectrogram else 0}

    def describe(self) -> str:
        return f"audio {self.sample_rate / 1000:g} kHz"

    def load(self, value: Any) -> bytes:
        return sound.load(value, self.sample_rate)

    def raw(self, stored: Stored) -> np.ndarray:
        return np.frombuffer(_as_bytes(stored), "<i2")

    def length(self, stored: Stored, vocabulary: Vocabulary | None = None) -> int:
        return len(_as_bytes(stored)) // 2

    def cost(self, length: Any) -> Any:
        # Four frames (40 ms) weigh about as much as a token.
        return -(-self.extent(length) // 4)

    def extent(self, length: Any) -> Any:
        return -(-length // self._frames.step)

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        num_samples_B = tf.strings.length(stored_B) // 2
        longest = pad_to if pad_to is not None else tf.reduce_max(num_samples_B)
        length = _round_up(tf.cast(longest, tf.int32), self.multiple)
        if self.form == "waveform":
            mask_BT = tf.sequence_mask(num_samples_B, length)
            samples_BT = sound.decode(stored_B, length)
            audio = sound.normalise(samples_BT[..., tf.newaxis], mask_BT)[..., 0]
        else:
            # No more windows than steps begin in the samples.
            num_frames = length // self._frames.step
            mask_BT = tf.sequence_mask(
                self._frames.count_tensor(num_samples_B), num_frames
            )
            samples_BT = sound.decode(stored_B, self._frames.num_samples(num_frames))
            audio = self._frames.log_mel(samples_BT, self.num_bins)
            audio = sound.normalise(audio, mask_BT)
        return {key: audio, f"{key}_mask": mask_BT}


class ClassLabel(Feature):
    """One of several classes.

    Args:
        names: The classes' names, in the order of their numbers, or how many there are
            (their names are then their numbers). None: the corpus decides; whoever has
            the data knows them.
    """

    modality = "label"
    default_metrics = ("top_1", "top_5")
    storage = "int64"

    def __init__(self, names: Sequence[str] | int | None) -> None:
        self._names: tuple[str, ...] = ()
        if names is not None:
            if isinstance(names, int):
                names = [str(number) for number in range(names)]
            if isinstance(names, str) or not names or len(set(names)) < len(names):
                raise ValueError(f"ClassLabel needs distinct names, not {names!r}")
            self._names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(self._names)}

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names.

        Raises:
            ValueError: The corpus decides, and it has not been looked at.
        """
        if not self._names:
            raise ValueError(
                "the classes are those of the corpus: Problem.with_source or with_data "
                "gives a problem that knows them"
            )
        return self._names

    def modality_options(self) -> dict[str, Any]:
        return {"num_classes": len(self.names)}

    def describe(self) -> str:
        if not self._names:
            return "label (classes of the corpus)"
        return f"label ({len(self._names)} classes)"

    def output_space(self, inputs: Feature) -> str:
        return f"{inputs.modality}_label"

    def load(self, value: Any) -> int:
        if isinstance(value, str):
            if value not in self._numbers:
                raise ValueError(
                    f"no class {value!r}; classes: {', '.join(self.names[:10])}"
                )
            return self._numbers[value]
        try:
            number = operator.index(value)
        except TypeError:
            kind = type(value).__name__
            raise ValueError(f"a label is a name or a number, not {kind}") from None
        if not 0 <= number < len(self.names):
            raise ValueError(f"no class {number}; there are {len(self.names)}")
        return number

    def raw(self, stored: Stored) -> int:
        assert isinstance(stored, int)
        return stored

    def tensors(
        self,
        key: str,
        stored_B: tf.Tensor,
        vocabulary: Vocabulary | None,
        pad_to: tf.Tensor | None = None,
        seeds_B2: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        return {key: tf.cast(stored_B, tf.int32)}


def _as_bytes(stored: Stored) -> bytes:
    assert isinstance(stored, bytes)
    return stored


def _needed(vocabulary: Vocabulary | None) -> Vocabulary:
    if vocabulary is None:
        raise ValueError("a text feature needs a vocabulary")
    return vocabulary


def _round_up(length: tf.Tensor, multiple: int) -> tf.Tensor:
    return -(-length // multiple) * multiple
