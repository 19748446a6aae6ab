"""The other layouts of speech, gaps between splits, and what becomes of the sound."""

from __future__ import annotations

import io
import logging
import os
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.problem import Skip
from t2t_multimodel.data.sound_files import read
from t2t_multimodel.data.stored import verify
from t2t_multimodel.problems.speech.tables import (
    recognise_metadata,
    recognise_sphinx,
    recognise_tsv,
    tsv_header,
)
from t2t_multimodel.problems.speech.utterances import Utterance
from t2t_multimodel.testing.check_problem import check_problem

SHARED = Path(
    os.environ.get("T2T_SHARED_DATA", Path(__file__).parents[4] / "shared/data")
)
SPEECH = SHARED / "speech"


def test_tables_are_splits(tmp_path: Path, told) -> None:
    (tmp_path / "train.tsv").write_text("a.wav\tOne, two.\tann\n\nb.wav\tThree\n")
    (tmp_path / "valid.tsv").write_text("\ufeffc.wav\tFour\r\n", "utf-8")
    expected = {"train": ["one two", "three"], "dev": ["four"], "skipped": []}
    assert told(tmp_path) == expected


def test_a_header_names_columns(tmp_path: Path, told, make_sound) -> None:
    make_sound(tmp_path / "clips/a.wav")
    rows = [f"s{n}\ta.wav\tx\tword {n}" for n in range(10)]
    text = "client_id\tpath\tvotes\tsentence\n" + "\n".join(rows)
    (tmp_path / "validated.tsv").write_text(text)
    found = told(tmp_path)
    assert [len(found[s]) for s in ("train", "dev", "test", "skipped")] == [8, 1, 1, 0]
    corpus = recognise_tsv(tmp_path)
    assert corpus is not None
    first = next(corpus.read(""))
    assert isinstance(first, Utterance)
    assert (first.text, first.speaker) == ("word 0", "s0")
    assert first.sound == tmp_path / "clips/a.wav"


def test_a_first_line_that_names_no_columns_is_no_header() -> None:
    assert tsv_header(["path", "text"]) == {"path": 0, "text": 1}
    assert tsv_header(["Speaker", "Transcript ", "file"]) == {
        "path": 2,
        "text": 1,
        "speaker": 0,
    }
    for cells in (["path"], ["a.wav", "text"], ["path", "words"], []):
        assert tsv_header(cells) == {}


def test_broken_lines_of_a_table_are_faults(tmp_path: Path, told) -> None:
    content = b"a.wav\tone\nb.wav\n\tthree\nc.wav\t\xff\nd.wav\tfo\0ur\ne.wav\t...\n"
    (tmp_path / "train.tsv").write_bytes(content)
    (tmp_path / "dev.tsv").write_bytes(b"a.wav\tone\n")
    file = tmp_path / "train.tsv"
    assert told(tmp_path)["skipped"] == [
        f"a line without a path and a transcript, {file}, line 2",
        f"a line without a path and a transcript, {file}, line 3",
        f"a line that is not valid UTF-8, {file}, line 4",
        f"a line with a NUL byte, {file}, line 5",
        f"no fault: a transcript without words, {tmp_path}/e.wav: '...'",
    ]


