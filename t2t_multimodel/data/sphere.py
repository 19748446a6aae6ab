"""NIST SPHERE: the sound files of the Linguistic Data Consortium (`.wv1`, `.sph`).

A header of text lines `name -type value`, then samples: plain, or squeezed by shorten,
which nothing in Python reads; the program sph2pipe does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

MAGIC = b"NIST_1A"
PROGRAM = "sph2pipe"

# Long enough for every header there is; the usual one has 1,024 bytes.
HEADER_BYTES = 1 << 14

_SIZE = re.compile(rb"NIST_1A\r?\n\s*(\d{1,8})\r?\n")
_FIELD = re.compile(r"(\S+)\s+-(i|r|s\d+)\s(.*)")
_SECONDS = 600


class Header:
    """What the header of a file says.

    Args:
        data: The file, or its first `HEADER_BYTES`.

    Attributes:
        num_bytes: Length of the header.
        fields: Its fields as text.

    Raises:
        ValueError: It is no SPHERE header, or a number is missing in it.
    """

    def __init__(self, data: bytes) -> None:
        match = _SIZE.match(data)
        if match is None:
            raise ValueError("the SPHERE header has no length")
        self.num_bytes = int(match[1])
        if not match.end() < self.num_bytes <= min(len(data), HEADER_BYTES):
            raise ValueError(f"the SPHERE header has {self.num_bytes} bytes or is cut")
        text = data[match.end() : self.num_bytes].decode("latin-1")
        lines, end, _ = text.partition("end_head")
        if not end:
            raise ValueError("the SPHERE header has no end_head")
        found = filter(None, map(_FIELD.match, lines.splitlines()))
        self.fields = {field[1]: field[3].strip() for field in found}

    @property
    def compression(self) -> str:
        """What the samples are squeezed by, such as "shorten"; "" if they are not."""
        coding = self.fields.get("sample_coding", "pcm")
        match = re.search(r"embedded-([a-z]+)", coding)
        return match[1] if match else ""

    @property
    def sample_bytes(self) -> int:
        """Bytes of all samples of all channels, where they are plain."""
        defaults = {"channel_count": "1", "sample_n_bytes": "2"}
        product = 1
        for name in ("sample_count", "channel_count", "sample_n_bytes"):
            text = self.fields.get(name, defaults.get(name, ""))
            if not re.fullmatch(r"\d{1,12}", text):
                raise ValueError(f"{name} of the SPHERE header is {text!r}, no number")
            product *= int(text)
        return product


def expand(data: bytes) -> bytes:
    """A compressed file as WAV, by sph2pipe.

    Raises:
        ValueError: sph2pipe is not on the PATH, or cannot read the file.
    """
    check_program()
    with tempfile.NamedTemporaryFile(suffix=".sph") as file:
        file.write(data)
        file.flush()
        command = [PROGRAM, "-p", "-f", "wav", file.name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"{PROGRAM} took over {_SECONDS} seconds") from error
    if done.returncode or not done.stdout:
        told = done.stderr.decode(errors="replace").strip().replace(file.name, "it")
        raise ValueError(f"{PROGRAM} cannot read it (status {done.returncode}): {told}")
    return done.stdout


def check_program() -> None:
    """Raises `ValueError`, with the remedy, where sph2pipe is not on the PATH."""
    if shutil.which(PROGRAM) is None:
        raise ValueError(
            f"the sound is compressed by shorten, and {PROGRAM}, which expands it, is "
            f"not on the PATH: install it (https://www.openslr.org/3/), or convert the "
            f"files to plain SPHERE or WAV"
        )


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed SPHERE.

    Raises:
        OSError: The file cannot be read.
        ValueError: It has the magic of SPHERE and no header.
    """
    if not path.is_file():
        return False
    with path.open("rb") as opened:
        head = opened.read(HEADER_BYTES)
    return head.startswith(MAGIC) and bool(Header(head).compression)
