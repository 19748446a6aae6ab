"""Lines of text from plain and compressed files and from members of archives."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import logging
import lzma
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.data import text_files
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.text_files import TextFile, find_text
from t2t_multimodel.testing.corpus_files import tar

TEXT = "a house\nzwei Häuser\nune maison"
LINES = TEXT.split("\n")
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def _lines(file: TextFile) -> list[str | Skip]:
    return list(file.lines())


def _found(folder: Path) -> dict[str, str]:
    return {f.name: f.place for f in find_text(folder, lambda name: ".en" in name)}


@pytest.mark.parametrize("ending", COMPRESS)
def test_lines_come_from_every_compression(tmp_path: Path, ending: str) -> None:
    file = TextFile(tmp_path / f"train.en{ending}")
    file.path.write_bytes(COMPRESS[ending](TEXT.encode()))
    assert _lines(file) == LINES
    assert file.count_lines() == 3


@pytest.mark.parametrize("name", ["c.tar", "c.tgz", "c.tar.gz", "c.tar.bz2", "c.txz"])
def test_lines_come_from_members_of_archives(tmp_path: Path, name: str) -> None:
    ending = {"tgz": ".gz", "txz": ".xz"}.get(name[2:], Path(name).suffix)
    members = {
        "training/a.en": TEXT.encode(),
        "training/b.en.gz": gzip.compress(TEXT.encode() + b"\n"),
        "training/c.other": b"no",
    }
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / name
    path.write_bytes(COMPRESS[ending.removeprefix(".tar")](tar(members)))
    found = list(find_text(tmp_path, lambda name: ".en" in name))
    assert [f.name for f in found] == [
        f"sub/{name}/training/a.en",
        f"sub/{name}/training/b.en",
    ]
    assert [f.place for f in found] == ["sub/training/a.en", "sub/training/b.en"]
    assert [f.num_lines for f in found] == [3, 3]
    assert found[1].head == TEXT.encode() + b"\n"
    assert [_lines(f.file) for f in found] == [LINES, LINES]


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    file = TextFile(tmp_path / "a.en")
    file.path.write_bytes("\ufeffone\u2028\x0b\x85\rtwo\r\n\ufeffthree\n".encode())
    assert _lines(file) == ["one\u2028\x0b\x85\rtwo", "\ufeffthree"]


PIECES = st.sampled_from(
    [
        b"a",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\xff",
        "\u00e4\u2028".encode(),
        b"b" * 9,
    ]
)


@given(st.lists(PIECES, max_size=30).map(b"".join), st.integers(1, 40))
def test_blocks_of_lines_are_read_as_line_by_line(data: bytes, chunk: int) -> None:
    limit = 8

    def expected(line: bytes) -> str | None:
        with contextlib.suppress(UnicodeDecodeError):
            text = line.removesuffix(b"\r").decode()
            return None if len(line) >= limit or "\0" in text else text
        return None

    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(text_files, "LINE_LIMIT", limit)
        patch.setattr(text_files, "_CHUNK", chunk)
        file = TextFile(Path(folder) / "a.en")
        file.path.write_bytes(data)
        found = _lines(file)
        assert file.count_lines() == len(lines)
    assert [None if isinstance(f, Skip) else f for f in found] == list(
        map(expected, lines)
    )
    numbers = [n for n, f in enumerate(found, 1) if isinstance(f, Skip)]
    told = [f.where.split("line ")[1] for f in found if isinstance(f, Skip)]
    assert [int(where.partition(":")[0]) for where in told] == numbers


def test_a_line_that_is_no_text_is_skipped_and_named(tmp_path: Path) -> None:
    file = TextFile(tmp_path / "a.en")
    file.path.write_bytes(b"good\nH\xe4user\nnul\0\ngood\n")
    first, latin, nul, last = _lines(file)
    assert (first, last) == ("good", "good")
    assert isinstance(latin, Skip) and isinstance(nul, Skip)
    assert latin.reason == "not valid UTF-8" and nul.reason == "a NUL character"
    assert latin.where.startswith(f"{file}, line 2: ") and latin.is_fault
    assert nul.where == f"{file}, line 3"


def test_a_line_without_end_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "LINE_LIMIT", 10)
    file = TextFile(tmp_path / "a.en")
    for long in (b"x" * 10, b"x" * 11, b"x" * 20, b"x" * 99):
        file.path.write_bytes(b"123456789\n" + long + b"\nshort\n" + long)
        found = _lines(file)
        assert [line if isinstance(line, str) else line.reason for line in found] == [
            "123456789",
            "line of over 1 MiB",
            "short",
            "line of over 1 MiB",
        ]


def test_utf16_is_refused(tmp_path: Path) -> None:
    file = TextFile(tmp_path / "a.en")
    file.path.write_bytes("a house\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"a\.en is UTF-16; convert it to UTF-8"):
        _lines(file)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_a_damaged_compressed_file_is_named(tmp_path: Path, ending: str) -> None:
    file = TextFile(tmp_path / f"a.en{ending}")
    whole = COMPRESS[ending](TEXT.encode() * 100)
    for data in (whole[:-8], b"no such thing", whole[:4] + b"\xff" * 40):
        file.path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.en.* is truncated or damaged"):
            _lines(file)


@pytest.mark.parametrize("compress", ["", ".gz"])
def test_a_truncated_archive_is_named(tmp_path: Path, compress: str) -> None:
    path = tmp_path / f"c.tar{compress}"
    whole = COMPRESS[compress](tar({"a.en": TEXT.encode() * 1000}))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"c\.tar.* is truncated"):
        _found(tmp_path)


def test_members_that_lead_elsewhere_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../up.en", "/root.en", "in/../../up.en", "C:/x.en", "ok.en"):
            info = tarfile.TarInfo(name)
            info.size = len(TEXT.encode())
            archive.addfile(info, io.BytesIO(TEXT.encode()))
        link = tarfile.TarInfo("link.en")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        assert _found(tmp_path) == {"c.tar/ok.en": "ok.en"}
    (warning,) = caplog.messages
    assert (
        "5 files left out that cannot be read: ../up.en (a path with '..')" in warning
    )
    assert [p.name for p in tmp_path.parent.glob("*.en")] == []


def test_a_search_is_sorted_and_sees_nothing_hidden(tmp_path: Path) -> None:
    for name in ("b/x.en", "a/y.en.gz", "c.en", ".git/z.en", "a/._y.en", "d.fr"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    assert list(_found(tmp_path)) == ["c.en", "a/y.en", "b/x.en"]
