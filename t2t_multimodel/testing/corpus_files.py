"""Small files in the formats that corpora come in, for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files into a folder, made with those above it; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def tar(members: Mapping[str, bytes]) -> bytes:
    """The bytes of an archive with these files, whatever their names."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def sgm(side: str, language: str, *segments: str) -> str:
    """One side ("src" or "ref") of a test set in SGM, one segment a document."""
    target = f' trglang="{language}"' if side == "ref" else ""
    documents = "".join(
        f'<doc docid="{n}"><p>\n<seg id="1">{segment}</seg>\n</p></doc>\n'
        for n, segment in enumerate(segments)
    )
    return f'<{side}set srclang="any"{target}>\n{documents}</{side}set>\n'


def xml(source: str, target: str, *pairs: tuple[str, str]) -> str:
    """A test set in the XML of WMT 2021, one pair of segments a document."""
    documents = "".join(
        f'<doc id="{n}"><src lang="{source}"><p><seg id="1">{a}</seg></p></src>'
        f'<ref lang="{target}" translator="A"><p><seg id="1">{b}</seg></p></ref></doc>'
        for n, (a, b) in enumerate(pairs)
    )
    return f"<?xml version='1.0'?><dataset id='x'>{documents}</dataset>"
