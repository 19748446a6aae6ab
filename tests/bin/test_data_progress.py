"""Progress: bars on a terminal, and a line now and then where there is none."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from t2t_multimodel.bin import data_progress


def test_on_a_terminal_stages_have_bars_that_vanish() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120, no_color=True)
    with data_progress.progress(console) as show:
        show("listing", 7, None)
        show("writing", 20, 100)
        show("writing", 80, 100)
        show("pairs-train", 10, 50)
        show("pairs-train", 50, 50)
    shown = written.getvalue()
    assert "listing" in shown and "7/?" in shown
    assert "writing" in shown and "80%" in shown and "80/100" in shown
    assert "gone" in shown and "left" in shown
    assert "pairs-train" in shown
    last = shown.rpartition("listing")[2]
    assert "writing" in last and "pairs-train" not in last


def test_elsewhere_a_line_a_minute_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    written = io.StringIO()
    with data_progress.progress(Console(file=written, width=120)) as show:
        show("listing", 0, None)
        now[0] += 30
        show("listing", 900, None)
        now[0] += 30
        show("listing", 1200, None)
        show("writing", 200, 1200)  # begun earlier, gone on with
        now[0] += 100
        show("writing", 300, 1200)
        show("writing", 310, 1200)
        now[0] += 100
        show("writing", 1200, 1200)
    assert written.getvalue().splitlines() == [
        "listing: 1,200, 20/s",
        "writing: 300 of 1,200 (25 %), 1/s, 0:15:00 left",
    ]
