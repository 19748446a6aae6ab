"""Before anything is computed, all workers meet and compare what they are about to do.

The chief listens on its own address in TF_CONFIG, where TensorFlow will listen later;
every other worker sends it one line of JSON and gets a line back: empty, or what is
wrong, which then ends all of them alike. So a worker that was started with other
hyper-parameters, other data or another version, or that has no data at all, is found
in the first seconds and named. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from t2t_multimodel.training.cluster import VARIABLE, Cluster

SECONDS_TO_WAIT = 600.0
_SECONDS_TO_SPEAK = 10.0
_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_TO_COMPLAIN = 10.0
_LONGEST_LINE = 2**24

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def roll_call(
    cluster: Cluster, seconds: float = SECONDS_TO_WAIT
) -> Iterator[dict[str, str]]:
    """Does what is inside at every worker, and then compares what they say of it.

    Args:
        cluster: Who has to come. A process that is alone only does what is inside.
        seconds: How long to wait for the others.

    Yields:
        Where to enter the facts that all must have alike: values by names that a
        reader understands.

    Raises:
        ValueError: Something inside failed at a worker, one did not come, or a fact
            differs. The same one line at all workers that came.
    """
    facts: dict[str, str] = {}
    try:
        yield facts
    except (ValueError, OSError) as error:
        if cluster.size > 1:
            answer_roll_call(cluster, facts, str(error), seconds)
        raise
    answer_roll_call(cluster, facts, seconds=seconds)


def answer_roll_call(
    cluster: Cluster,
    facts: Mapping[str, str],
    fault: str = "",
    seconds: float = SECONDS_TO_WAIT,
) -> None:
    """As `roll_call`, once it is known what keeps this worker from training, if any."""
    if cluster.size == 1:
        return
    own = {
        "name": cluster.name,
        "cluster": [cluster.names, cluster.addresses],
        "facts": dict(facts),
        "fault": fault,
    }
    deadline = time.monotonic() + seconds
    meet = _chair if cluster.is_chief else _report
    verdict = meet(cluster, own, deadline)
    if verdict:
        raise ValueError(verdict)


def verdict_on(reports: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with the workers' reports, the chief's first; "" if nothing is."""
    reports = list(reports)
    for report in reports:
        if report["fault"]:
            return f"{report['name']}: {report['fault']}"
    chief, *others = reports
    for field in [f"{VARIABLE}'s cluster", *chief["facts"]]:
        for other in others:
            values = _value(chief, field), _value(other, field)
            if values[0] != values[1]:
                return (
                    f"The workers disagree on {field}: it is {values[0]} at "
                    f"{chief['name']} and {values[1]} at {other['name']}. Start all "
                    "with the same command, package and data."
                )
    return ""


def _value(report: Mapping[str, Any], field: str) -> str:
    if field == f"{VARIABLE}'s cluster":
        names, addresses = report["cluster"]
        return ", ".join(f"{n} {a}" for n, a in zip(names, addresses, strict=True))
    return str(report["facts"].get(field, "absent"))


def _chair(cluster: Cluster, own: Mapping[str, Any], deadline: float) -> str:
    """The chief's part: hears all others, and tells them what came of it."""
    reports = {cluster.name: own}
    complain = time.monotonic() + _SECONDS_TO_COMPLAIN
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_listening(cluster.addresses[0]))
        lines: list[socket.socket] = []
        while len(reports) < cluster.size and time.monotonic() < deadline:
            missing = [name for name in cluster.names if name not in reports]
            if time.monotonic() > complain:
                _log.info("Waiting for %s", _listed(cluster, missing))
                complain += 6 * _SECONDS_TO_COMPLAIN
            with contextlib.suppress(TimeoutError):
                line = stack.enter_context(server.accept()[0])
                report = _heard(line)
                # A stranger at the port, or one left over from before: not counted.
                if report.get("name") in cluster.names:
                    lines.append(line)
                    reports[report["name"]] = report
        missing = [name for name in cluster.names if name not in reports]
        verdict = verdict_on(reports[n] for n in cluster.names if n in reports)
        if missing and not verdict:
            verdict = (
                f"{_listed(cluster, missing)} did not come to the roll call at "
                f"{cluster.addresses[0]} in time. Start it, or see whether it can "
                "reach that address."
            )
        for line in lines:
            with contextlib.suppress(OSError):
                line.sendall(json.dumps({"verdict": verdict}).encode() + b"\n")
        for line in lines:  # They hang up first, which leaves the port free.
            with contextlib.suppress(OSError):
                line.recv(1)
    return verdict


def _report(cluster: Cluster, own: Mapping[str, Any], deadline: float) -> str:
    """The others' part: tells the chief, and hears what came of it."""
    host, port = _split(cluster.addresses[0])
    complain = time.monotonic() + _SECONDS_TO_COMPLAIN
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            left = max(deadline - time.monotonic(), 0.1)
            with socket.create_connection((host, port), timeout=left) as line:
                line.sendall(json.dumps(own).encode() + b"\n")
                # The chief waits for the others, as long as it has patience.
                line.settimeout(left + _SECONDS_TO_SPEAK)
                reply = _read(line)
                if "verdict" in reply:
                    return str(reply["verdict"])
        if time.monotonic() > complain:
            _log.warning("Waiting for %s", _listed(cluster, cluster.names[:1]))
            complain += 6 * _SECONDS_TO_COMPLAIN
        time.sleep(_SECONDS_BETWEEN_TRIES)
    return (
        f"{cluster.name} could not reach {_listed(cluster, cluster.names[:1])} in "
        "time. Start it, or see whether the address can be reached."
    )


def _listening(address: str) -> socket.socket:
    host, port = _split(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server(("", port), family=family, backlog=128)
    except OSError as error:
        raise ValueError(
            f"port {port} of {address} cannot be listened at ({error.strerror}): "
            "another process, perhaps of an earlier run, has it."
        ) from error
    server.settimeout(1.0)
    return server


def _heard(line: socket.socket) -> dict[str, Any]:
    line.settimeout(_SECONDS_TO_SPEAK)
    try:
        return _read(line)
    except OSError:
        return {}


def _read(line: socket.socket) -> dict[str, Any]:
    """One line of JSON; nothing where something else comes."""
    with line.makefile("rb") as file:
        text = file.readline(_LONGEST_LINE)
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _listed(cluster: Cluster, names: Iterable[str]) -> str:
    addresses = dict(zip(cluster.names, cluster.addresses, strict=True))
    return ", ".join(f"{name} ({addresses[name]})" for name in names)
