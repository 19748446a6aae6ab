"""Room on the disk is looked for first, and never denied for a guess."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2t_multimodel.data.generation import generate
from t2t_multimodel.data.space import check_space
from t2t_multimodel.testing.text_pairs import TextPairs


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    usage = SimpleNamespace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    return usage


def test_what_cannot_fit_is_refused_with_numbers(
    free: SimpleNamespace, tmp_path: Path
) -> None:
    free.free = 5_000_000_000
    message = r"has 5 GB free and about 12 GB are needed; .*--max_examples"
    with pytest.raises(OSError, match=message):
        check_space(tmp_path, [(100_000, 120_000.0, 100.0), (1000, 10.0, 0.0)])


def test_what_may_fit_is_only_warned_of(
    free: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    free.free = 11_000_000_000
    with caplog.at_level(logging.WARNING):
        check_space(tmp_path, [(100_000, 120_000.0, 5_000.0)])
        assert "11 GB free and about 12 GB may be needed" in caplog.text
        caplog.clear()
        check_space(tmp_path, [(100_000, 100_000.0, 5_000.0)])
        assert caplog.text == ""


def test_nothing_is_written_where_there_is_no_room(
    free: SimpleNamespace, tmp_path: Path
) -> None:
    free.free = 10_000
    rows = [(f"word {n}", "wort") for n in range(1000)]
    with pytest.raises(OSError, match=r"10 kB free and about \d+ kB are needed"):
        generate([TextPairs(*rows)], tmp_path / "data")
    assert not (tmp_path / "data").exists()
    free.free = 310_000
    made = generate([TextPairs(*rows)], tmp_path / "data")["pairs"]
    stored = sum(p.stat().st_size for p in (tmp_path / "data").iterdir())
    assert made.splits["train"].examples == 1000 and stored < 310_000
