"""How many processor cores there are for this process."""

import math
import os
from pathlib import Path

#: Where Linux tells a control group's share of the processor: "QUOTA PERIOD" in microseconds, or "max PERIOD".
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cpu_max: Path = CPU_MAX) -> int:
    """Cores that this process may use: its affinity, and no more than its container's quota, rounded up.

    Args:
        cpu_max: File with the quota (control groups, version 2); without it there is none.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores
