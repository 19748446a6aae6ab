"""What the benchmarks share: processes of their own, clocks, rows, tables, JSON.

A part of the benchmark is a program of this folder that writes
`{"rows": [...], ...}` to `--output`. A row is one figure and what it is compared with
in the same run: `row("text_tiny", "step", 0.12, "s", 0.4, "of float32 products")`.
`all.py` joins the rows of all parts in one table.
"""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags
from rich.console import Console
from rich.table import Table

Row = dict[str, Any]
Key = TypeVar("Key")


def define_flags(flag_values: flags.FlagValues, rounds: int) -> None:
    """The flags that every part has."""
    flags.DEFINE_string("output", None, "Write JSON here.", flag_values=flag_values)
    flags.DEFINE_integer(
        "rounds",
        rounds,
        "How often each is timed.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "seconds",
        30.0,
        "Nothing is timed for longer than that, but three times at least.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "child", None, "Used by the program itself.", flag_values=flag_values
    )


def define_peer_flags(flag_values: flags.FlagValues) -> None:
    """Where the peer is, which is measured by turns with ours."""
    for name, text in (
        ("peer", "The folder of run_peer.py."),
        ("peer_python", "Python with its needs."),
        ("peer_t2t", "Where tensor2tensor lies."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=flag_values)


def row(
    case: str,
    what: str,
    value: float,
    unit: str,
    ratio: float | None = None,
    to: str = "",
) -> Row:
    """A figure of a case, its unit, and how it compares with another of the run."""
    return {
        "case": case,
        "what": what,
        "value": value,
        "unit": unit,
        "ratio": ratio,
        "to": to,
    }


def finish(
    title: str, found: Mapping[str, Any], output: str | None, part: bool = False
) -> None:
    """Prints a part's rows and writes all that it found."""
    Console(highlight=False, width=_width()).print(
        table_of(title, found["rows"], part=part)
    )
    write(found, output)


def write(found: Mapping[str, Any], output: str | None) -> None:
    """All that was found, to a file if one is asked for."""
    if output:
        Path(output).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _width() -> int | None:
    """As wide as a terminal; off one as wide as the table needs."""
    return None if sys.stdout.isatty() else 140


def table_of(title: str, rows: Sequence[Row], part: bool = False) -> Table:
    """A row a figure; `part` adds the column that says which program it is of."""
    table = Table(title=title)
    for heading in (["part"] if part else []) + ["case", "what"]:
        table.add_column(heading)
    table.add_column("figure", justify="right")
    table.add_column("ratio", justify="right")
    table.add_column("to")
    for each in rows:
        ratio = "" if each["ratio"] is None else f"{each['ratio']:.3g}"
        cells = [each["part"]] if part else []
        cells += [each["case"], each["what"], figure(each["value"], each["unit"])]
        table.add_row(*cells, ratio, each["to"])
    return table


def figure(value: float, unit: str) -> str:
    """A value in a unit, short: seconds below one in ms, three digits."""
    if unit == "s" and abs(value) < 1:
        value, unit = 1000 * value, "ms"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}"


def in_child(script: str, name: str, given: Sequence[str] = ()) -> dict[str, Any]:
    """What a program says of `--child=name`, in a process with memory of its own."""
    return run_json([sys.executable, script, f"--child={name}", *given])


def say(record: Mapping[str, Any]) -> None:
    """A child's answer: the last line that it prints."""
    sys.stdout.write(json.dumps(record) + "\n")


def run_json(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a program prints as its last line.

    Raises:
        ValueError: It failed; the end of what it said.
    """
    said = run_quietly(command, environment)
    record: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return record


def run_quietly(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> str:
    """What a program prints.

    Raises:
        ValueError: It failed; the end of what it said.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise ValueError(f"{' '.join(command)} failed: {' '.join(said)}")
    return done.stdout


def run_peer(flag_values: flags.FlagValues, name: str) -> dict[str, Any] | None:
    """The peer's own record of a case; None where it has none, or is not asked for."""
    if not flag_values.peer:
        return None
    program_file = Path(flag_values.peer) / "run_peer.py"
    if f'"{name}"' not in program_file.read_text("utf-8"):
        return None
    python = flag_values.peer_python or sys.executable
    return run_json(
        [python, str(program_file), "--case", name], peer_environment(flag_values)
    )


def peer_environment(flag_values: flags.FlagValues) -> dict[str, str]:
    """What the peer's Python is told."""
    return {
        "TF_USE_LEGACY_KERAS": "1",
        "PEER_T2T": flag_values.peer_t2t or "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def timed(
    call: Callable[[], object], rounds: int, most: float, warm_up: int = 3
) -> list[float]:
    """Seconds of each of `rounds` calls, or of three once they took `most` seconds."""
    return in_turn({"": call}, rounds, most, warm_up)[""]


def in_turn(
    calls: Mapping[Key, Callable[[], object]],
    rounds: int,
    most: float = math.inf,
    warm_up: int = 3,
) -> dict[Key, list[float]]:
    """Seconds of calls, round by round, so that a moment's load is in all of them.

    After `warm_up` rounds that do not count come `rounds`, or fewer, but three, where
    they would take longer than `most` seconds.
    """
    seconds: dict[Key, list[float]] = {name: [] for name in calls}
    begun = time.perf_counter()
    for number in range(-warm_up, rounds):
        if number == 0:
            begun = time.perf_counter()
        if number >= 3 and time.perf_counter() - begun > most:
            break
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def summed_up(seconds: Sequence[float]) -> dict[str, float]:
    """The median and the least of some times, and how many they are."""
    return {
        "median_s": statistics.median(seconds),
        "min_s": min(seconds),
        "rounds": len(seconds),
    }


def machine() -> dict[str, Any]:
    """What was measured on, and how busy it was."""
    return {"cores": os.cpu_count(), "load": os.getloadavg()}


def peak_mib() -> int:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
