"""A small Ray cluster on one machine, with ``serve.yaml`` deployed as an operator would.

Serve's proxy listens on loopback. Ray's own processes listen on every address, whatever the configuration, and run any
code sent to them, but only with the token.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import yaml

from bench.contestants.tree import send, tree
from bench.server import end, free_port

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "deploy" / "ray" / "serve.yaml"
APPLICATION, DEPLOYMENT = "biasfree", "Replica"
#: CPUs that Ray assumes, whatever the machine has (a replica takes one), and its shared memory, which is not used here.
CPUS, OBJECT_STORE_BYTES = 4, 100_000_000
#: Time limit for a change; on busy cores a replica may take half a minute to start.
CHANGES_IN_S = 300.0
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deploy.ray.proxy.middlewares",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Cluster:
    """A running cluster.

    Args:
        folder: Folder for its configurations.
        address: Address of its head.
        head: Parent of all its processes.
        watch: Process that runs ``bench.ray.watch``.
    """

    def __init__(self, folder: Path, address: str, head: subprocess.Popen[str], watch: subprocess.Popen[str]) -> None:
        self._folder, self._address, self._head, self._watch = folder, address, head, watch
        self._port = free_port()

    @property
    def logs(self) -> Path:
        """Return the folder with the logs of Ray's processes."""
        return self._folder / "session_latest" / "logs"

    @property
    def url(self) -> str:
        """Return scheme, host and port of Serve's proxy."""
        return f"http://127.0.0.1:{self._port}"

    def deploy(self, *, settings: Mapping[str, Any], deployment: Mapping[str, Any]) -> None:
        """Deploy ``serve.yaml``, or change the deployment.

        Args:
            settings: Changes to the file's ``args``.
            deployment: Changes to the file's deployment.
        """
        configuration = yaml.safe_load(CONFIGURATION.read_text())
        configuration["http_options"]["port"] = self._port
        [application] = configuration["applications"]
        application["args"] |= settings
        application["deployments"][0] |= deployment
        file = self._folder / "serve.yaml"
        file.write_text(yaml.safe_dump(configuration))
        start = time.perf_counter()
        while True:
            try:
                _ray("serve", "run", str(file), "--address", self._address, "--non-blocking")
                return
            except RuntimeError:
                # On a busy machine the head may not answer yet.
                if time.perf_counter() - start > CHANGES_IN_S / 2:
                    raise

    def counts(self) -> tuple[str, Mapping[str, int]]:
        """Return the application's status in Serve, and the number of replicas in each state.

        Raises:
            RuntimeError: The cluster does not answer.
        """
        assert self._watch.stdin is not None
        assert self._watch.stdout is not None
        self._watch.stdin.write("\n")
        self._watch.stdin.flush()
        if not (line := self._watch.stdout.readline()):
            raise RuntimeError("the cluster did not start")
        status, replicas = json.loads(line)
        return status, replicas

    def wait_for_replicas(self, count: int) -> float:
        """Wait until this many replicas run and none is starting or ending; return the seconds."""
        return wait_until(lambda: self.counts() == ("RUNNING", {"RUNNING": count}), f"{count} replicas", self.counts)

    def pids(self) -> set[int]:
        """Return the process ids of the replicas."""
        title = f"ray::ServeReplica:{APPLICATION}:{DEPLOYMENT}".encode()
        return {pid for pid in tree(self._head.pid) if _title(pid).startswith(title)}


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster without an application, until the context ends."""
    # A short name, because socket paths are below it; its logs are deleted with it.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name:
        port = free_port()
        address = f"127.0.0.1:{port}"
        with (
            _running(_head(port, name)) as head,
            _running([sys.executable, "-m", "bench.ray.watch", address]) as watch,
        ):
            yield Cluster(Path(name), address, head, watch)
            # Closing its input makes it shut Serve down, for which the head would otherwise wait half a minute.
            watch.communicate(timeout=CHANGES_IN_S)


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a process, and finally end it with all its descendants."""
    process = subprocess.Popen(  # noqa: S603  # our own commands
        command,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        everything = tree(process.pid)
        end(process)
        send(everything, SIGKILL)


def wait_until(done: Callable[[], bool], what: str, state: Callable[[], object]) -> float:
    """Wait for a condition, and return the seconds it took.

    Args:
        done: Function that tells whether the condition holds.
        what: The condition in words.
        state: Function that returns the current state, for the error message.

    Raises:
        RuntimeError: The condition does not hold within ``CHANGES_IN_S``.
    """
    start = time.perf_counter()
    while not done():
        if time.perf_counter() - start > CHANGES_IN_S:
            raise RuntimeError(f"timed out after {CHANGES_IN_S:g} s waiting for {what}; the state is {state()}")
        time.sleep(0.1)
    return time.perf_counter() - start


def _head(port: int, folder: str) -> list[str]:
    options = {
        "port": port,
        "node-ip-address": "127.0.0.1",
        "num-cpus": CPUS,
        "object-store-memory": OBJECT_STORE_BYTES,
        "include-dashboard": "false",
        "dashboard-agent-listen-port": free_port(),
        "ray-client-server-port": free_port(),
        "temp-dir": folder,
    }
    return [*_command("ray"), "start", "--head", "--block", *(f"--{name}={value}" for name, value in options.items())]


def _ray(program: str, *arguments: str) -> None:
    command = [*_command(program), *arguments]
    done = subprocess.run(command, env=_environment(), check=False, capture_output=True, text=True)  # noqa: S603  # ours
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-4000:]}")


def _command(program: str) -> list[str]:
    """Return the command of a program in this Python environment."""
    return [sys.executable, str(Path(sys.executable).with_name(program))]


def _environment() -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT}


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
