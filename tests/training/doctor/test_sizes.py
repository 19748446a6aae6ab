"""Sizes are read as people write them, and the least room that there is counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_multimodel.training.doctor.sizes import (
    available_memory,
    own_memory,
    parse_size,
    size_text,
)

MB = 10**6


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8_000_000_000),
        ("8G", 8_000_000_000),
        ("8GiB", 8 * 2**30),
        ("750 MiB", 750 * 2**20),
        ("1.5tb", 1_500_000_000_000),
        ("12kB", 12_000),
        ("4096", 4096),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text, "--memory_limit") == size


@pytest.mark.parametrize("text", ["", "GB", "8 apples", "-3GB", "8GBB", "1e9", "8I"])
def test_what_is_no_size_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=f"--memory_limit={text} is no size; write"):
        parse_size(text, "--memory_limit")


def test_no_memory_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="--memory_limit=0GB leaves nothing"):
        parse_size("0GB", "--memory_limit")


def test_a_size_is_shown_in_a_unit_that_fits() -> None:
    sizes = (3_000, 44_082_000, 168_700_000, 2_100_000_000, 1.5e12)
    shown = ["3 kB", "44.08 MB", "169 MB", "2.10 GB", "1.50 TB"]
    assert [size_text(size) for size in sizes] == shown


def machine(folder: Path, available: int, membership: str) -> Path:
    """A /proc of a process that has 100 MB where `available` bytes are left."""
    (folder / "self").mkdir(parents=True)
    status = "Name:\tpython\nVmHWM:\t  97656 kB\nVmRSS:\t  97656 kB\n"
    (folder / "self/status").write_text(status, "utf-8")
    meminfo = f"MemTotal: 99999999 kB\nMemAvailable: {available // 1024} kB\n"
    (folder / "meminfo").write_text(meminfo, "utf-8")
    (folder / "self/cgroup").write_text(membership, "utf-8")
    return folder


def group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def test_without_groups_the_machine_decides(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 1024 * MB, "0::/\n")
    own = own_memory(proc=proc)
    assert own == 97656 * 1024
    assert available_memory(proc, tmp_path / "none") == own + 1024 * MB


def test_the_smallest_group_of_version_2_decides(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 9000 * MB, "0::/jobs/mine\n")
    groups = tmp_path / "groups"
    tight = {
        "memory.max": f"{600 * MB}\n",
        "memory.current": f"{500 * MB}\n",
        "memory.stat": f"anon 1\ninactive_file {200 * MB}\n",
    }
    group(groups / "jobs", tight)
    group(groups / "jobs/mine", {**tight, "memory.max": "max\n"})
    left = available_memory(proc, groups) - own_memory(proc=proc)
    assert left == 300 * MB  # what is cached can be dropped


def test_a_group_of_version_1_decides(tmp_path: Path) -> None:
    told = "5:cpu:/jobs\n4:memory:/jobs\n0::/\n"
    proc = machine(tmp_path / "proc", 9000 * MB, told)
    group(
        tmp_path / "groups/memory/jobs",
        {
            "memory.limit_in_bytes": f"{600 * MB}\n",
            "memory.usage_in_bytes": f"{500 * MB}\n",
            "memory.stat": f"cache 7\ntotal_inactive_file {50 * MB}\n",
        },
    )
    left = available_memory(proc, tmp_path / "groups") - own_memory(proc=proc)
    assert left == 150 * MB


def test_there_is_never_more_than_the_machine_has(tmp_path: Path) -> None:
    whole = 99_999_999 * 1024
    proc = machine(tmp_path / "proc", whole - 50 * MB, "")
    assert available_memory(proc, tmp_path) == whole


def test_this_machine_has_some_memory() -> None:
    assert 0 < own_memory() < available_memory()
    assert own_memory("VmHWM") >= 0.9 * own_memory()


def test_without_proc_the_peak_and_the_whole_machine_are_told(tmp_path: Path) -> None:
    own, whole = own_memory(proc=tmp_path), available_memory(tmp_path, tmp_path)
    assert own == pytest.approx(own_memory("VmHWM"), rel=0.1)
    assert whole >= available_memory()
