"""A process with all that it started: BentoML's worker has a session of its own, out of reach of signals to a group."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress


def tree(root: int) -> Sequence[int]:
    """Process ids, parents before their children."""
    ps = shutil.which("ps")
    if ps is None:
        raise RuntimeError("the contestants need ps, which is not installed")
    table = subprocess.run([ps, "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True)  # noqa: S603
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    found = [root]
    for parent in found:  # grows while it is read
        found += [pid for pid, its_parent in pairs if its_parent == parent]
    return found


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """A signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
