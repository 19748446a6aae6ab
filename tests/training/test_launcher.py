"""Local workers: each gets its TF_CONFIG, and the job starts again after a loss."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from t2t_multimodel.training.cluster import read_cluster
from t2t_multimodel.training.launcher import (
    LOST_STATUS,
    configs,
    free_addresses,
    job_status,
    launch,
)

# Notes that it ran, as which worker, then does what a script for it says.
WORKER = """
import json, os, pathlib, signal, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
folder = pathlib.Path(sys.argv[1])
runs = len(list(folder.glob(f"{index}-*")))
(folder / f"{index}-{runs}").write_text(os.environ["TF_CONFIG"])
"""


def job(folder: Path, script: str, **options: float) -> tuple[int, int]:
    """The job's status, and how often worker 1 ran."""
    command = [sys.executable, "-c", WORKER + script, str(folder)]
    status = launch(command, 2, **options)  # type: ignore[arg-type]
    return status, len(list(folder.glob("1-*")))


def test_each_worker_has_a_place_of_its_own_in_one_cluster(tmp_path: Path) -> None:
    assert job(tmp_path, "") == (0, 1)
    clusters = [
        read_cluster({"TF_CONFIG": path.read_text()})
        for path in sorted(tmp_path.iterdir())
    ]
    assert [cluster.index for cluster in clusters] == [0, 1]
    assert clusters[0].addresses == clusters[1].addresses


def test_configs_are_read_back() -> None:
    addresses = free_addresses(3)
    assert len(set(addresses)) == 3
    for index, config in enumerate(configs(addresses)):
        cluster = read_cluster({"TF_CONFIG": config})
        assert (cluster.index, cluster.addresses) == (index, tuple(addresses))


def test_a_job_that_lost_a_worker_starts_again_until_it_is_done(
    tmp_path: Path,
) -> None:
    script = (
        "if index and runs == 0: os.kill(os.getpid(), 9)\nif runs < 2: sys.exit(75)\n"
    )
    assert job(tmp_path, script) == (0, 3)


def test_restarts_come_to_an_end(tmp_path: Path) -> None:
    assert job(tmp_path, "sys.exit(75)", max_restarts=1) == (LOST_STATUS, 2)


def test_a_fault_is_not_tried_again(tmp_path: Path) -> None:
    assert job(tmp_path, "sys.exit(1 if index else 75)") == (1, 1)


def test_workers_that_outlive_the_job_are_killed(tmp_path: Path) -> None:
    script = "time.sleep(0 if index else 60); sys.exit(75)"
    started = time.monotonic()
    assert job(tmp_path, script, max_restarts=0, seconds_to_end=0.3)[0] == LOST_STATUS
    assert time.monotonic() - started < 30


def test_a_signal_goes_on_to_all_workers_and_ends_the_job(tmp_path: Path) -> None:
    script = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "(folder / f'ready-{index}').touch()\n"
        "time.sleep(60)\n"
    )

    def stop() -> None:
        while len(list(tmp_path.glob("ready-*"))) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    assert job(tmp_path, script) == (143, 1)
    thread.join()


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([0, 0], 0),
        ([75, -9], 75),
        ([0, -9], 75),
        ([1, 75], 1),
        ([75, 1, -9], 1),
        ([143, 143], 143),
    ],
)
def test_the_status_of_a_job(statuses: list[int], status: int) -> None:
    assert job_status(statuses) == status


def test_no_worker_is_no_job() -> None:
    with pytest.raises(ValueError, match="it takes at least 1"):
        launch(["true"], 0)