def test_lj_speech_has_one_speaker(
    tmp_path: Path, told, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wavs").mkdir()
    rows = [f"LJ{n}|In 18{n}0,|In eighteen-{n},\n" for n in range(8)]
    text = "".join(rows) + "LJ8|Only raw.|\nLJ9\n"
    (tmp_path / "metadata.csv").write_text(text)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        found = told(tmp_path)
    assert (
        "utterances were dealt out, 7 train, 1 dev, 1 test (they share" in caplog.text
    )
    texts = sorted(text for s in ("train", "dev", "test") for text in found[s])
    assert texts == [*(f"in eighteen-{n}" for n in range(8)), "only raw"]
    assert found["skipped"][0].endswith("metadata.csv, line 10")


def test_sphinx_lists_are_read(tmp_path: Path, told, make_sound) -> None:
    for split, ids in (("train", ("f1/a", "f2/b", "f3/c", "f4/x")), ("test", ("g/d",))):
        lines = [f"<s> WORD {i[-1]} </s> ({i[-1]})\n" for i in ids if i != "f4/x"]
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / f"etc/an_{split}.fileids").write_text("\n".join(ids))
        (tmp_path / f"etc/an_{split}.transcription").write_text("".join(lines))
    make_sound(tmp_path / "wav/f1/a.sph")
    found = told(tmp_path)
    assert sorted(found["train"] + found["dev"]) == ["word a", "word b", "word c"]
    assert len(found["dev"]) == 1 and found["test"] == ["word d"]
    assert found["skipped"] == [
        f"sound without a transcript, {tmp_path}/etc/an_train.fileids, line 4"
    ]


def test_spoken_digits_are_named_by_their_files(
    tmp_path: Path, told, make_sound
) -> None:
    for name in ("7_ann_0", "0_bob_1", "3_cy_2", "seven"):
        make_sound(tmp_path / f"recordings/{name}.wav")
    found = told(tmp_path)
    texts = [found[split][0] for split in ("train", "dev", "test")]
    assert sorted(texts) == ["seven", "three", "zero"]
    assert len(found["skipped"]) == 1


def libri(folder: Path, make_sound, *subsets: str, speakers: int = 1) -> Path:
    """LibriSpeech's tree with two clips a speaker in each subset."""
    for number, subset in enumerate(subsets):
        for speaker in range(speakers):
            name = f"{number}{speaker}-7"
            chapter = folder / subset / f"{number}{speaker}" / "7"
            for clip in range(2):
                make_sound(chapter / f"{name}-{clip}.flac")
            (chapter / f"{name}.trans.txt").write_text(
                "".join(f"{name}-{clip} {subset.upper()} {clip}\n" for clip in range(2))
            )
    return folder


LIBRI_SETS = (
    "train-clean-100",
    "train-other-500",
    "dev-clean",
    "test-clean",
    "dev-other",
)


@pytest.mark.parametrize("problem", ["speech_librispeech", "speech_wsj"])
@pytest.mark.parametrize("root", ["", "LibriSpeech"])
def test_librispeech_has_its_own_splits(
    tmp_path: Path, told, make_sound, caplog, problem: str, root: str
) -> None:
    libri(tmp_path / root, make_sound, *LIBRI_SETS)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        found = told(tmp_path, problem)
    assert "is without train-clean-360" in caplog.text
    assert found == {
        "train": [f"train-{s} {n}" for s in ("clean-100", "other-500") for n in (0, 1)],
        "dev": ["dev-clean 0", "dev-clean 1"],
        "test": ["test-clean 0", "test-clean 1"],
        "skipped": [],
    }


def test_subsets_of_librispeech_can_be_chosen(tmp_path: Path, told, make_sound) -> None:
    libri(tmp_path, make_sound, *LIBRI_SETS)
    found = told(
        tmp_path,
        "speech_librispeech",
        train_sets="train-other-500, dev-clean",
        dev_sets="dev-other",
    )
    assert found["train"] == [
        f"{s} {n}" for s in ("train-other-500", "dev-clean") for n in (0, 1)
    ]
    assert found["dev"] == ["dev-other 0", "dev-other 1"]
    with pytest.raises(ValueError, match="dev-clean is named twice"):
        registry.problem("speech_librispeech", train_sets="dev-clean")


def test_a_part_of_librispeech_is_dealt_out_with_a_warning(
    tmp_path: Path, told, make_sound, caplog: pytest.LogCaptureFixture
) -> None:
    libri(tmp_path, make_sound, "test-clean", speakers=5)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        found = told(tmp_path, "speech_librispeech")
    assert "has no train split, only test: its speakers were dealt out, 3 train" in (
        caplog.text
    )
    assert [len(found[s]) for s in ("train", "dev", "test")] == [6, 2, 2]


