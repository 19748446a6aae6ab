"""Archives: what is read from them, and that nothing in them is trusted."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2t_multimodel.data import unpacking
from t2t_multimodel.data.archives import (
    Member,
    has_random_access,
    is_archive,
    members,
    stream,
)

FILES = {
    "a/one.txt": b"one\ntwo\n",
    "b/" + "long name " * 30: bytes(range(256)) * 9,
    "empty": b"",
    "c/größe.txt": b"x" * 512,
}
MODES = {"t.tar": "w", "t.tgz": "w:gz", "t.tar.bz2": "w:bz2", "t.tar.xz": "w:xz"}
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
# The same cases every time, so that what fails fails again.
quick = settings(derandomize=True, max_examples=120, deadline=None)


def _tar(entries: list[tuple[tarfile.TarInfo, bytes]], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, **{"mode": "w", **options}) as tar:
        for info, data in entries:
            info.size = len(data) or info.size
            tar.addfile(info, io.BytesIO(data) if data else None)
    return buffer.getvalue()


def _plain_tar(files: dict[str, bytes], **options: Any) -> bytes:
    return _tar([(tarfile.TarInfo(n), d) for n, d in files.items()], **options)


def _zip(path: Path, files: dict[str, bytes], method: int) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("folder")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _archives(folder: Path) -> list[Path]:
    """The same files in archives of all kinds."""
    found = []
    for name, mode in MODES.items():
        path = folder / name
        path.write_bytes(_plain_tar(FILES, mode=mode))
        found.append(path)
    for name, method in (("s.zip", zipfile.ZIP_STORED), ("d.zip", 8)):
        found.append(_zip(folder / name, FILES, method))
    return found


def test_all_kinds_of_archives_give_the_same_files(tmp_path: Path) -> None:
    for path in _archives(tmp_path):
        assert is_archive(path)
        listed = pickle.loads(pickle.dumps(list(members(path))))
        # Backwards, so that each must be found on its own.
        assert {m.name: m.read() for m in reversed(listed)} == FILES
        assert [m.size for m in listed] == [len(data) for data in FILES.values()]
        assert {m.name: file.read() for m, file in stream(path)} == FILES
        with listed[0].open() as file:
            assert list(file) == [b"one\n", b"two\n"]
    assert not is_archive("notes.gz")


def test_a_stream_goes_on_whatever_was_read_of_a_member(tmp_path: Path) -> None:
    for path in _archives(tmp_path):
        starts = {member.name: file.read(3) for member, file in stream(path)}
        assert starts == {name: data[:3] for name, data in FILES.items()}


@pytest.mark.parametrize("form", FORMATS[1:])
def test_long_names_and_big_headers_of_all_tar_formats(
    tmp_path: Path, form: int
) -> None:
    path = tmp_path / "t.tar"
    big = tarfile.TarInfo("./x//y")
    big.pax_headers = {"comment": "ü" * 3000}
    big.mtime = 1.5  # type: ignore[assignment]
    long = tarfile.TarInfo("d/" * 150 + "z")
    path.write_bytes(_tar([(big, b"data"), (long, b"more")], format=form))
    assert {m.name: m.read() for m in members(path)} == {
        "x/y": b"data",
        "d/" * 150 + "z": b"more",
    }


def test_only_compressed_tars_have_no_random_access(tmp_path: Path) -> None:
    found = {path.name: has_random_access(path) for path in _archives(tmp_path)}
    assert [name for name, has in found.items() if has] == ["t.tar", "s.zip", "d.zip"]


def test_tars_within_a_tar_are_read_in_their_place(tmp_path: Path) -> None:
    inner = {f"n{number}.tar": _plain_tar(FILES) for number in range(3)}
    for name, mode in MODES.items():
        path = tmp_path / name
        path.write_bytes(_plain_tar(inner, mode=mode))
        found = [inside for member in members(path) for inside in member.members()]
        expected = {f"{tar}/{n}": data for tar in inner for n, data in FILES.items()}
        assert {m.name: m.read() for m in pickle.loads(pickle.dumps(found))} == expected


HOSTILE = {
    "../../up": "a path with '..'",
    "a/../../up": "a path with '..'",
    "a\\..\\up": "a path with '..'",
    "/etc/passwd": "an absolute path",
    "C:\\up": "an absolute path",
}


def test_paths_out_of_the_archive_are_listed_but_not_read(tmp_path: Path) -> None:
    files = dict.fromkeys((*HOSTILE, "good"), b"data")
    (tmp_path / "t.tar").write_bytes(_plain_tar(files))
    _zip(tmp_path / "z.zip", files, 0)
    for path in (tmp_path / "t.tar", tmp_path / "z.zip"):
        found = {member.name: member for member in members(path)}
        assert {n: m.fault for n, m in found.items() if m.fault} == HOSTILE
        assert found["good"].read() == b"data"
        for name, fault in HOSTILE.items():
            with pytest.raises(ValueError) as caught:
                found[name].read()
            assert str(caught.value) == f"{path}: {name}: {fault}"
        assert {m.name: f.read() for m, f in stream(path)} == {
            **dict.fromkeys(HOSTILE, b""),
            "good": b"data",
        }


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
        (tarfile.GNUTYPE_SPARSE, "a device or another special"),
    ],
)
def test_links_and_devices_are_not_read(
    tmp_path: Path, kind: bytes, fault: str
) -> None:
    special = tarfile.TarInfo("special")
    special.type, special.linkname = kind, "/etc/passwd"
    path = tmp_path / "t.tar"
    path.write_bytes(_tar([(special, b""), (tarfile.TarInfo("good"), b"data")]))
    first, second = members(path)
    assert first.fault.startswith(fault) and second.read() == b"data"
    with pytest.raises(ValueError, match=f"special: {fault}"):
        first.open()


def test_links_in_a_zip_are_not_read(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    (member,) = members(tmp_path / "z.zip")
    assert member.fault == "a link or a device, not a file"


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_that_unpacks_beyond_belief_is_refused(
    tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "bomb.tar"
    path.write_bytes(_plain_tar({"zeros": bytes(200 << 20)}, mode=mode))
    with pytest.raises(ValueError, match=r"bomb\.tar is a bomb: \d+ bytes unpack"):
        for _, file in stream(path):
            while file.read(1 << 20):
                pass
    with pytest.raises(ValueError, match=r"bomb\.tar is a bomb"):
        list(members(path))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    zeros = bytes(unpacking.FREE_BYTES + 1)
    path = _zip(tmp_path / "z.zip", {"zeros": zeros, "x": b"x" * 40000}, 8)
    with path.open("ab") as file:
        file.write(bytes(40000))  # so that the whole looks modest
    found = {member.name: member for member in members(path)}
    assert found["x"].read() == b"x" * 40000
    with pytest.raises(ValueError, match=r"z\.zip: zeros: a zip bomb: \d+ bytes"):
        found["zeros"].read()
    many = {f"{number}": zeros for number in range(5)}
    with pytest.raises(ValueError, match=r"many\.zip is a zip bomb: \d+ bytes declare"):
        list(members(_zip(tmp_path / "many.zip", many, 8)))


def test_a_zip_member_longer_than_declared_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", {"x": b"abc" * 100}, 8)
    (member,) = members(path)
    assert member.packed is not None
    short = Member(path, "x", 299, member.offset, member.packed)
    with pytest.raises(ValueError, match=r"z\.zip: x unpacks to more than it declares"):
        short.read()
    long = Member(path, "x", 301, member.offset, member.packed)
    with pytest.raises(ValueError, match=r"z\.zip: x is "):
        long.read()
    wrong = Member(path, "x", 300, member.offset, (*member.packed[:2], 5))
    with pytest.raises(ValueError, match="its checksum is not right"):
        wrong.read()
    elsewhere = Member(path, "x", 300, member.offset + 1, member.packed)
    with pytest.raises(ValueError, match="not where the zip's directory says"):
        elsewhere.read()


def test_what_is_longer_than_allowed_is_not_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    path.write_bytes(_plain_tar({"x": b"abc"}))
    (member,) = members(path)
    with pytest.raises(ValueError, match=r"t\.tar: x has 3 bytes; at most 2 are read"):
        member.read(limit=2)


def test_truncated_tars_name_the_last_whole_file(tmp_path: Path) -> None:
    whole = _plain_tar({"first": b"1" * 700, "second": b"2" * 700})
    path = tmp_path / "t.tar"
    # A header and two blocks for each file.
    for length, message in (
        (3 * 512 - 400, "at its beginning: the tar is truncated: 76 bytes"),
        (3 * 512 + 100, "after 'first': the tar is truncated$"),
        (3 * 512 - 100, "after 'first': the tar is truncated$"),
        (5 * 512, r"after 'first': the tar is truncated: 188 bytes"),
    ):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"t\.tar, {message}"):
            list(members(path))
    packed = zlib.compress(whole, wbits=31)
    path.write_bytes(packed[:-12])
    with pytest.raises(ValueError, match=r"t\.tar is truncated"):
        list(members(path))


def test_what_is_no_archive_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "page.tgz"
    for data, message in (
        (b"<html>404</html>" * 60, "at its beginning: this is no tar header"),
        (b"", "page.tgz is empty"),
        (b"\x1f\x8b\x08garbage garbage", "is damaged|is truncated"),
        (b"PK\x03\x04" + bytes(100), "its zip directory cannot be read"),
        (zlib.compress(b"text", wbits=31), "the tar is truncated"),
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"page\.tgz.*({message})|{message}"):
            list(members(path))
    with pytest.raises(FileNotFoundError):
        list(members(tmp_path / "nothing.tar"))


def _read_all(path: Path) -> None:
    """All doors to an archive; only the documented errors may come out."""
    for read in (_read_members, _read_inner, _read_stream):
        try:
            read(path)
        except (ValueError, OSError) as error:
            assert str(error)


def _read_members(path: Path) -> None:
    for member in members(path):
        if not member.fault:
            assert len(member.read(1 << 20)) == member.size


def _read_inner(path: Path) -> None:
    for member in members(path):
        for inner in member.members():
            inner.read(1 << 20)


def _read_stream(path: Path) -> None:
    for _, file in stream(path):
        file.read(1 << 20)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("samples")
    raw = [path.read_bytes() for path in _archives(folder)]
    return [*raw, _plain_tar({"n1.tar": _plain_tar(FILES)})]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "archive"


@given(data=st.data())
@quick
def test_no_bytes_raise_anything_undocumented(
    samples: list[bytes], target: Path, data: st.DataObject
) -> None:
    raw = bytearray(data.draw(st.sampled_from(samples)))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    target.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    _read_all(target)


@given(
    records=st.binary(max_size=80),
    kind=st.sampled_from([b"x", b"g", b"L", b"K", b"X", b"S", b"0", b"1", b"5", b"V"]),
    size=st.sampled_from([0, 5, 79, 512, 2**33, 2**62]),
)
@quick
def test_no_tar_header_raises_anything_undocumented(
    target: Path, records: bytes, kind: bytes, size: int
) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size or len(records)
    header = info.tobuf(tarfile.GNU_FORMAT)
    target.write_bytes(header + records.ljust(512, b"\0") + _plain_tar({"y": b"1"}))
    _read_all(target)
