"""The LDC's discs: sets, lists, transcripts on other discs, and copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.problems.speech.ldc import read_dots


class Discs:
    """Writes sounds and their transcripts in the LDC's layout."""

    def __init__(self, folder: Path, make_sound) -> None:
        self.folder, self._make_sound = folder, make_sound

    def add(self, place: str, name: str, text: str | None = None) -> Path:
        """A sound of a set, such as "11-1.1/wsj0/si_tr_s", and its transcript."""
        path = self.folder / place / name[:3] / f"{name}.wv1"
        self._make_sound(path)
        if text != "":
            self.dot("11-4.1/wsj0/transcrp/dots", name, text or f"{name[:3]} says")
        return path

    def dot(self, place: str, name: str, text: str) -> None:
        path = self.folder / place / name[:3] / f"{name[:6]}00.dot"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as opened:
            opened.write(f"{text} ({name})\n")


@pytest.fixture
def discs(tmp_path: Path, make_sound) -> Discs:
    return Discs(tmp_path, make_sound)


def test_sets_of_both_corpora_are_the_standard_splits(discs: Discs, told) -> None:
    discs.add("11-1.1/wsj0/si_tr_s", "011c0201", "I\\. ,COMMA [cough] agree")
    discs.add("13-1.1/wsj1/si_tr_s", "46ac0201")
    discs.add("11-6.1/wsj0/si_dt_20", "4k1c0201")
    discs.add("13-16.1/wsj1/si_dt_20", "4k0c0301")
    discs.add("11-14.1/wsj0/si_et_20", "440c0401")
    discs.add("11-14.1/wsj0/si_et_05", "441c0401")
    discs.add("11-7.1/wsj0/sd_tr_s", "001c0201")
    assert told(discs.folder) == {
        "train": ["i comma agree", "46a says"],
        "dev": ["4k0 says"],
        "test": ["440 says"],
        "skipped": [],
    }


def test_upper_case_names_and_wsj0_alone(discs: Discs, told) -> None:
    for place, name in (("SI_TR_S", "011C0201"), ("SI_DT_20", "050C0201")):
        path = discs.add(f"11_1_1/WSJ0/{place}", name, text="")
        path.rename(path.with_suffix(".WV1"))
        dot = discs.folder / f"WSJ0/TRANSCRP/DOTS/{name[:3]}/{name[:6]}00.DOT"
        dot.parent.mkdir(parents=True)
        dot.write_text(f"Word (  {name} )\r\n")
    expected = {"train": ["word"], "dev": ["word"], "skipped": []}
    assert told(discs.folder) == expected


def test_lists_say_which_sounds_of_a_set_count(discs: Discs, told) -> None:
    discs.add("wsj0/si_tr_s", "011c0201")
    for name in ("4k0c0301", "4k0c0302"):
        discs.add("wsj1/si_dt_20", name)
    for name in ("440c0401", "440v0401"):
        discs.add("wsj0/si_et_20", name)
    for place, entry in (
        ("wsj1/doc/indices/h1_p0.ndx", "13_16_1:wsj1/si_dt_20/4k0/4k0c0302.wv1"),
        ("wsj1/doc/indices/wsj1/eval/h1_p0.ndx", "13_33_1:wsj1/x/4o0/4o0c0201.wv1"),
        (
            "wsj0/doc/indices/test/nvp/si_et_20.ndx",
            "11_14_1:wsj0/si_et_20/440/440c0401",
        ),
        ("wsj0/doc/indices/test/vp/si_et_20.ndx", "11_14_1:wsj0/si_et_20/440/440v0401"),
    ):
        path = discs.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"; a remark\n{entry}\n")
    problem = registry.problem("speech_wsj")
    assert told(discs.folder)["dev"] == ["4k0 says"]
    assert told(discs.folder)["test"] == ["440 says"]
    (test,) = problem.examples("test", discs.folder)
    assert not isinstance(test, Skip)


def test_without_the_standard_sets_speakers_are_dealt_out(discs: Discs, told) -> None:
    for speaker in range(401, 411):
        for number in (1, 2):
            discs.add("wsj0/si_tr_s", f"{speaker}c020{number}")
    found = told(discs.folder)
    assert [len(found[split]) for split in ("train", "dev", "test")] == [16, 2, 2]
    assert len(set(found["dev"])) == len(set(found["test"])) == 1
    assert not set(found["dev"] + found["test"]) & set(found["train"])


def test_gaps_and_copies_are_told(discs: Discs, told) -> None:
    discs.add("wsj0/si_dt_20", "050c0201")
    discs.add("a/wsj0/si_tr_s", "011c0201")
    copy = discs.add("b/wsj0/si_tr_s", "011c0201", text="")
    silent = discs.add("a/wsj0/si_tr_s", "011c0202", text="")
    left_out = discs.add("11-2.1/wsj0/si_tr_s", "401c0201")
    discs.add("a/wsj0/si_tr_s", "012c0201")
    discs.dot("other", "012c0201", "something else")
    found = told(discs.folder)
    assert found["train"] == ["011 says"]
    assert found["skipped"] == [
        f"no fault: the same utterance on two discs, {copy}",
        f"sound without a transcript, {silent}",
        "an utterance with two transcripts, "
        f"{discs.folder}/other/012/012c0200.dot, line 1",
        f"no fault: not in the standard list of si-84, {left_out}",
    ]


def test_converted_sounds_are_taken_before_compressed_ones(
    discs: Discs, make_sound
) -> None:
    discs.add("wsj0/si_dt_20", "050c0201")
    path = discs.add("wsj0/si_tr_s", "011c0201")
    path.write_bytes(
        b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\n"
    )
    samples = make_sound(path.with_suffix(".flac"))
    problem = registry.problem("speech_wsj")
    assert problem.splits(discs.folder) == ("train", "dev")
    (example,) = problem.examples("train", discs.folder)
    assert not isinstance(example, Skip)
    assert example["inputs"].value().tolist() == samples.tolist()


def test_compressed_sounds_need_sph2pipe_before_anything_is_made(
    discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    discs.add("wsj0/si_dt_20", "050c0201")
    path = discs.add("wsj0/si_tr_s", "011c0201")
    head = (
        b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    )
    path.write_bytes(head.ljust(1024))
    monkeypatch.setenv("PATH", str(discs.folder))
    with pytest.raises(ValueError, match=r"speech_wsj: .*011c0201\.wv1: .* sph2pipe"):
        registry.problem("speech_wsj").splits(discs.folder)
    path.write_bytes(b"NIST_1A\nbroken")
    assert registry.problem("speech_wsj").splits(discs.folder) == ("train", "dev")


def test_links_in_a_circle_and_hidden_files_do_not_matter(discs: Discs, told) -> None:
    discs.add("wsj0/si_tr_s", "011c0201")
    discs.add("wsj0/si_dt_20", "050c0201")
    (discs.folder / "wsj0/again").symlink_to(discs.folder)
    (discs.folder / "wsj0/si_tr_s/011/._011c0202.wv1").write_bytes(b"of the system")
    assert told(discs.folder)["train"] == ["011 says"]


@given(content=st.text("ab ()\\\n\r[]401c02", max_size=40) | st.binary(max_size=40))
def test_any_dot_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.mktemp("dots") / "a.dot"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    for name, text in read_dots([path]).items():
        assert name == name.lower() and isinstance(text, str | Skip)
