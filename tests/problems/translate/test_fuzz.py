"""Whatever a file holds: text, a counted skip, or one of the documented errors."""

from __future__ import annotations

import bz2
import gzip
import lzma
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.testing.corpus_files import sgm, tar, xml

QUICK = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NOISE = st.binary(max_size=200)
# What the readers look for, in an order that they do not expect.
TAGS = st.lists(
    st.sampled_from(
        [
            *("<srcset srclang='de'>", "<refset trglang=en>", "</refset>", "<seg>"),
            *("<doc docid='1'>", "<DOC id=2 sysid=x>", "</doc>", "<seg id='1'>"),
            *("</seg>", '<src lang="en">', "<ref lang='de'>", "<hyp>", "&amp;", "&#9;"),
            *(
                "&#1114112;",
                "&#xD800;",
                "<p",
                ">",
                "text",
                "\n",
                "\0",
                "é",
                "<seg id=1",
            ),
        ]
    ),
    max_size=25,
).map("".join)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A valid file with some bytes changed, removed or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        if draw(st.booleans()):
            data[place : place + draw(st.integers(0, 40))] = draw(NOISE)
        elif data:
            data[place] = draw(st.integers(0, 255))
    return bytes(
        data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data
    )


def _read(folder: Path) -> None:
    """Reads what there is; fails on any error that is not documented."""
    for pair in ("ende", "deen"):
        problem = registry.problem(f"translate_{pair}_wmt")
        try:
            for split in problem.splits(folder):
                for row in problem.examples(split, folder):
                    if not isinstance(row, Skip):
                        row["inputs"].encode(), row["targets"].encode()
        except (ValueError, OSError) as error:
            assert str(error)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source directory with a sound training corpus."""
    source = tmp_path / "source"
    source.mkdir()
    for language in ("en", "de"):
        (source / f"train.{language}").write_text("one\ntwo\n", "utf-8")
    return source


def _check(folder: Path, **files: bytes) -> None:
    for name, content in files.items():
        (folder / name.replace("__", "-").replace("_", ".")).write_bytes(content)
    _read(folder)
    beside = [path.name for path in folder.parent.iterdir()]
    assert beside == ["source"], "something has left the folder"


@QUICK
@given(
    data=st.one_of(
        NOISE, TAGS.map(str.encode), damaged(xml("en", "de", ("a", "b")).encode())
    )
)
def test_any_xml(folder: Path, data: bytes) -> None:
    _check(folder, newstest2014_xml=data)


SOURCE, REFERENCE = (
    sgm(side, language, "eins &amp; zwei", "drei").encode()
    for side, language in (("src", "en"), ("ref", "de"))
)


@QUICK
@given(
    source=st.one_of(damaged(SOURCE), TAGS.map(str.encode)),
    reference=st.one_of(st.just(REFERENCE), damaged(REFERENCE)),
)
def test_any_sgm(folder: Path, source: bytes, reference: bytes) -> None:
    _check(folder, dev__src_en_sgm=source, dev__ref_de_sgm=reference)


@QUICK
@given(
    data=st.one_of(
        NOISE,
        st.text("ende \t\n\r\0\ufeff\u2028é0.", max_size=60).map(str.encode),
    )
)
def test_any_tab_separated_file(folder: Path, data: bytes) -> None:
    _check(folder, test_tsv=data, more_en__de_tsv=data)


@QUICK
@given(lines=st.tuples(NOISE, NOISE))
def test_any_lines(folder: Path, lines: tuple[bytes, bytes]) -> None:
    _check(folder, dev_en=lines[0], dev_de=lines[1])


@pytest.mark.parametrize(
    ("ending", "compress"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
)
def test_any_compressed_file(
    folder: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    whole = compress(b"one\ntwo\n" * 20)
    (folder / f"dev.de.{ending}").write_bytes(whole)

    @QUICK
    @given(damaged(whole))
    def check(data: bytes) -> None:
        (folder / f"dev.en.{ending}").write_bytes(data)
        _read(folder)

    check()


NAMES = st.one_of(
    st.sampled_from(["../up.en", "/abs.en", "a/../../b.de", "dev.en", "dev.de", "\n"]),
    st.text(string.ascii_letters + "./\\-_\0é ", max_size=20),
)


@QUICK
@given(st.dictionaries(NAMES, NOISE, max_size=4), st.data())
def test_any_archive(
    folder: Path, members: dict[str, bytes], data: st.DataObject
) -> None:
    whole = tar({name: content for name, content in members.items() if name})
    if data.draw(st.booleans()):
        whole = data.draw(damaged(whole))
    (folder / "x.tar").write_bytes(whole)
    _check(folder, y_tgz=gzip.compress(whole))


@QUICK
@given(st.one_of(NOISE, st.text(string.printable, max_size=40).map(str.encode)))
def test_any_settings(folder: Path, data: bytes) -> None:
    _check(folder, corpus_toml=data)
