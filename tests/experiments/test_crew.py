"""Several runs side by side: all are done, a failure stops nobody, signals go on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from t2t_multimodel.experiments import crew
from t2t_multimodel.experiments.plan import Run
from t2t_multimodel.testing.small_experiment import tiny_hparams

# Stands for `one_run`: what it does is in its run's name.
WORKER = """
import json, os, signal, sys, threading, time
from pathlib import Path

folder = Path(sys.argv[1]) / "runs" / sys.argv[2]
what = sys.argv[2].split("-")[0]
(folder / "times").open("a").write(f"{time.time()}\\n")

def end_with_input():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_input, daemon=True).start()
if what == "fails":
    print("a line before\\nerror: the data is gone")
    sys.exit(1)
if what == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "waits":
    def stop(*_):
        (folder / "stopped").touch()
        os._exit(75)
    signal.signal(signal.SIGTERM, stop)
    (folder / "ready").touch()
    while True:
        time.sleep(0.02)
(folder / "result.json").write_text("{}")
(folder / "times").open("a").write(f"{time.time()}\\n")
"""


@pytest.fixture(autouse=True)
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stand_in_for_a_run.py").write_text(WORKER, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(crew, "_MODULE", "stand_in_for_a_run")
    monkeypatch.setattr(crew, "_POLL_SECONDS", 0.02)


def runs(*names: str) -> list[Run]:
    return [Run(name, ("reversal",), tiny_hparams(), f"arm {name}") for name in names]


def test_a_run_that_fails_is_named_with_its_log_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    asked = runs("works-1", "fails-1", "dies-1", "works-2")
    outcomes = crew.run_all(tmp_path, asked, 2, lines.append)
    by_name = {outcome.run.name: outcome for outcome in outcomes}
    assert {name: o.status for name, o in by_name.items()} == {
        "works-1": 0,
        "fails-1": 1,
        "dies-1": 1,
        "works-2": 0,
    }
    assert by_name["fails-1"].told == "the data is gone"
    assert by_name["dies-1"].told == "ended by SIGKILL"
    (line,) = [line for line in lines if "fails-1" in line]
    log = tmp_path / "runs" / "fails-1" / "log.txt"
    assert line.endswith(f"arm fails-1: failed: the data is gone; see {log}")
    assert "a line before" in log.read_text("utf-8")


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    crew.run_all(tmp_path, runs("works-1"), 1, lambda line: None)
    path = tmp_path / "runs" / "works-1" / "times"
    before = path.read_text("utf-8")
    lines: list[str] = []
    asked = runs("works-1", "works-2")
    assert len(crew.run_all(tmp_path, asked, 1, lines.append)) == 2
    assert path.read_text("utf-8") == before
    assert lines[0] == "1 of 2 runs are done already."
    assert lines[1].startswith("[2 of 2] arm works-2: done in 0.0 min")


def test_one_at_a_time_means_one_after_the_other(tmp_path: Path) -> None:
    crew.run_all(tmp_path, runs("works-1", "works-2"), 1, lambda line: None)
    times = [
        [float(t) for t in path.read_text("utf-8").split()]
        for path in sorted((tmp_path / "runs").glob("*/times"))
    ]
    assert times[0][1] <= times[1][0]


def test_a_signal_goes_on_to_those_that_run_and_no_other_begins(
    tmp_path: Path,
) -> None:
    ready = tmp_path / "runs" / "waits-1" / "ready"
    lines: list[str] = []

    def is_stopped() -> bool:
        if ready.exists():
            os.kill(os.getpid(), signal.SIGINT)
        return False

    before = signal.getsignal(signal.SIGINT)
    outcomes = crew.run_all(
        tmp_path, runs("waits-1", "works-1"), 1, lines.append, is_stopped
    )
    assert signal.getsignal(signal.SIGINT) is before
    assert [(o.run.name, o.status) for o in outcomes] == [("waits-1", 75)]
    assert (ready.parent / "stopped").exists()
    assert not (tmp_path / "runs" / "works-1").exists()
    assert lines == ["[1 of 2] arm waits-1: stopped; the same command goes on"]


def test_a_run_ends_with_who_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "waits-1"
    folder.mkdir(parents=True)
    with (folder / "log.txt").open("wb") as log:
        process = crew.start(tmp_path, "waits-1", log)
    while not (folder / "ready").exists():
        time.sleep(0.02)
    assert process.stdin is not None
    process.stdin.close()  # As when the parent is killed.
    assert process.wait(timeout=60) == 75
    assert (folder / "stopped").exists()


def test_how_far_a_run_is_stands_in_its_ledger(tmp_path: Path) -> None:
    assert crew.last_step(tmp_path) == 0
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"step": 7}\n{"step": 12}\n{"step": 1', "utf-8")
    assert crew.last_step(tmp_path) == 12
