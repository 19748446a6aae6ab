"""Test sets in SGM and XML: which segments pair up, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.text_files import TextFile
from t2t_multimodel.problems.translate.markup import languages_in, read_pairs

SOURCE = """<srcset setid="newstest2014" srclang="any">
<doc sysid="ref" docid="one" genre="news" origlang="de">
<hl>
<seg id="1">Titel</seg>
</hl>
<p>
<seg id="2">Fisch &amp; Brot &lt;b&gt; &quot;x&quot; &#39;y&apos; &#x20AC;</seg>
</p>
</doc>
<DOC docid=two>
<seg id=1>AT&T kauft a < b und &unbekannt; &#0; &#xD800;
  in zwei Zeilen</seg>
</DOC>
</srcset>
"""
REFERENCE = """<refset setid="newstest2014" srclang="any" trglang="en">
<doc sysid="ref" docid="one"><seg id="1">Title</seg><seg id="2">Fish</seg></doc>
<doc sysid="ref" docid="two"><seg id="1">AT&T buys</seg></doc>
</refset>
"""
PAIRS = [
    ("Titel", "Title"),
    ("Fisch & Brot <b> \"x\" 'y' €", "Fish"),
    ("AT&T kauft a < b und &unbekannt; &#0; &#xD800; in zwei Zeilen", "AT&T buys"),
]
XML = """<?xml version='1.0' encoding='utf-8'?>
<dataset id="newstest2021"><doc origlang="de" id="one"><src lang="de"><p>
<seg id="1">eins</seg> <seg id="2">zwei</seg></p></src>
<ref lang="fr" translator="A"><p><seg id="1">un</seg><seg id="2">deux</seg></p></ref>
<ref lang="fr" translator="B"><p><seg id="1">une</seg><seg id="2">2</seg></p></ref>
<ref lang="en" translator="A"><p><seg id="1">one</seg><seg id="2">two</seg></p></ref>
<hyp system="X" lang="fr"><p><seg id="1">no</seg><seg id="2">no</seg></p></hyp>
</doc><doc id="two"><src lang="de"><seg id="1">drei</seg></src></doc></dataset>
"""


def _sgm(folder: Path, source: str, reference: str) -> list[tuple[str, str] | Skip]:
    files = TextFile(folder / "src.de.sgm"), TextFile(folder / "ref.en.sgm")
    for file, text in zip(files, (source, reference), strict=True):
        file.path.write_text(text, "utf-8")
    return list(read_pairs(*files, ("de", "en")))


def _xml(folder: Path, target: str) -> list[tuple[str, str] | Skip]:
    file = TextFile(folder / "set.xml")
    file.path.write_text(XML, "utf-8")
    return list(read_pairs(file, file, ("de", target)))


def test_sgm_is_read_as_it_is_found(tmp_path: Path) -> None:
    assert _sgm(tmp_path, SOURCE, REFERENCE) == PAIRS


def test_documents_pair_up_by_name_and_segments_by_number(tmp_path: Path) -> None:
    lines = REFERENCE.splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    lines[2] = lines[2].replace(
        '<seg id="1">Title</seg><seg id="2">Fish</seg>',
        '<seg id="2">Fish</seg><seg id="1">Title</seg>',
    )
    assert _sgm(tmp_path, SOURCE, "\n".join(lines)) == PAIRS


def test_documents_without_names_in_common_pair_up_in_order(tmp_path: Path) -> None:
    other = REFERENCE.replace('docid="one"', 'docid="a"').replace('id="2"', 'id="9"')
    assert _sgm(tmp_path, SOURCE, other) == PAIRS


def test_of_several_references_the_first_counts(tmp_path: Path) -> None:
    second = REFERENCE.replace('sysid="ref"', 'sysid="ref2"').replace("Fish", "Trout")
    assert _sgm(tmp_path, SOURCE, REFERENCE + second) == PAIRS


def test_two_documents_under_one_name_stay_two(tmp_path: Path) -> None:
    source, reference = (t.replace("two", "one") for t in (SOURCE, REFERENCE))
    assert _sgm(tmp_path, source, reference) == PAIRS


def test_xml_gives_the_reference_in_the_language_asked_for(tmp_path: Path) -> None:
    *pairs, missing = _xml(tmp_path, "fr")
    assert pairs == [("eins", "un"), ("zwei", "deux")]
    assert isinstance(missing, Skip) and not missing.is_fault
    assert missing.reason == "no reference"
    assert missing.where.endswith("set.xml, document two, segment 1")
    assert _xml(tmp_path, "en")[:2] == [("eins", "one"), ("zwei", "two")]


def test_files_tell_their_languages() -> None:
    source, reference, both = map(languages_in, (SOURCE, REFERENCE, XML))
    assert source.has_source and not source.has_reference and source.source == ""
    assert reference.has_reference and not reference.has_source
    assert reference.targets == ("en",)
    assert (both.source, both.targets) == ("de", ("fr", "en"))
    assert not languages_in("<html><body>no</body></html>").has_source


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            REFERENCE.replace('<seg id="2">Fish</seg>', ""),
            r"src\.de\.sgm has 3 segments of de and .*ref\.en\.sgm has 2 of en: they "
            r"are not aligned in document one",
        ),
        (REFERENCE.split("<doc")[0], r"has 3 segments of de and .* has 0 of en"),
        (REFERENCE[: REFERENCE.index("buys")], r"ref\.en\.sgm is truncated"),
        (
            "<refset trglang='en'><seg>x</seg>",
            r"ref\.en\.sgm: a seg that belongs to no",
        ),
        (REFERENCE.replace('"en"', '"fr"'), r"has 3 segments of de .* 0 of en"),
    ],
)
def test_sets_that_do_not_fit_are_refused(
    tmp_path: Path, reference: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _sgm(tmp_path, SOURCE, reference)


def test_a_segment_that_is_no_text_is_skipped_and_named(tmp_path: Path) -> None:
    files = TextFile(tmp_path / "src.de.sgm"), TextFile(tmp_path / "ref.en.sgm")
    files[0].path.write_bytes(
        SOURCE.replace("Titel", "T\xe4tel").encode("latin-1", "replace")
    )
    files[1].path.write_bytes(REFERENCE.replace("Fish", "Fi\0sh").encode())
    first, second, third = read_pairs(*files, ("de", "en"))
    assert isinstance(first, Skip) and first.reason == "not valid UTF-8"
    assert first.where == f"{files[0]}, document one, segment 1"
    assert isinstance(second, Skip) and second.reason == "a NUL character"
    assert not isinstance(third, Skip)


def test_there_is_nothing_to_unfold(tmp_path: Path) -> None:
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;'>]>\n"
    reference = bomb + REFERENCE.replace("Fish", "&b;")
    assert _sgm(tmp_path, SOURCE, reference)[1] == (PAIRS[1][0], "&b;")
