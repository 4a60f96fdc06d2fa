"""Cores for this process."""

import os
from pathlib import Path

import pytest

from biasfree.engines.cores import usable_cores

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def write(folder: Path, **files: str) -> None:
    """Write the files of a control group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_max", ".max").replace("cpu_cfs", "cpu.cfs")).write_text(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("max 100000", ALL),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("190000 100000", 1),
        ("200000 100000", min(2, ALL)),
        ("99900000 100000", ALL),
        ("", ALL),
        ("?", ALL),
        ("100 0", ALL),
    ],
)
def test_a_containers_quota_bounds_the_cores(tmp_path: Path, content: str, expected: int) -> None:
    """Rounded down to whole cores but to one, and never more than the machine has."""
    write(tmp_path, cpu_max=content)
    assert usable_cores(tmp_path, tmp_path / "none") == expected


def test_the_first_version_of_control_groups_is_read(tmp_path: Path) -> None:
    """Two files, and -1 for no quota."""
    write(tmp_path / "cpu", cpu_cfs_quota_us="-1\n", cpu_cfs_period_us="100000\n")
    assert usable_cores(tmp_path, tmp_path / "none") == ALL
    write(tmp_path / "cpu", cpu_cfs_quota_us="100000\n")
    assert usable_cores(tmp_path, tmp_path / "none") == 1


@pytest.mark.parametrize("line", ["0::/a/b\n", "4:cpu,cpuacct:/a/b\n"])
def test_a_group_without_a_namespace_is_found_by_its_path(tmp_path: Path, line: str) -> None:
    """And so is the quota of a group around it."""
    root = tmp_path / ("cpu,cpuacct" if "cpuacct" in line else "")
    (root / "a" / "b").mkdir(parents=True)
    write(root / "a", cpu_max="100000 100000")
    (tmp_path / "own").write_text(line)
    assert usable_cores(tmp_path, tmp_path / "own") == 1


def test_without_a_control_group_the_affinity_decides(tmp_path: Path) -> None:
    """No file, no quota."""
    assert usable_cores(tmp_path / "none", tmp_path / "none") == ALL
