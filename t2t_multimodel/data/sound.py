"""Sound: any file or array in; samples or a log-mel spectrogram out.

Stored sound is bare 16-bit samples of one channel: it becomes a padded batch in one
operation. A frame is computed from its own samples and never from padding: what comes
out for an utterance does not depend on its batch mates.

Shape letters: B examples, T samples or frames, S samples, F mel bins.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from t2t_multimodel import quiet
from t2t_multimodel.data import sound_files

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = quiet.LazyTensorFlow()

WINDOW_MS, STEP_MS = 25.0, 10.0
_FLOOR = 1e-6


def load(value: Any, sample_rate: int) -> bytes:
    """16-bit little-endian samples of one channel at `sample_rate`.

    Args:
        value: A file's path, a file's bytes (WAV, FLAC, OGG, ...; channels are
            averaged, other rates resampled), or an array at `sample_rate`: int16
            `[T]`, or float `[T]` in [-1, 1].
        sample_rate: Samples a second.

    Raises:
        ValueError: It is no sound, or there is no sample in it.
        OSError: The file cannot be read.
    """
    if isinstance(value, np.ndarray):
        samples = _checked_array(value)
    elif isinstance(value, str | Path | bytes):
        samples = sound_files.read(value, sample_rate)
    else:
        raise ValueError(
            f"sound is a path, bytes or an array, not {type(value).__name__}"
        )
    if samples.size == 0:
        raise ValueError("the sound is empty")
    return samples.astype("<i2").tobytes()


def decode(stored_B: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
    """Stored sound to float32 `[B, S]` in [-1, 1), padded or cut to `num_samples`."""
    samples_BS = tf.io.decode_raw(stored_B, tf.int16, fixed_length=2 * num_samples)
    return tf.cast(samples_BS, tf.float32) / 32768.0


def normalise(values_BTF: tf.Tensor, mask_BT: tf.Tensor) -> tf.Tensor:
    """Zero mean, unit variance per utterance and bin over real frames; padding 0."""
    mask_BT1 = tf.cast(mask_BT, tf.float32)[..., tf.newaxis]
    count_B11 = tf.maximum(tf.reduce_sum(mask_BT1, axis=1, keepdims=True), 1.0)
    mean = tf.reduce_sum(values_BTF * mask_BT1, axis=1, keepdims=True) / count_B11
    centred = (values_BTF - mean) * mask_BT1
    variance = tf.reduce_sum(tf.square(centred), axis=1, keepdims=True) / count_B11
    return centred * tf.math.rsqrt(variance + _FLOOR)


class Frames:
    """The cutting of sound into overlapping windows.

    Args:
        sample_rate: Samples a second.
        window_ms: Length of a window, in milliseconds.
        step_ms: From the beginning of one window to that of the next.

    Raises:
        ValueError: A window or a step is shorter than two samples.
    """

    def __init__(
        self, sample_rate: int, window_ms: float = WINDOW_MS, step_ms: float = STEP_MS
    ) -> None:
        self.sample_rate = sample_rate
        self.window = round(window_ms * sample_rate / 1000)
        self.step = round(step_ms * sample_rate / 1000)
        if min(self.window, self.step) < 2:
            raise ValueError(
                f"windows of {window_ms} ms every {step_ms} ms are shorter than two "
                f"samples at {sample_rate} a second"
            )

    def count_tensor(self, num_samples: tf.Tensor) -> tf.Tensor:
        """Whole windows in so many samples; at least one."""
        return tf.maximum(1, 1 + (num_samples - self.window) // self.step)

    def num_samples(self, count: Any) -> Any:
        """Samples that so many windows span."""
        return (count - 1) * self.step + self.window

    def log_mel(self, samples_BS: tf.Tensor, num_bins: int) -> tf.Tensor:
        """Log energies in `num_bins` mel bins, float32 `[B, T, F]`."""
        fft_size = 2 ** math.ceil(math.log2(self.window))
        spectrum = tf.abs(
            tf.signal.stft(samples_BS, self.window, self.step, fft_length=fft_size)
        )
        weights = tf.signal.linear_to_mel_weight_matrix(
            num_bins,
            fft_size // 2 + 1,
            self.sample_rate,
            lower_edge_hertz=40.0,
            upper_edge_hertz=self.sample_rate / 2 - 400.0,
        )
        return tf.math.log(tf.matmul(tf.square(spectrum), weights) + _FLOOR)


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.ndim != 1:
        raise ValueError(f"sound has one channel [samples], not {list(array.shape)}")
    if array.dtype == np.int16:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"samples are int16 or float, not {array.dtype}")
    if not np.all(np.isfinite(array)) or np.max(np.abs(array), initial=0.0) > 1.0:
        raise ValueError("float samples must be finite and in [-1, 1]")
    return np.round(array * 32767.0).astype(np.int16)
