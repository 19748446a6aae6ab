"""Amounts of memory: as people write them, and how much of it there is."""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BINARY = {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", re.IGNORECASE)


def parse_size(text: str, what: str) -> int:
    """Bytes of "8GB" (decimal), "8GiB" (binary), "750MB", "1.5T" or "1000000".

    Args:
        text: The size.
        what: Whose it is, for the error.

    Raises:
        ValueError: It is no size, or zero.
    """
    found = _SIZE.fullmatch(text.strip())
    units = _UNITS | _BINARY
    if not found or found[2].upper() not in units:
        raise ValueError(f"{what}={text} is no size; write it like 8GB or 750MiB.")
    size = int(float(found[1]) * units[found[2].upper()])
    if size < 1:
        raise ValueError(f"{what}={text} leaves nothing; give at least one byte.")
    return size


def size_text(size: float) -> str:
    """A size for people, in decimal units of three or four figures."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if abs(size) >= factor:
            value = size / factor
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"
    return f"{size / 1e3:.0f} kB"


def own_memory(field: str = "VmRSS", proc: Path = Path("/proc")) -> int:
    """This process's memory in bytes: now ("VmRSS"), or its peak ("VmHWM").

    Systems without /proc tell the peak alone.
    """
    if not (proc / "self/status").exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    return _fields(proc / "self/status")[field]


def available_memory(
    proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")
) -> int:
    """Bytes that this process has or could still get without swapping.

    The least of what the machine has and what the process's control groups leave, of
    either version, whole branch up to the root. Where there is no /proc, all the memory
    of the machine.
    """
    if not (proc / "meminfo").exists():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    own, machine = own_memory(proc=proc), _fields(proc / "meminfo")
    left = [machine["MemAvailable"], *_group_room(proc / "self/cgroup", cgroups)]
    # Pages of files that the process maps count as its own and as available.
    return min(machine["MemTotal"], own + max(0, min(left)))


def _group_room(memberships: Path, cgroups: Path) -> Iterator[int]:
    """What each control group of this process leaves."""
    if not memberships.exists():
        return
    for line in memberships.read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, names = cgroups / "memory", _VERSION_1
        elif not controllers:
            root, names = cgroups, _VERSION_2
        else:
            continue
        group = root / path.lstrip("/")
        while group == root or root in group.parents:
            yield from _room(group, *names)
            group = group.parent


_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")


def _room(group: Path, limit: str, usage: str, cache: str) -> Iterator[int]:
    try:
        most = (group / limit).read_text("utf-8").strip()
        used = int((group / usage).read_text("utf-8"))
        told = (group / "memory.stat").read_text("utf-8").splitlines()
    except OSError:
        return  # a group without such a limit: the root, or one that is not shown
    counts = dict(line.split(" ", 1) for line in told)
    if most != "max":
        # Files that were read and can be dropped count as used, and are no hindrance.
        yield int(most) - used + int(counts.get(cache, 0))


def _fields(path: Path) -> dict[str, int]:
    """Bytes of the lines "NAME: NUMBER kB"."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            found[name] = int(rest.split()[0]) * 1024
    return found
