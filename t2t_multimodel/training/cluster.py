"""Which processes train together: TF_CONFIG, read and checked before TensorFlow loads.

TF_CONFIG is a JSON object with the same `cluster` in every process and the process's
own `task`:

    {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]},
     "task": {"type": "worker", "index": 0}}

The chief writes checkpoints and shows progress: the task of the type `chief` if there
is one, else worker 0. Standard library only.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from t2t_multimodel.training.config import near

VARIABLE = "TF_CONFIG"
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
TASK_TYPES = ("chief", "worker")
_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_ELSEWHERE = {
    "ps": "parameter servers are not used, all workers hold all weights",
    "evaluator": "evaluate with t2t-eval, which needs no cluster",
}


class WorkerLostError(RuntimeError):
    """Another worker is gone; the job has to be started again, all workers of it."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of a job, and which of them this is.

    Attributes:
        names: Of the tasks: "chief", "worker[0]" and so on; the chief's first.
        addresses: Where each listens, "host:port".
        index: This process's place in both.
    """

    names: tuple[str, ...] = ("worker[0]",)
    addresses: tuple[str, ...] = ("localhost:0",)
    index: int = 0

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self.names)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes and shows what the job does."""
        return self.index == 0

    @property
    def name(self) -> str:
        """This process's."""
        return self.names[self.index]


def read_cluster(environment: Mapping[str, str] | None = None) -> Cluster:
    """The cluster that TF_CONFIG describes; without TF_CONFIG this process alone.

    Args:
        environment: Where to find TF_CONFIG; the process's own by default.

    Raises:
        ValueError: It cannot be understood; the field is named.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text.strip():
        return Cluster()
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _wrong("", f"is not JSON ({error})", f"an example: {_EXAMPLE}") from error
    config = _object(config, "")
    if "cluster" not in config:
        return Cluster()
    cluster = _object(config["cluster"], "cluster")
    listed = [item for job in TASK_TYPES for item in _tasks(cluster, job)]
    _check_jobs(cluster)
    _check_twice(listed)
    names, addresses = zip(*listed, strict=True)
    index = _own_place(config, cluster)
    return Cluster(names, addresses, index)


def choose_strategy(name: str, cluster: Cluster, tpu: str = "") -> tuple[str, str]:
    """The strategy that is meant, as far as no device has to be looked for.

    Args:
        name: One of `STRATEGIES`.
        cluster: See `read_cluster`.
        tpu: Name or address of a TPU, if one is to be used.

    Returns:
        Its name, or "auto" where the devices decide; and why it was chosen.

    Raises:
        ValueError: There is no such strategy, or it does not go with the cluster.
    """
    if name not in STRATEGIES:
        raise ValueError(f"There is no strategy {name!r}; {near(name, STRATEGIES)}")
    if tpu and name not in ("auto", "tpu"):
        raise ValueError(f"--tpu={tpu} needs --strategy=tpu or auto, not {name}.")
    if cluster.size > 1 and (tpu or name not in ("auto", "multi_worker")):
        raise ValueError(
            f"{VARIABLE} lists {cluster.size} tasks, but the strategy is "
            f"{'tpu' if tpu else name}: each would train alone, into the same folder. "
            f"Use --strategy=multi_worker, or unset {VARIABLE}."
        )
    if name != "auto":
        if name == "multi_worker" and cluster.addresses == Cluster().addresses:
            raise ValueError(
                f"--strategy=multi_worker needs {VARIABLE}, which is not set; set it "
                f"for every worker, for example {_EXAMPLE}, or start all on this "
                "machine with --local_workers=2."
            )
        return name, "as asked"
    if tpu:
        return "tpu", f"a TPU is named, {tpu}"
    if cluster.size > 1:
        return "multi_worker", f"{VARIABLE} lists {cluster.size} tasks"
    return "auto", ""


def _wrong(field: str, what: str, remedy: str) -> ValueError:
    place = f"{VARIABLE}: {field}" if field else VARIABLE
    return ValueError(f"{place} {what}; {remedy}.")


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(field, f"is {value!r}, not an object", f"an example: {_EXAMPLE}")
    return value


def _tasks(cluster: Mapping[str, Any], job: str) -> list[tuple[str, str]]:
    """Name and address of a job's tasks."""
    addresses = cluster.get(job, [])
    field = f"cluster.{job}"
    if not isinstance(addresses, list):
        raise _wrong(
            field, f"is {addresses!r}, not a list", 'write ["10.0.0.1:2222", ...]'
        )
    if job == "chief" and len(addresses) > 1:
        raise _wrong(field, f"has {len(addresses)} tasks", "there is one chief at most")
    for number, address in enumerate(addresses):
        if not _is_address(address):
            raise _wrong(
                f"{field}[{number}]",
                f"is {address!r}, not host:port",
                'write "10.0.0.1:2222", with a port from 1 to 65535',
            )
    if job == "chief":
        return [("chief", address) for address in addresses]
    return [(f"{job}[{n}]", address) for n, address in enumerate(addresses)]


def _is_address(address: Any) -> bool:
    host, colon, port = str(address).rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    is_host = bool(host) and not any(c.isspace() or c == "/" for c in host)
    return isinstance(address, str) and bool(colon) and is_host and is_port


def _check_jobs(cluster: Mapping[str, Any]) -> None:
    for job in cluster:
        if job not in TASK_TYPES:
            _refuse_type(f"cluster.{job}", job)
    if not any(cluster.values()):
        raise _wrong("cluster", "has no tasks", f"an example: {_EXAMPLE}")


def _check_twice(listed: list[tuple[str, str]]) -> None:
    first: dict[str, str] = {}
    for name, address in listed:
        if address in first:
            raise _wrong(
                f"cluster.{name}",
                f"has the address {address!r} of cluster.{first[address]}",
                "every task needs its own",
            )
        first[address] = name


def _own_place(config: Mapping[str, Any], cluster: Mapping[str, Any]) -> int:
    """This process's place among the tasks, the chief's first."""
    if "task" not in config:
        raise _wrong("task", "is missing", "it says which task this process is")
    task = _object(config["task"], "task")
    for key in ("type", "index"):
        if key not in task:
            raise _wrong(
                f"task.{key}", "is missing", 'write {"type": "worker", "index": 0}'
            )
    job, index = task["type"], task["index"]
    if job not in TASK_TYPES:
        _refuse_type("task.type", job)
    if isinstance(index, str) and index.isascii() and index.isdigit():
        index = int(index)  # As launchers write it that fill in a text.
    size = len(cluster.get(job, []))
    if not size:
        raise _wrong("task.type", f"is {job!r}", f"but cluster has no {job}")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
        raise _wrong(
            "task.index",
            f"is {index!r}, out of range",
            f"cluster.{job} has {size}, numbered from 0 to {size - 1}",
        )
    return index + (len(cluster.get("chief", [])) if job == "worker" else 0)


def _refuse_type(field: str, job: Any) -> None:
    why = _ELSEWHERE.get(job) if isinstance(job, str) else None
    types = " and ".join(TASK_TYPES)
    raise _wrong(
        field, f"is {job!r}, no type of task here", why or f"there are {types}"
    )
