"""The ledger's file: every step once, whenever the run was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_multimodel.training.ledger_file import NAME, LedgerFile, read_ledger


def interval(since: int, step: int) -> dict[str, Any]:
    return {"step": step, "since": since, "problems": {"a": {"batches": step - since}}}


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.integers(0, 11),
    st.integers(0, 60),
)
def test_a_file_cut_anywhere_goes_on_from_a_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], kept: int, lost: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    lines = [interval(end - n, end) for end, n in zip(ends, lengths, strict=True)]
    file = LedgerFile(folder)
    for line in lines:
        file.append(line)
    # The checkpoint of line `kept` is there; of what was written later any part is.
    kept = min(kept, len(lines) - 1)
    whole = (folder / NAME).read_bytes()
    least = len(b"".join(whole.splitlines(keepends=True)[: kept + 1]))
    (folder / NAME).write_bytes(whole[: max(least, len(whole) - lost)])
    assert LedgerFile(folder).go_back(ends[kept]) == lines[: kept + 1]
    for line in lines[kept + 1 :]:
        file.append(line)
    assert (folder / NAME).read_bytes() == whole


def test_a_change_of_the_mixture_stays_once_a_later_step_is_saved(
    tmp_path: Path,
) -> None:
    change = {"step": 5, "mixture": {"old": "uniform", "new": "a=2"}}
    lines = [interval(0, 5), change, interval(5, 8)]
    file = LedgerFile(tmp_path)
    for line in lines:
        file.append(line)
    assert file.go_back(8) == read_ledger(tmp_path) == lines
    assert file.go_back(5) == read_ledger(tmp_path) == lines[:1]
    assert file.go_back(0) == read_ledger(tmp_path) == []


def test_a_damaged_line_is_named_and_nothing_is_cut(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path)
    assert file.go_back(7) == read_ledger(tmp_path) == []
    file.append(interval(0, 5))
    with (tmp_path / NAME).open("ab") as raw:
        raw.write(b"{]\n" + json.dumps(interval(5, 9)).encode() + b"\n")
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(ValueError, match=r"ledger.jsonl, line 2 is damaged; move"):
        file.go_back(9)
    assert (tmp_path / NAME).read_bytes() == before
