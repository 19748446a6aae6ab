"""Workers meet on loopback before they train: all hear the same."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import socket
import time
from collections.abc import Mapping

import pytest

from t2t_multimodel.training.cluster import Cluster
from t2t_multimodel.training.launcher import free_addresses
from t2t_multimodel.training.roll_call import answer_roll_call, roll_call

FACTS = {"the problems": "parse_mini", "hyper-parameter depth": "64"}


def cluster_of(size: int) -> Cluster:
    names = tuple(f"worker[{n}]" for n in range(size))
    return Cluster(names, tuple(free_addresses(size)))


def hear(
    cluster: Cluster,
    facts: Mapping[int, Mapping[str, str]] | None = None,
    faults: Mapping[int, str] | None = None,
    absent: tuple[int, ...] = (),
    seconds: float = 20.0,
) -> list[str]:
    """What each worker of the cluster that is there hears: its error, or ""."""

    def worker(index: int) -> str:
        one = dataclasses.replace(cluster, index=index)
        own = (facts or {}).get(index, FACTS)
        try:
            answer_roll_call(one, own, (faults or {}).get(index, ""), seconds)
        except ValueError as error:
            return str(error)
        return ""

    present = [index for index in range(cluster.size) if index not in absent]
    with concurrent.futures.ThreadPoolExecutor(cluster.size) as pool:
        return list(pool.map(worker, present))


def connected(host: str, port: int) -> socket.socket:
    """A connection, as soon as somebody listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((host, port), timeout=5)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def test_workers_that_agree_go_on_and_leave_the_port_free() -> None:
    cluster = cluster_of(3)
    for _ in range(2):  # Again on the same ports, as after a restart.
        assert hear(cluster) == ["", "", ""]
    host, _, port = cluster.addresses[0].rpartition(":")
    socket.create_server((host, int(port))).close()


def test_a_fact_that_differs_is_named_with_both_values_at_all_workers() -> None:
    other = {**FACTS, "hyper-parameter depth": "128"}
    heard = hear(cluster_of(3), {2: other})
    assert (
        heard
        == [
            "The workers disagree on hyper-parameter depth: it is 64 at worker[0] "
            "and 128 at worker[2]. Start all with the same command, package and data."
        ]
        * 3
    )


def test_a_fact_that_one_does_not_know_differs() -> None:
    heard = hear(cluster_of(2), {1: {"the problems": "parse_mini"}})
    assert "depth: it is 64 at worker[0] and absent at worker[1]" in heard[1]


def test_another_cluster_is_a_difference() -> None:
    cluster = cluster_of(2)
    odd = dataclasses.replace(cluster, index=1, addresses=(cluster.addresses[0], "b:1"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = [
            pool.submit(answer_roll_call, one, FACTS, "", 20.0)
            for one in (cluster, odd)
        ]
        for result in results:
            with pytest.raises(ValueError, match=r"disagree on TF_CONFIG's cluster: "):
                result.result()


@pytest.mark.parametrize("index", [0, 1])
def test_a_fault_of_one_worker_ends_all_with_its_words(index: int) -> None:
    heard = hear(cluster_of(2), faults={index: "no data"})
    assert heard == [f"worker[{index}]: no data"] * 2


def test_who_does_not_come_is_named() -> None:
    cluster = cluster_of(3)
    heard = hear(cluster, absent=(1,), seconds=1.5)
    assert len(set(heard)) == 1
    assert heard[0].startswith(f"worker[1] ({cluster.addresses[1]}) did not come to")


def test_a_chief_that_does_not_come_is_named() -> None:
    cluster = cluster_of(2)
    (heard,) = hear(cluster, absent=(0,), seconds=0.5)
    assert heard.startswith(
        f"worker[1] could not reach worker[0] ({cluster.addresses[0]}) in time."
    )


def test_a_port_in_use_is_named() -> None:
    cluster = cluster_of(2)
    host, _, port = cluster.addresses[0].rpartition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(ValueError, match=rf"port {port} of .* cannot be listened at"),
    ):
        answer_roll_call(cluster, FACTS, seconds=1.0)


def test_strangers_at_the_port_are_passed_over() -> None:
    cluster = cluster_of(2)
    host, _, port = cluster.addresses[0].rpartition(":")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        chief = pool.submit(answer_roll_call, cluster, FACTS, "", 20.0)
        for words in (b"GET / HTTP/1.1\r\n", b"[1]\n", b'{"name": "worker[9]"}\n', b""):
            line = connected(host, int(port))
            line.sendall(words)
            line.close()
        answer_roll_call(dataclasses.replace(cluster, index=1), FACTS, seconds=20.0)
        chief.result()


def test_a_process_that_is_alone_asks_nobody() -> None:
    with roll_call(Cluster()) as facts:
        facts["the problems"] = "parse_mini"
    with pytest.raises(OSError, match="no data"), roll_call(Cluster()):
        raise OSError("no data")


def test_what_fails_inside_is_told_to_the_others() -> None:
    cluster = cluster_of(2)
    other = dataclasses.replace(cluster, index=1)

    def broken() -> None:
        with roll_call(other, 20.0):
            raise OSError("no data")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(broken)
        with pytest.raises(ValueError, match=r"worker\[1\]: no data"):
            answer_roll_call(cluster, FACTS, seconds=20.0)
        with pytest.raises(ValueError, match=r"worker\[1\]: no data"):
            result.result()
