"""The service as a separate process, on a free port on loopback."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

#: Time limit for a server to stop, in seconds.
ENDS_IN_S = 60


@dataclass(frozen=True)
class Server:
    """A running server: its ``url`` without a path, and its process."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def service(settings: Mapping[str, str] | None = None, *, module: str = "service") -> Iterator[Server]:
    """Run ``python -m service`` on the CPU until the context ends.

    Args:
        settings: Further environment variables, ``BIASFREE_...``.
        module: Module to run, which must log its address as the service does.

    Raises:
        RuntimeError: It ended before it served requests.
    """
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", **(settings or {})}
    command = [sys.executable, "-m", module]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)  # noqa: S603  # ours
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"serving on (http://\S+)", line):
                break
        else:
            raise RuntimeError("the service ended before it served requests; see its log above")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Server(found[1], process)
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Stop a process by SIGTERM, and by force if that does not help."""
    process.terminate()
    try:
        process.wait(timeout=ENDS_IN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, without its children (Linux)."""
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123  # a path of the kernel
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
