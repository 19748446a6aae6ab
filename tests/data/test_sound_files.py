"""Sound files of every kind, whole and in stretches; what is broken is refused."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.data import sphere
from t2t_multimodel.data.sound_files import read

RATE = 16000


def noise(count: int = RATE, channels: int = 1) -> np.ndarray:
    chance = np.random.default_rng(count)
    return chance.integers(-30000, 30000, (count, channels)).astype(np.int16)


def written(
    samples: np.ndarray, kind: str = "WAV", rate: int = RATE, **more: str
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, **more)
    return buffer.getvalue()


def compressed(content: bytes = b"squeezed") -> bytes:
    """A SPHERE file that says that its samples are compressed by shorten."""
    lines = [
        "NIST_1A",
        "   1024",
        "sample_count -i 16000",
        "sample_rate -i 16000",
        "sample_coding -s26 pcm,embedded-shorten-v2.00",
        "end_head",
    ]
    return "\n".join(lines).encode().ljust(1024) + content


@pytest.fixture
def sph2pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name on the PATH: what is behind the header is the WAV."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "sph2pipe"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "assert sys.argv[1:4] == ['-p', '-f', 'wav'], sys.argv\n"
        "content = open(sys.argv[4], 'rb').read()[1024:]\n"
        "if not content.startswith(b'RIFF'):\n"
        "    sys.exit(f'cannot expand {sys.argv[4]}')\n"
        "sys.stdout.buffer.write(content)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.fixture
def no_sph2pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "NIST", "AIFF"])
def test_sixteen_bits_come_out_as_they_are(tmp_path: Path, kind: str) -> None:
    samples = noise()
    samples[:2, 0] = -32768, 32767
    path = tmp_path / "sound.raw"  # the name does not matter
    path.write_bytes(written(samples, kind))
    for file in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(read(file, RATE), samples[:, 0])


def test_big_endian_sphere_is_read() -> None:
    samples = noise()
    data = written(samples, "NIST", endian="BIG")
    assert b"sample_byte_format -s2 10" in data
    np.testing.assert_array_equal(read(data, RATE), samples[:, 0])


def test_eight_kilohertz_become_sixteen() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    samples = read(written(tone, rate=8000), RATE) / 32768
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert len(samples) == RATE
    np.testing.assert_allclose(samples[500:-500], expected[500:-500], atol=0.01)


def test_channels_are_averaged_or_chosen() -> None:
    samples = noise(channels=2)
    data = written(samples)
    mean = samples.astype(int).mean(axis=1)
    np.testing.assert_allclose(read(data, RATE), mean, atol=1)
    np.testing.assert_array_equal(read(data, RATE, channel=1), samples[:, 1])
    with pytest.raises(ValueError, match="it has 2 channels and no number 2"):
        read(data, RATE, channel=2)


def test_a_stretch_is_cut_out(tmp_path: Path) -> None:
    samples = noise(3 * RATE)
    for kind in ("WAV", "FLAC", "NIST"):
        path = tmp_path / kind
        path.write_bytes(written(samples, kind))
        stretch = read(path, RATE, 0.5, 2.25)
        np.testing.assert_array_equal(stretch, samples[8000:36000, 0])
        np.testing.assert_array_equal(read(path, RATE, 2.0), samples[32000:, 0])
        # A list of segments may be a little too generous.
        np.testing.assert_array_equal(read(path, RATE, 2.0, 3.4), samples[32000:, 0])


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (0.0, 3.6, r"ends at second 3.00, before the end of the stretch"),
        (3.0, 3.2, "ends at second 3.00"),
        (9.0, None, "ends at second 3.00"),
        (2.0, 1.0, "nothing from second 2.0 to second 1.0"),
        (-1.0, 1.0, "nothing from second -1.0"),
        (float("nan"), 1.0, "nothing from second nan"),
        (0.0, float("inf"), "ends at second 3.00"),
    ],
)
def test_a_stretch_that_is_not_there_is_refused(
    start: float, end: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(written(noise(3 * RATE)), RATE, start, end)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "NIST", "AIFF"])
@pytest.mark.parametrize("share", [0.5, 0.999])
def test_a_file_that_is_cut_short_is_refused(kind: str, share: float) -> None:
    data = written(noise(), kind)
    with pytest.raises(ValueError, match=r"cut short|not sound that can be read"):
        read(data[: int(share * len(data))], RATE)


def test_a_wav_that_does_not_know_its_length_is_read() -> None:
    data = bytearray(written(noise()))
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    np.testing.assert_array_equal(read(bytes(data), RATE), noise()[:, 0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "sound is not sound that can be read"),
        (b"no sound at all", "sound is not sound that can be read"),
        (written(noise(0)), "sound has no samples"),
        (written(noise(), rate=1000), "it has 1000 samples a second; 4000 to 400000"),
        (
            written(np.array([0.0, np.nan, 0.5]), subtype="FLOAT"),
            "samples that are no numbers",
        ),
        (
            written(np.array([0.0, np.inf, 0.5]), subtype="FLOAT"),
            "samples that are no numbers",
        ),
        (b"NIST_1A\n   1024\n", "SPHERE header has 1024 bytes or is cut"),
        (b"NIST_1A\n   x\n", "SPHERE header has no length"),
        (b"NIST_1A\n   1024\n".ljust(2000), "SPHERE header has no end_head"),
        (
            b"NIST_1A\n   1024\nsample_count -i many\nend_head".ljust(2000),
            "sample_count of the SPHERE header is 'many'",
        ),
    ],
    ids=range(10),
)
def test_what_is_no_sound_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(data, RATE)


def test_a_faulty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"odd\.wav is not sound"):
        read(path, RATE)
    with pytest.raises(FileNotFoundError, match="none"):
        read(tmp_path / "none.wav", RATE)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wv1"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=r"pipe\.wv1 is not a regular file"):
        read(pipe, RATE)
    assert not sphere.is_compressed(pipe)


def test_compressed_sphere_goes_through_sph2pipe(
    tmp_path: Path, sph2pipe: Path
) -> None:
    samples = noise()
    path = tmp_path / "a.wv1"
    path.write_bytes(compressed(written(samples)))
    assert sphere.is_compressed(path)
    np.testing.assert_array_equal(read(path, RATE), samples[:, 0])
    np.testing.assert_array_equal(read(path, RATE, 0.5), samples[8000:, 0])


def test_what_sph2pipe_says_is_told(sph2pipe: Path) -> None:
    with pytest.raises(
        ValueError, match=r"sound: sph2pipe cannot .*: cannot expand it"
    ):
        read(compressed(), RATE)


@pytest.mark.usefixtures("no_sph2pipe")
def test_without_sph2pipe_the_remedy_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wv1"
    path.write_bytes(compressed())
    message = r"a\.wv1: .*sph2pipe, .* not on the PATH: install it .* or convert"
    with pytest.raises(ValueError, match=message):
        read(path, RATE)


def test_plain_sphere_is_not_taken_for_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.wv1"
    path.write_bytes(written(noise(), "NIST"))
    assert not sphere.is_compressed(path)
    path.write_bytes(written(noise()))
    assert not sphere.is_compressed(path)


_SOUNDS = [written(noise(200), kind) for kind in ("WAV", "FLAC", "NIST", "AIFF", "OGG")]


@given(st.sampled_from(_SOUNDS), st.data())
def test_a_damaged_file_is_read_or_refused(sound: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(0, 5))):
        damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        samples = read(bytes(damaged[: data.draw(st.integers(0, len(sound)))]), RATE)
    except ValueError:
        return
    assert samples.dtype == np.int16 and samples.ndim == 1 and samples.size


_HEADER_LINES = st.sampled_from(
    [b"NIST_1A", b"   1024", b"   99", b"sample_count -i 3", b"end_head", b"", b"-i -i"]
)


@given(
    st.lists(_HEADER_LINES | st.binary(max_size=20), max_size=8), st.integers(0, 2000)
)
def test_any_header_is_read_or_refused(lines: list[bytes], size: int) -> None:
    data = (b"NIST_1A\n" + b"\n".join(lines)).ljust(size)
    try:
        header = sphere.Header(data)
        assert header.num_bytes <= len(data)
        assert header.sample_bytes >= 0 and header.compression.isascii()
    except ValueError:
        pass
