"""Cores for this process."""

import os
from pathlib import Path

import pytest

from biasfree.engines.cores import usable_cores

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("max 100000", ALL),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("150000 100000", min(2, ALL)),
        ("99900000 100000", ALL),
        ("", ALL),
        ("?", ALL),
    ],
)
def test_a_containers_quota_bounds_the_cores(tmp_path: Path, content: str, expected: int) -> None:
    """Rounded up to whole cores, and never more than the machine has."""
    (tmp_path / "cpu.max").write_text(content)
    assert usable_cores(tmp_path / "cpu.max") == expected


def test_without_a_control_group_the_affinity_decides(tmp_path: Path) -> None:
    """No file, no quota."""
    assert usable_cores(tmp_path / "none") == ALL
