"""Pictures and sound as features.

Shape letters: B examples, H height, W width, C channels, T frames or samples,
F frequency bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from t2t_multimodel import quiet
from t2t_multimodel.data import images, sound
from t2t_multimodel.data.feature import Feature, Stored, as_bytes, round_up
from t2t_multimodel.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()


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
        return as_bytes(stored)

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
        return np.frombuffer(as_bytes(stored), "<i2")

    def length(self, stored: Stored, vocabulary: Vocabulary | None = None) -> int:
        return len(as_bytes(stored)) // 2

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
        length = round_up(tf.cast(longest, tf.int32), self.multiple)
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