def test_librispeech_tells_its_gaps(tmp_path: Path, told, make_sound) -> None:
    libri(tmp_path, make_sound, "train-clean-100", "dev-clean")
    chapter = tmp_path / "train-clean-100/00/7"
    (chapter / "00-7-0.flac").unlink()
    make_sound(chapter / "00-7-9.flac")
    with (chapter / "00-7.trans.txt").open("a") as opened:
        opened.write("00-7-1 AGAIN\n")
    found = told(tmp_path, "speech_librispeech")
    assert found["train"] == ["train-clean-100 1"]
    assert found["skipped"] == [
        f"a transcript without sound, {chapter}/00-7.trans.txt, line 1: 00-7-0",
        f"an id that occurs twice, {chapter}/00-7.trans.txt, line 3: 00-7-1",
        f"sound without a transcript, {chapter}/00-7-9.flac",
    ]


@pytest.mark.parametrize("ending", [".tar.gz", ".tar", ".zip"])
def test_librispeech_is_read_in_its_archives(
    tmp_path: Path, told, make_sound, ending: str
) -> None:
    libri(tmp_path / "a/LibriSpeech", make_sound, *LIBRI_SETS, speakers=2)
    kind = {".tar.gz": "gztar", ".tar": "tar", ".zip": "zip"}[ending]
    for subset in ("train-clean-100", "dev-clean", "test-clean"):
        shutil.make_archive(
            str(tmp_path / subset), kind, tmp_path / "a", f"LibriSpeech/{subset}"
        )
    expected = told(tmp_path / "a", "speech_librispeech", train_sets="train-clean-100")
    assert told(tmp_path, "speech_librispeech") == expected
    assert len(expected["train"]) == 4 and not expected["skipped"]
    (example, *_) = registry.problem("speech_librispeech").examples("dev", tmp_path)
    assert not isinstance(example, Skip)
    sound = pickle.loads(pickle.dumps(example["inputs"])).value()
    path = next((tmp_path / "a").rglob("dev-clean/*/*/*-0.flac"))
    assert sound.tolist() == read(path, 16000).tolist()


def test_what_is_wrong_in_an_archive_is_named(tmp_path: Path, told, make_sound) -> None:
    libri(tmp_path, make_sound, "dev-clean")
    archive = tmp_path / "train-clean-100.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in (
            ("LibriSpeech/README.TXT", b"read me"),
            ("LibriSpeech/train-clean-100/1/2/1-2-0.flac", b"no sound"),
            ("LibriSpeech/train-clean-100/1/2/1-2-7.flac", b"alone"),
            ("LibriSpeech/train-clean-100/1/2/1-2.trans.txt", b"1-2-0 A\n1-2-1 B\n"),
            ("../../1/2/1-2-1.flac", b"out of it"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    found = told(tmp_path, "speech_librispeech")
    inside = f"{archive}: LibriSpeech/train-clean-100/1/2"
    assert found["train"] == ["a"]
    assert found["skipped"][0].startswith("a file in an archive that is not read, ")
    assert found["skipped"][1:] == [
        f"a transcript without sound, {inside}/1-2.trans.txt, line 2: 1-2-1",
        f"sound without a transcript, {inside}/1-2-7.flac",
    ]
    problem = registry.problem("speech_librispeech")
    example = [
        e for e in problem.examples("train", tmp_path) if not isinstance(e, Skip)
    ]
    with pytest.raises(ValueError, match=r"tar\.gz: .*1-2-0\.flac is not sound"):
        example[0]["inputs"].value()
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"train-clean-100\.tar\.gz"):
        list(problem.examples("train", tmp_path))


def test_folders_may_be_in_different_forms(tmp_path: Path, told, make_sound) -> None:
    libri(tmp_path / "train", make_sound, "train-clean-100")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/all.tsv").write_text("a.wav\tOne!\n")
    assert told(tmp_path) == {
        "train": ["train-clean-100 0", "train-clean-100 1"],
        "dev": ["one"],
        "skipped": [],
    }


