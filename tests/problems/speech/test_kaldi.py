"""Kaldi's data directories: tables, segments, and commands that are never run."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel import registry
from t2t_multimodel.data.problem import Later, Skip
from t2t_multimodel.problems.speech.kaldi import read, sound_of
from t2t_multimodel.problems.speech.utterances import Utterance


def data_dir(folder: Path, speakers: int = 4, **files: str) -> Path:
    """A data directory of a clip a speaker; `files` replace or add tables."""
    names = [f"s{n:02}-u{n:02}" for n in range(speakers)]
    tables = {
        "wav.scp": "".join(f"{name} {name}.wav\n" for name in names),
        "text": "".join(f"{name} THIS, IS {name[-3:]}\n" for name in names),
        "utt2spk": "".join(f"{name} {name[:3]}\n" for name in names),
        **{name.replace("wav_scp", "wav.scp"): text for name, text in files.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_transcripts_are_dealt_out_by_speaker(tmp_path: Path, told, caplog) -> None:
    source = data_dir(tmp_path, speakers=20)
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        found = told(source)
    assert (
        "has no splits: its speakers were dealt out, 16 train, 2 dev, 2 test"
        in caplog.text
    )
    assert found.pop("skipped") == []
    assert {split: len(texts) for split, texts in found.items()} == {
        "train": 16,
        "dev": 2,
        "test": 2,
    }
    texts = sorted(text for split in found.values() for text in split)
    assert texts[:2] == ["this is u00", "this is u01"] and len(set(texts)) == 20


def test_folders_are_splits(tmp_path: Path, told) -> None:
    for place, split in (
        ("train_si284", "a"),
        ("test_dev93", "b"),
        ("test_eval92", "c"),
    ):
        name = f"{split}1"
        data_dir(
            tmp_path / "data" / place,
            wav_scp=f"{name} x.wav\n",
            text=f"{name} {split}\n",
            utt2spk=f"{name} s\n",
        )
    expected = {"train": ["a"], "dev": ["b"], "test": ["c"], "skipped": []}
    assert told(tmp_path) == expected


def test_segments_are_cut_out_of_recordings(tmp_path: Path, make_sound) -> None:
    samples = make_sound(tmp_path / "long.wav", seconds=3)
    source = data_dir(
        tmp_path,
        wav_scp="rec long.wav\n",
        text="a ONE\nb TWO\nc THREE\n",
        utt2spk="a s\nb s\nc s\n",
        segments="a rec 0.5 1.0\nb rec 1.0 -1\nc rec 2.9 3.2\n",
    )
    problem = registry.problem("speech_wsj")
    found = {
        example["targets"]: example["inputs"].value()
        for split in problem.splits(source)
        for example in problem.examples(split, source)
        if not isinstance(example, Skip) and isinstance(example["inputs"], Later)
    }
    np.testing.assert_array_equal(found["one"], samples[8000:16000])
    np.testing.assert_array_equal(found["two"], samples[16000:])
    np.testing.assert_array_equal(found["three"], samples[46400:])


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("/x/a.wav", ("/x/a.wav", None)),
        ("/x/with blank.wav", ("/x/with blank.wav", None)),
        ("/k/tools/sph2pipe -f wav /x/a.wv1 |", ("/x/a.wv1", None)),
        ("sph2pipe -f wav -p -c 2 /x/a.sph|", ("/x/a.sph", 1)),
        ("flac -c -d -s /x/a.flac |", ("/x/a.flac", None)),
        ("flac -cds --silent '/x/a b.flac' |", ("/x/a b.flac", None)),
        ("cat x.wav |", ("x.wav", None)),
    ],
)
def test_commands_that_unpack_a_file_are_that_file(
    entry: str, expected: tuple[str, int | None]
) -> None:
    assert sound_of(entry) == (Path(expected[0]), expected[1])


@pytest.mark.parametrize(
    "entry",
    [
        "sox a.wav -t wav - |",
        "rm -rf / |",
        "cat a.wav; touch b |",
        "cat $(touch b) |",
        "cat a.wav | sox - |",
        "cat a.wav > b |",
        "cat - |",
        "cat a b |",
        "cat |",
        "|",
        "flac -d -o b.wav a.flac |",
        "sph2pipe -f wav -c 3 a.sph |",
        "sph2pipe -f wav -c |",
        "sph2pipe -t 1:2 a.sph |",
    ],
)
def test_other_commands_are_refused_and_not_run(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is not run; write its output to a file"):
        sound_of(entry)


@pytest.mark.parametrize("entry", ["raw.ark:125", "/x/wav.scp:3", "", "cat 'a |"])
def test_what_is_no_file_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"archive|no file|quotation"):
        sound_of(entry)


def test_gaps_and_faults_are_counted_and_named(tmp_path: Path, told) -> None:
    source = data_dir(
        tmp_path,
        wav_scp="a a.wav\nb b.wav\na c.wav\nd sox d.wav - |\nf f.wav\n",
        text="a ONE\nc THREE\nd FOUR\nf [noise]\n",
        utt2spk="a s\nd t\nf s\n",
    )
    assert told(source)["skipped"] == [
        f"an id that occurs twice, {source}/wav.scp, line 3: a",
        f"sound without a transcript, {source}, utterance b",
        f"sound that is not to be had, {source}, utterance d: the command "
        "'sox d.wav - |' is not run; write its output to a file and give the file's "
        "path in wav.scp",
        f"no fault: a transcript without words, {source}/f.wav: '[noise]'",
        f"a transcript without sound, {source}, utterance c",
    ]


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ("a rec 0.5\n", "'rec 0.5' is not: recording, start, end"),
        ("a rec zero one\n", "'rec zero one' is not: recording, start, end"),
        ("a other 0 1\n", "wav.scp has no recording other"),
    ],
)
def test_broken_segments_are_faults(
    tmp_path: Path, segments: str, message: str
) -> None:
    source = data_dir(tmp_path, wav_scp="rec a.wav\n", text="a X\n", segments=segments)
    (found,) = read(source)
    assert isinstance(found, Skip) and found.is_fault and message in found.where


def test_without_speakers_utterances_are_dealt_out(
    tmp_path: Path, told, caplog: pytest.LogCaptureFixture
) -> None:
    source = data_dir(tmp_path)
    (source / "utt2spk").unlink()
    with caplog.at_level(logging.WARNING, "t2t_multimodel"):
        found = told(source)
    assert "has no utt2spk: each utterance counts as a speaker" in caplog.text
    assert [len(found[split]) for split in ("train", "dev", "test")] == [2, 1, 1]


def test_relative_paths_are_also_looked_for_where_the_recipe_ran(
    tmp_path: Path, make_sound
) -> None:
    make_sound(tmp_path / "wavs/a.wav")
    source = data_dir(
        tmp_path / "data/train", wav_scp="a wavs/a.wav\n", text="a X\n", utt2spk="a s\n"
    )
    (found,) = read(source)
    assert isinstance(found, Utterance) and found.sound == tmp_path / "wavs/a.wav"


_TABLE = st.lists(
    st.sampled_from(
        [
            "a",
            "a b",
            "a x.wav",
            "b " + "x" * 300,
            "b cat x |",
            "b a 0 1",
            "a a 1 -1",
            "\ta",
            "b\tb 2 3",
        ]
    )
    | st.text(max_size=12)
    | st.binary(max_size=12).map(lambda data: data.decode("latin-1")),
    max_size=5,
)


@given(
    tables=st.tuples(_TABLE, _TABLE, _TABLE, _TABLE),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_any_tables_give_utterances_or_faults(
    tmp_path_factory: pytest.TempPathFactory,
    tables: tuple[list[str], ...],
    encoding: str,
) -> None:
    folder = tmp_path_factory.mktemp("kaldi")
    for name, table in zip(
        ("wav.scp", "text", "segments", "utt2spk"), tables, strict=True
    ):
        (folder / name).write_bytes("\n".join(table).encode(encoding, "replace"))
    assert all(isinstance(found, Utterance | Skip) for found in read(folder))
