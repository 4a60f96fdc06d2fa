"""Replicas of the service on fixed ports behind a real nginx with ``deploy/nginx/biasfree.conf``."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.server import end, free_port

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "biasfree.conf"
STARTS_IN_S = 60.0
#: The configuration around the tested file, with everything in one folder.
FRAME = """\
daemon off;
master_process on;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/biasfree.conf;
}}
"""


class Replica:
    """A ``python -m service`` on a port that it keeps across restarts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the replica, and wait until it is ready.

        Raises:
            RuntimeError: It is not ready within a minute.
        """
        environment = {**os.environ, "BIASFREE_PORT": str(self.port), "BIASFREE_DEVICE": "cpu"}
        command = [sys.executable, "-m", "service"]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, text=True)  # noqa: S603  # ours
        wait_until_ready(f"http://127.0.0.1:{self.port}")

    def stop(self) -> None:
        """Stop the replica as a supervisor does: send SIGTERM and wait."""
        if self._process is not None:
            end(self._process)

    def kill(self) -> None:
        """Kill the replica as the kernel does when memory runs out."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def replicas(count: int = 2) -> Iterator[list[Replica]]:
    """Run replicas, and yield them when they are ready."""
    started = [Replica(free_port()) for _ in range(count)]
    try:
        for each in started:
            each.start()
        yield started
    finally:
        for each in started:
            each.stop()


@contextmanager
def nginx(behind: list[Replica], *, retries: bool = True) -> Iterator[str]:
    """Run nginx in front of replicas, and yield its URL.

    Args:
        behind: Two replicas.
        retries: True to try another replica if one does not answer, as in the configuration. Otherwise a request that
            was sent is lost with its replica, the default of nginx.

    Raises:
        RuntimeError: nginx is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise RuntimeError("this trial requires nginx: install the package of your distribution")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="biasfree-nginx-") as name:
        folder = Path(name)
        (folder / "biasfree.conf").write_text(_configuration([each.port for each in behind], port, retries=retries))
        (folder / "nginx.conf").write_text(FRAME.format(folder=folder))
        # If started as root, its workers run as another user, who could not enter the folder.
        folder.chmod(0o755)
        command = [program, "-p", name, "-c", str(folder / "nginx.conf")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True)  # noqa: S603  # a program of the system's
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def wait_until_ready(url: str) -> None:
    """Wait until ``/readyz`` succeeds.

    Raises:
        RuntimeError: It does not succeed within a minute.
    """
    deadline = time.monotonic() + STARTS_IN_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310  # ours, on loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"{url} was not ready within {STARTS_IN_S:g} s")


def _configuration(ports: list[int], port: int, *, retries: bool) -> str:
    text = CONFIGURATION.read_text()
    for written, real in zip(("8001", "8002"), ports, strict=True):
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
    text = text.replace("listen 127.0.0.1:8080", f"listen 127.0.0.1:{port}")
    return text if retries else re.sub(r"\n *proxy_next_upstream .*;", "", text)
