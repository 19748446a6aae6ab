"""Sound files: WAV, FLAC, OGG, MP3, AIFF, SPHERE in; samples of one channel out.

Whole files or stretches of them, at the rate that is asked for. What is cut short, has
no samples, or samples that are no numbers, is refused.

Shape letters: T samples, C channels.
"""

from __future__ import annotations

import contextlib
import io
import math
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from t2t_multimodel.data import sphere

MIN_RATE, MAX_RATE = 4_000, 400_000
MAX_SECONDS = 3_600
_MAX_SAMPLES = 200_000_000
_MAX_CHANNELS = 64
_BLOCK = 1 << 18

# A list of segments may end this long after its recording does, as Kaldi allows.
_OVERSHOOT_SECONDS = 0.5

# What programs write for a length that they do not know yet.
_UNKNOWN_LENGTH = 0x7FFF_0000
# A decoder of MP3 may keep the last frames.
_MP3_SLACK = 2_304


def read(
    file: str | Path | bytes,
    sample_rate: int,
    start: float = 0.0,
    end: float | None = None,
    channel: int | None = None,
    name: str = "",
) -> np.ndarray:
    """Samples of a sound file, or of a stretch of it, int16 `[T]`.

    Args:
        file: A path, or a file's bytes.
        sample_rate: Samples a second of what is returned; other rates are resampled.
        start: Where the stretch begins, in seconds.
        end: Where it ends; None: at the end of the file.
        channel: Which channel, from 0; None: the mean of all.
        name: What to call the file in an error; by default its path.

    Raises:
        ValueError: It is no sound, it is broken or empty, or has no such stretch or
            channel.
        OSError: The file cannot be read.
    """
    name = name or ("sound" if isinstance(file, bytes) else str(file))
    with _opened(file) as source:
        try:
            samples, rate = _decode(source, start, end, channel)
        except soundfile.SoundFileError as error:
            told = getattr(error, "error_string", error)
            raise ValueError(f"{name} is not sound that can be read: {told}") from error
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    if not samples.size:
        raise ValueError(f"{name} has no samples")
    if rate != sample_rate:
        # Half a second to load, and most corpora have the rate that is asked for.
        import scipy.signal

        common = math.gcd(rate, sample_rate)
        samples = scipy.signal.resample_poly(
            samples, sample_rate // common, rate // common
        )
    # Samples of 16 bits come out as they are.
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading, if it is one.

    Raises:
        ValueError: It is a pipe or a device, which may never end, or never begin.
        OSError: It cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is not a regular file")
    return path.open("rb")


class _Source:
    """A file as soundfile may have it.

    It has no name, whose ending soundfile would trust more than the content, and it
    stays where it is when a broken header sends it to before its beginning.
    """

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with contextlib.suppress(ValueError, OSError):
            self._opened.seek(offset, whence)
        return self._opened.tell()

    def tell(self) -> int:
        return self._opened.tell()

    def read(self, count: int = -1) -> bytes:
        return self._opened.read(count)

    def size(self) -> int:
        here = self.tell()
        size = self.seek(0, io.SEEK_END)
        self.seek(here)
        return size


@contextlib.contextmanager
def _opened(file: str | Path | bytes) -> Iterator[_Source]:
    if isinstance(file, bytes):
        yield _Source(io.BytesIO(file))
        return
    with open_regular(Path(file)) as opened:
        yield _Source(opened)


def _decode(
    source: _Source, start: float, end: float | None, channel: int | None
) -> tuple[np.ndarray, int]:
    """Samples float32 `[T]` and their rate."""
    head = source.read(sphere.HEADER_BYTES)
    source.seek(0)
    if head.startswith(sphere.MAGIC):
        header = sphere.Header(head)
        if header.compression:
            source = _Source(io.BytesIO(sphere.expand(source.read())))
        elif header.num_bytes + header.sample_bytes > source.size():
            raise ValueError("the file is cut short")
    elif _declared_size(head) > source.size():
        raise ValueError("the file is cut short")
    with soundfile.SoundFile(source) as sound:
        rate: int = sound.samplerate
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(
                f"it has {rate} samples a second; {MIN_RATE} to {MAX_RATE} are read"
            )
        first, last = _stretch(sound, start, end)
        if first:
            sound.seek(first)
        return _mono(sound, last - first, channel), rate


def _stretch(
    sound: soundfile.SoundFile, start: float, end: float | None
) -> tuple[int, int]:
    """Places of the first sample and of the one after the last."""
    if not 0 <= start < (math.inf if end is None else end):
        raise ValueError(f"there is nothing from second {start} to second {end}")
    rate, frames = sound.samplerate, sound.frames
    first = round(start * rate) if math.isfinite(start * rate) else frames
    last = frames if end is None else round(min(end * rate, 2.0**62))
    if first >= frames > 0 or last > frames + _OVERSHOOT_SECONDS * rate:
        raise ValueError(
            f"it ends at second {frames / rate:.2f}, before the end of the stretch "
            f"from {start} to {end}"
        )
    last = min(last, frames)
    if last - first > min(MAX_SECONDS * rate, _MAX_SAMPLES):
        raise ValueError(f"it is longer than {MAX_SECONDS} seconds")
    return first, last


def _mono(sound: soundfile.SoundFile, count: int, channel: int | None) -> np.ndarray:
    """So many samples from here on, float32 `[T]`, of a channel or of all."""
    if sound.channels > _MAX_CHANNELS:
        raise ValueError(f"it has {sound.channels} channels; {_MAX_CHANNELS} are read")
    if channel is not None and not 0 <= channel < sound.channels:
        raise ValueError(f"it has {sound.channels} channels and no number {channel}")
    block = max(1, _BLOCK // sound.channels)
    blocks, missing = [], count
    while missing > 0:
        block_TC = sound.read(min(block, missing), dtype="float32", always_2d=True)
        if not len(block_TC):
            break
        missing -= len(block_TC)
        mixed = block_TC.mean(axis=1) if channel is None else block_TC[:, channel]
        blocks.append(mixed.astype(np.float32))
    if missing > (_MP3_SLACK if sound.format == "MP3" else 0):
        raise ValueError("the file is cut short")
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if not np.all(np.isfinite(samples)):
        raise ValueError("it has samples that are no numbers")
    return samples


def _declared_size(head: bytes) -> int:
    """Bytes a WAV or AIFF file must have by its header; 0 where it does not say."""
    kinds = {
        (b"RIFF", b"WAVE"): ("little", b"data"),
        (b"FORM", b"AIFF"): ("big", b"SSND"),
    }
    order, wanted = kinds.get((head[:4], head[8:12]), ("", b""))
    place = 12
    while order and place + 8 <= len(head):
        size = int.from_bytes(head[place + 4 : place + 8], order)  # type: ignore[arg-type]
        if head[place : place + 4] == wanted:
            return 0 if size >= _UNKNOWN_LENGTH else place + 8 + size
        place += 8 + size + size % 2
    return 0
