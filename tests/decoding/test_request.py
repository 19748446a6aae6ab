"""A request that makes no sense is refused in one line, before anything is loaded."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from t2t_multimodel.decoding.config import DecodeConfig
from t2t_multimodel.decoding.request import Request, is_piped


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give inputs as arguments, or --decode_from_file, --split"),
        ({"inputs": ("a",), "split": "dev"}, "arguments and --split are two sources"),
        ({"inputs": ("-", "a")}, "- reads standard input and stands alone"),
        ({"inputs": ("-",), "decode_from_file": "f"}, "are two sources"),
        ({"inputs": ("a",), "column": "2"}, "--column has no effect beside inputs as"),
        (
            {"split": "dev", "input_format": "tsv"},
            "--input_format has no effect beside",
        ),
        (
            {"decode_interactive": True, "decode_to_file": "f"},
            "--decode_to_file has no",
        ),
        ({"decode_interactive": True, "on_error": "skip"}, "--on_error has no effect"),
        ({"score_file": "-", "top_k": 3}, "--top_k has no effect beside --score_file"),
        (
            {"score_file": "-", "config": DecodeConfig(beam_size=2)},
            "--decode_hparams has no effect beside --score_file",
        ),
        ({"score_file": "."}, "--score_file=. is a folder"),
        ({"score_file": "-", "brackets": True}, "--brackets has no effect beside"),
        ({"score_file": "-", "input_format": "lines"}, "--score_file takes pairs"),
        ({"decode_from_file": "-", "column": "2"}, "--column is for TSV"),
        ({"inputs": ("a",), "decode_to_file": "no/where"}, "lies in no folder"),
        ({"inputs": ("a",), "decode_to_file": "."}, "--decode_to_file=. is a folder"),
        ({"decode_from_file": "nowhere.txt"}, "nowhere.txt does not exist"),
    ],
)
def test_what_makes_no_sense_is_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Request(**fields)


def test_a_line_alone_stands_for_standard_input() -> None:
    request = Request(inputs=("-",))
    assert (request.source, request.decode_from_file) == ("decode_from_file", "-")
    assert request.inputs == ()
    assert Request(score_file="-", column="3").source == "score_file"


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("a")
    linked = tmp_path / "linked.txt"
    linked.symlink_to(path)
    with pytest.raises(ValueError, match="both read and written"):
        Request(decode_from_file=str(path), decode_to_file=str(linked))
    Request(decode_from_file=str(path), decode_to_file=str(tmp_path / "out.txt"))


def test_a_pipe_or_a_file_is_standard_input_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, sink = os.pipe()
    (tmp_path / "in.txt").write_text("a")
    with (
        open(source) as pipe,
        open(sink, "w"),
        (tmp_path / "in.txt").open() as file,
        open(os.devnull) as nothing,
    ):
        for stream, expected in (
            (pipe, True),
            (file, True),
            (nothing, False),
            (io.StringIO("a"), False),
            (None, False),
        ):
            monkeypatch.setattr(sys, "stdin", stream)
            assert is_piped() is expected
