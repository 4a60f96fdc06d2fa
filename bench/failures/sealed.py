"""The service without a writable temporary folder: the disk is full, or read-only (Linux, as root)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.failures.replicas import wait_until_ready
from bench.server import Server, end, free_port

ROOT = Path(__file__).parents[2]
#: The folders that Python falls back to besides the current one; none of them may be writable.
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  # not used as such
BEGIN = "set -e; mount -t tmpfs -o {options} tmpfs /tmp; mount --bind /tmp /var/tmp; cd /tmp; "
SERVE = 'exec "$0" -m service 2>>{log}'
#: The log goes to the full disk as well.
FILL = ": >log; dd if=/dev/zero of=full 2>/dev/null || true; "
FULL = BEGIN.format(options="size=1m") + FILL + SERVE.format(log="log")
READ_ONLY = BEGIN.format(options="ro") + SERVE.format(log="/dev/null")
PROBE = "mount -t tmpfs tmpfs /tmp"


def possible() -> bool:
    """Tell whether this works here: mounting is allowed, and neither the program nor Python is under ``/tmp``."""
    unshare = shutil.which("unshare")
    hidden = any(str(path.resolve()).startswith(TEMPORARY) for path in (ROOT, Path(sys.prefix)))
    if unshare is None or hidden:
        return False
    command = [unshare, "--mount", "sh", "-c", PROBE]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603  # ours


@contextmanager
def sealed(script: str, settings: Mapping[str, str]) -> Iterator[Server]:
    """Run the service in a separate mount namespace, and yield it when it is ready.

    Args:
        script: ``FULL`` or ``READ_ONLY``.
        settings: Further environment variables, ``BIASFREE_...``.

    Raises:
        RuntimeError: It is not ready within a minute.
    """
    port = free_port()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    environment = {key: value for key, value in os.environ.items() if key not in ("TMPDIR", "TEMP", "TMP")}
    environment |= {"PYTHONPATH": paths, "BIASFREE_PORT": str(port), "BIASFREE_DEVICE": "cpu", **settings}
    command = [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", script, sys.executable]
    process = subprocess.Popen(command, env=environment, text=True)  # noqa: S603  # ours
    try:
        wait_until_ready(f"http://127.0.0.1:{port}")
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        end(process)
