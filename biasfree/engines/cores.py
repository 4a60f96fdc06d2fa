"""The number of processor cores available to this process."""

import os
from collections.abc import Iterator
from pathlib import Path

#: Linux mounts control groups here.
CGROUPS = Path("/sys/fs/cgroup")
#: Lines "HIERARCHY:CONTROLLERS:PATH" with the groups of this process.
OWN_GROUPS = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = CGROUPS, own_groups: Path = OWN_GROUPS) -> int:
    """Return the number of cores this process may use: its affinity, limited by its container's quota.

    A quota of 1.5 cores counts as one: two threads would be stopped for a quarter of the time.

    Args:
        cgroups: Where control groups are mounted, version 1 or 2.
        own_groups: File with the groups of this process; with its own namespace a container sees the mounted ones.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(int(quota) for quota in _quotas(cgroups, own_groups))]))


def _quotas(cgroups: Path, own_groups: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of this process's control groups and of their parents."""
    for folder in _folders(cgroups, own_groups):
        try:
            if (folder / "cpu.max").exists():  # version 2: "QUOTA PERIOD" in microseconds, or "max PERIOD"
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
            if int(quota) > 0:  # -1 for none
                yield int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue


def _folders(cgroups: Path, own_groups: Path) -> set[Path]:
    found = {cgroups, cgroups / "cpu", cgroups / "cpu,cpuacct"}
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers
        group = root / path.lstrip("/")
        found |= {root, group, *(parent for parent in group.parents if parent.is_relative_to(root))}
    return found
