"""Inputs of all kinds become items in order; faults keep their place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from t2t_multimodel.decoding.reading import Item, read_file, read_stream


def read(text: str, file_format: str, column: str | None = None) -> list[Item]:
    return read_stream(io.BytesIO(text.encode()), file_format, "in", None, column)


def test_a_header_names_what_jsonl_names() -> None:
    table = "problem\tinputs\ttargets\tid\nparse_mini\ta\tb\t7\n"
    record = '{"problem": "parse_mini", "inputs": "a", "targets": "b", "id": "7"}'
    (of_table,) = read(table, "tsv")
    (of_json,) = read(record, "jsonl")
    assert (of_table.name, of_json.name) == ("in, line 2", "in, line 1")
    for item in (of_table, of_json):
        assert (item.value, item.problem, item.targets) == ("a", "parse_mini", "b")
        assert item.extra == {"id": "7"}
        assert not item.fault


def test_without_a_header_come_inputs_and_targets() -> None:
    items = read("a\tb\nc\n", "tsv")
    assert [(i.value, i.targets) for i in items] == [("a", "b"), ("c", None)]
    (item, short) = read("a\tb\nc\n", "tsv", column="2")
    assert (item.value, item.targets) == ("b", None)
    assert short.fault == "it has 1 columns, and the inputs are in column 2"
    (named,) = read("x\ty\na\tb\n", "tsv", column="y")
    assert (named.value, named.extra) == ("b", {"x": "a"})
    with pytest.raises(ValueError, match="counted from 1"):
        read("a", "tsv", column="0")


def test_a_line_ends_with_a_line_feed_only() -> None:
    assert [i.value for i in read("a\u2028b\x0bc\r\n\nd", "lines")] == [
        "a\u2028b\x0bc",
        "",
        "d",
    ]


def test_a_name_s_ending_says_how_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.JSONL"
    path.write_text('{"inputs": "a"}')
    assert [i.value for i in read_file(path)] == ["a"]
    assert [i.value for i in read_file(path, "lines")] == ['{"inputs": "a"}']
    assert read_file(path)[0].folder == tmp_path


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", "it is no JSON object"),
        ("", "it is not JSON"),
        ("{}", "its `inputs` is missing"),
        ('{"inputs": ["a"]}', 'its `inputs` is ["a"]: it needs a text or a path'),
        ('{"inputs": "a", "problem": 3}', "its `problem` is 3: it needs a name"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_fault_in_its_place(
    line: str, fault: str
) -> None:
    first, bad, last = read(f'{{"inputs": "a"}}\n{line}\n{{"inputs": "b"}}', "jsonl")
    assert (first.value, bad.name, last.value) == ("a", "in, line 2", "b")
    assert bad.fault.startswith(fault)