@pytest.mark.parametrize("name", ["speech_wsj", "speech_librispeech"])
def test_a_source_without_speech_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match=f"problem {name}: .*"):
        registry.problem(name).splits(tmp_path)


def test_broken_sounds_are_faults_of_their_example(tmp_path: Path, make_sound) -> None:
    rows = []
    for name in ("good", "short", "empty", "missing"):
        rows.append(f"{name}.wav\t{name}\n")
        if name != "missing":
            make_sound(tmp_path / f"{name}.wav")
    short = tmp_path / "short.wav"
    short.write_bytes(short.read_bytes()[:200])
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 16000)
    (tmp_path / "train.tsv").write_text("".join(rows))
    (tmp_path / "dev.tsv").write_text("good.wav\tgood\n")
    messages = {"short": "cut short", "empty": "has no samples", "missing": "missing"}
    for example in registry.problem("speech_wsj").examples("train", tmp_path):
        assert not isinstance(example, Skip)
        if (name := example["targets"]) == "good":
            assert len(example["inputs"].value()) == 1600
            continue
        with pytest.raises((ValueError, OSError), match=messages[name]) as caught:
            example["inputs"].value()
        assert f"{name}.wav" in str(caught.value)


@pytest.mark.parametrize("name", ["speech_wsj", "speech_librispeech"])
def test_they_are_problems(tmp_path: Path, make_sound, name: str) -> None:
    libri(tmp_path / "corpus", make_sound, *LIBRI_SETS[2:4], LIBRI_SETS[0])
    check_problem(registry.problem(name), tmp_path, tmp_path / "corpus")


def test_both_write_english_and_are_scored_by_words() -> None:
    for name in ("speech_wsj", "speech_librispeech"):
        problem = registry.problem(name)
        assert problem.command == "english" and problem.metrics == ("wer", "cer")
        assert problem.source and problem.licence and problem.layout


@given(
    content=st.just("a" * 300 + "\tword")
    | st.text("ab.wv/\t\n\r\0 pathtex", max_size=60)
    | st.binary(max_size=60)
)
def test_any_table_gives_utterances_or_faults(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    folder = tmp_path_factory.mktemp("tsv")
    data = content.encode() if isinstance(content, str) else content
    (folder / "a.tsv").write_bytes(data)
    (folder / "metadata.csv").write_bytes(data.replace(b"\t", b"|"))
    (folder / "wavs").mkdir(exist_ok=True)
    (folder / "etc").mkdir(exist_ok=True)
    (folder / "etc/x_train.fileids").write_bytes(data)
    (folder / "etc/x_train.transcription").write_bytes(data.replace(b"\t", b" ("))
    for recognise in (recognise_tsv, recognise_metadata, recognise_sphinx):
        corpus = recognise(folder)
        assert corpus is not None
        assert all(isinstance(found, Utterance | Skip) for found in corpus.read_all())


LENT = {"": 166, "an4": 39, "fsdd": 120, "ljspeech16k": 5, "LibriSpeech": 2}


@pytest.mark.skipif(not SPEECH.is_dir(), reason="the lent corpus is not here")
@pytest.mark.parametrize(("place", "count"), [*LENT.items(), ("wsj_layout", 10)])
def test_lent_speech_is_read_whole(tmp_path: Path, place: str, count: int) -> None:
    problem = registry.problem("speech_wsj")
    generate([problem], tmp_path, SPEECH / place)
    made = verify(problem, tmp_path)
    assert sum(split.examples for split in made.splits.values()) == count
    assert not any(split.skipped for split in made.splits.values())


@pytest.mark.skipif(not SPEECH.is_dir(), reason="the lent corpus is not here")
def test_lent_librispeech_is_read_whole(tmp_path: Path) -> None:
    problem = registry.problem("speech_librispeech")
    generate([problem], tmp_path, SPEECH)
    splits = verify(problem, tmp_path).splits
    assert {name: split.examples for name, split in splits.items()} == {
        "train": 1,
        "dev": 1,
    }
