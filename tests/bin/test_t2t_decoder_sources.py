"""t2t-decoder: where inputs come from, how outputs are written, what is refused."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from t2t_multimodel.bin import t2t_decoder
from t2t_multimodel.problems.mini.scenes import KINDS
from t2t_multimodel.testing.run_program import call_program
from t2t_multimodel.training import restore

SENTENCES = ["A red fish jumps.", "Two birds.", "The big blue star sees a small cat."]
GERMAN = "--problem=translate_ende_mini"
# Quickly done: what is tested here does not hang on the search.
SHORT = "--decode_hparams=max_length=6,constrained=False"
pytestmark = pytest.mark.usefixtures("all_op_by_op")

_load_run = functools.cache(restore.load_run)


call = functools.partial(call_program, t2t_decoder)


@pytest.fixture
def run(run_folder: Path) -> str:
    return f"--output_dir={run_folder / 'run'}"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "a.png", "more/c.jpg"):
        pixels = rng.integers(0, 255, (40, 50, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def lines_of(text: str) -> list[str]:
    """What an untrained model writes may hold what else ends a line for Python."""
    assert text.endswith("\n")
    return text.removesuffix("\n").split("\n")


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(text)]


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is the same for all calls."""
    monkeypatch.setattr(restore, "load_run", _load_run)


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Gives a text to the program through a pipe."""
    with contextlib.ExitStack() as opened:

        def put(text: str) -> None:
            source, sink = os.pipe()
            with open(sink, "w", encoding="utf-8") as end:
                end.write(text)
            pipe = opened.enter_context(open(source, encoding="utf-8"))
            monkeypatch.setattr(sys, "stdin", pipe)

        yield put


def test_arguments_lines_tsv_jsonl_and_stdin_give_the_same(
    run: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    feed: Callable[[str], None],
) -> None:
    call(run, SHORT, GERMAN, *SENTENCES)
    expected = capsys.readouterr().out
    assert len(lines_of(expected)) == len(SENTENCES)
    # As some programs write texts: a mark at the beginning, two characters an end.
    lines = tmp_path / "in.txt"
    lines.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(SENTENCES).encode() + b"\r\n")
    named = tmp_path / "named.tsv"
    named.write_text("id\tinputs\n" + "".join(f"7\t{s}\n" for s in SENTENCES))
    counted = tmp_path / "counted.tsv"
    counted.write_text("".join(f"7\t{s}\n" for s in SENTENCES))
    objects = tmp_path / "in.jsonl"
    objects.write_text("".join(json.dumps({"inputs": s}) + "\n" for s in SENTENCES))
    for arguments in (
        [f"--decode_from_file={lines}"],
        [f"--decode_from_file={named}"],
        [f"--decode_from_file={counted}", "--column=2"],
        [f"--decode_from_file={objects}", "--batch_cost=1"],
    ):
        call(run, SHORT, GERMAN, *arguments)
        assert capsys.readouterr().out == expected, arguments
    feed("\n".join(SENTENCES))
    call(run, SHORT, GERMAN)
    assert capsys.readouterr().out == expected


def test_jsonl_goes_round_and_keeps_what_it_does_not_know(
    run: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = photos / "in.jsonl", photos / "out.jsonl"
    given = [
        {"problem": "translate_ende_mini", "inputs": SENTENCES[0], "id": 7},
        {"problem": "image_mini", "inputs": "a.png", "tags": ["x"]},
        {"problem": "translate_ende_mini", "inputs": SENTENCES[1]},
    ]
    source.write_text("".join(json.dumps(record) + "\n" for record in given))
    call(
        run,
        SHORT,
        "--output_format=jsonl",
        f"--decode_from_file={source}",
        f"--decode_to_file={target}",
    )
    first = records(target.read_text("utf-8"))
    for record, before in zip(first, given, strict=True):
        assert before.items() <= record.items()
        assert record["seconds"] > 0
    assert [record["name"] for record in first] == [
        f"{source}, line {number}" for number in (1, 2, 3)
    ]
    assert first[1]["output"] == first[1]["classes"][0]["name"]
    assert {entry["name"] for entry in first[1]["classes"]} <= set(KINDS)
    assert all(record["log_probability"] < 0 for record in (first[0], first[2]))
    # Outputs are inputs again, with the same answers.
    call(run, SHORT, "--output_format=jsonl", f"--decode_from_file={target}")
    again = records(capsys.readouterr().out)
    for before, after in zip(first, again, strict=True):
        assert after["output"] == before["output"]
        assert "log_probability" not in before or math.isclose(
            after["log_probability"], before["log_probability"], rel_tol=1e-4
        )


def test_what_cannot_be_read_stops_the_run_or_is_null_in_its_place(
    run: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = tmp_path / "in.jsonl"
    good = json.dumps({"inputs": SENTENCES[0], "problem": "translate_ende_mini"})
    bad = (
        b"{",
        b'"text"',
        b'{"inputs": 3}',
        b"\xff",
        b'{"inputs": "", "problem": "translate_ende_mini"}',
        b'{"inputs": "nowhere.png", "problem": "image_mini"}',
        b'{"inputs": "A.", "problem": "speech_mini"}',
        b'{"inputs": "A."}',
    )
    for line in bad:
        source.write_bytes(good.encode() + b"\n" + line + b"\n")
        with pytest.raises(ValueError, match=r"in\.jsonl, line 2"):
            call(run, SHORT, f"--decode_from_file={source}")
    capsys.readouterr()
    source.write_bytes(b"\n".join([*bad[:4], good.encode(), *bad[4:]]) + b"\n")
    with caplog.at_level(logging.WARNING):
        call(run, SHORT, f"--decode_from_file={source}", "--on_error=skip")
    lines = [line.split("\t")[-1] for line in lines_of(capsys.readouterr().out)]
    assert [line == "null" for line in lines] == [True] * 4 + [False] + [True] * 4
    assert caplog.messages[-1] == "8 of 9 inputs were skipped"
    assert "in.jsonl, line 1: it is not JSON" in caplog.messages[0]
    call(
        run,
        SHORT,
        f"--decode_from_file={source}",
        "--on_error=skip",
        "--output_format=jsonl",
    )
    found = records(capsys.readouterr().out)
    assert [record["output"] is None for record in found] == [
        "error" in record for record in found
    ]
    assert "line 9" in found[8]["error"]
    assert found[7]["problem"] == "speech_mini"
    assert "problem" not in found[0]
    # What could not be read does not make several problems of one.
    source.write_bytes(
        b"{\n" + json.dumps({"inputs": "nowhere.png", "problem": "image_mini"}).encode()
    )
    call(run, f"--decode_from_file={source}", "--on_error=skip")
    assert capsys.readouterr().out == "null\nnull\n"


def test_a_folder_stands_for_the_pictures_in_it(
    run: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a.png", "b.png", "more/c.jpg"]
    call(run, "--problem=image_mini", *(str(photos / name) for name in names))
    expected = capsys.readouterr().out
    call(run, "--problem=image_mini", str(photos))
    assert capsys.readouterr().out == expected
    call(
        run,
        "--problem=image_mini",
        f"--decode_from_file={photos}",
        "--output_format=jsonl",
    )
    found = records(capsys.readouterr().out)
    assert [record["inputs"] for record in found] == [str(photos / n) for n in names]
    with pytest.raises(ValueError, match=r"photos is a folder: only problems with im"):
        call(run, SHORT, GERMAN, f"--decode_from_file={photos}")
    (photos / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty has no file with one of the endings"):
        call(run, "--problem=image_mini", str(photos / "empty"))


def test_every_input_goes_to_every_problem_that_is_named(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("translate_ende_mini", "parse_mini")
    alone = []
    for name in names:
        call(run, SHORT, f"--problem={name}", *SENTENCES[:2])
        alone.append(lines_of(capsys.readouterr().out))
    call(run, SHORT, f"--problems={','.join(names)}", *SENTENCES[:2])
    assert lines_of(capsys.readouterr().out) == [
        f"{name}\t{alone[problem][number]}"
        for number in range(2)
        for problem, name in enumerate(names)
    ]


def test_a_split_is_decoded_in_its_order_beside_its_targets(
    run: str, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from t2t_multimodel import registry
    from t2t_multimodel.data.pipeline import raw_examples

    names = ("translate_ende_mini", "image_mini")
    call(
        run,
        SHORT,
        f"--problems={','.join(names)}",
        "--split=dev",
        "--max_examples=3",
        "--output_format=jsonl",
    )
    found = records(capsys.readouterr().out)
    assert [r["name"] for r in found] == [
        f"{n} dev {i}" for n in names for i in (0, 1, 2)
    ]
    problem = registry.problem("translate_ende_mini")
    raw = raw_examples(problem, run_folder / "data", "dev", 3)
    for record, example in zip(found[:3], raw, strict=True):
        assert (record["inputs"], record["targets"]) == (
            example["inputs"],
            example["targets"],
        )
    assert {record["targets"] for record in found[3:]} <= set(KINDS)
    call(run, SHORT, GERMAN, *(example["inputs"] for example in raw))
    assert lines_of(capsys.readouterr().out) == [r["output"] for r in found[:3]]


def test_nothing_is_left_of_an_output_that_is_not_whole(
    run: str, tmp_path: Path
) -> None:
    from t2t_multimodel.decoding.answers import whole_file

    target = tmp_path / "out.txt"
    target.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_file(target) as stream:
        stream.write("half")
        raise KeyboardInterrupt
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
    call(run, SHORT, GERMAN, SENTENCES[0], f"--decode_to_file={target}")
    assert target.read_text("utf-8") != "before"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_problem_does_not_have_cannot_be_asked_of_it(
    run: str, photos: Path, tmp_path: Path
) -> None:
    picture = str(photos / "a.png")
    with pytest.raises(ValueError, match="--top_k lists classes, and translate_ende"):
        call(run, SHORT, GERMAN, "--top_k=2", "a")
    with pytest.raises(ValueError, match="--brackets writes trees, and translate_ende"):
        call(run, SHORT, GERMAN, "--brackets", "a")
    with pytest.raises(ValueError, match="--decode_hparams says how text"):
        call(run, "--problem=image_mini", "--decode_hparams=beam_size=2", picture)
    table = tmp_path / "in.tsv"
    table.write_text("a\tb\nc\td\n")
    with pytest.raises(ValueError, match=r"no column 'x'; its first line has: a, b"):
        call(run, SHORT, GERMAN, f"--decode_from_file={table}", "--column=x")
    with pytest.raises(ValueError, match=r"line 1: it has 2 columns, and the inputs"):
        call(run, SHORT, GERMAN, f"--decode_from_file={table}", "--column=3")
    with pytest.raises(ValueError, match="both read and written"):
        call(
            run,
            SHORT,
            GERMAN,
            f"--decode_from_file={table}",
            f"--decode_to_file={table}",
        )


def test_a_conversation_goes_through_a_pipe(
    run: str, capsys: pytest.CaptureFixture[str], feed: Callable[[str], None]
) -> None:
    call(run, SHORT, GERMAN, SENTENCES[0])
    expected = capsys.readouterr().out
    call(run, SHORT, "--problem=parse_mini", SENTENCES[1])
    tree = capsys.readouterr().out
    feed(f"{SENTENCES[0]}\n:problem pars_mini\n:problem parse_mini\n{SENTENCES[1]}\n")
    call(run, SHORT, "--decode_interactive")
    first, refusal, greeting, last = lines_of(capsys.readouterr().out)
    assert (f"{first}\n", f"{last}\n") == (expected, tree)
    assert "no problem 'pars_mini'; near it: parse_mini" in refusal
    assert greeting.startswith("parse_mini: type a sentence")
