"""Other servers of the same network, each set up as in its documentation, in a separate environment."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from bench.contestants.environment import FOLDER, environment
from bench.contestants.tree import send, tree
from bench.images import npy
from bench.load import Connection
from bench.server import ENDS_IN_S, Server, free_port
from biasfree.artifact import SHIPPED
from biasfree.engines.cores import usable_cores

HERE = Path(__file__).parent
#: Maximum batch size of each contestant; 1 switches batching off, which may be fastest on a CPU.
BATCH = {"litserve": 4, "litserve, unbatched": 1, "bentoml": 4, "bentoml, unbatched": 1}
#: Time limit from start to a first answer; each takes about 5 s on two cores.
STARTS_IN_S = 120
FIRST = npy(np.zeros((64, 64), np.float32), path="/denoise")


@contextmanager
def contestant(name: str) -> Iterator[Server]:
    """Run a contestant that has answered once. Its output goes to ``build/bench/<name>.log``.

    Args:
        name: One of ``BATCH``.

    Raises:
        RuntimeError: It ended before it served a request, or did not serve one within ``STARTS_IN_S``.
    """
    product = name.partition(",")[0]
    binaries, port = environment(product), free_port()
    with (FOLDER / f"{name}.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            _command(product, binaries, port),
            env=os.environ | _settings(name, port),
            cwd=HERE,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            # A separate session: this process handles Ctrl-C, which a paused process could not.
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url)
            yield Server(url, process)
        finally:
            _end(process)


def pause(server: Server) -> None:
    """Stop a contestant's processes, since LitServe's batched loop takes a tenth of a core when idle."""
    send(tree(server.process.pid), signal.SIGSTOP)


@contextmanager
def awake(server: Server) -> Iterator[None]:
    """Let a paused contestant run until the context ends."""
    send(tree(server.process.pid), signal.SIGCONT)
    try:
        yield
    finally:
        pause(server)


def _command(product: str, binaries: Path, port: int) -> list[str]:
    if product == "litserve":
        return [str(binaries / "python"), "litserve_app.py"]
    return [str(binaries / "bentoml"), "serve", "bentoml_app:Denoise", "--host", "127.0.0.1", "--port", str(port)]


def _settings(name: str, port: int) -> Mapping[str, str]:
    return {
        "BENCH_BATCH": str(BATCH[name]),
        "BENCH_MODEL": str(SHIPPED / "gray.onnx"),
        "BENCH_PORT": str(port),
        "BENCH_THREADS": str(usable_cores()),
        "BENTOML_HOME": str(FOLDER / "bentoml-home"),
        "BENTOML_DO_NOT_TRACK": "True",
    }


def _wait(process: subprocess.Popen[str], url: str) -> None:
    """Wait until a real request is answered, since some servers listen before they have loaded the network."""
    give_up = time.monotonic() + STARTS_IN_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"a contestant ended before it served; see the logs in {FOLDER}")
        with Connection(url, 0.0) as connection:
            if connection.send(FIRST).status == http.client.OK:
                return
        time.sleep(0.2)
    raise RuntimeError(f"a contestant did not serve within {STARTS_IN_S} s; see the logs in {FOLDER}")


def _end(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM to the first process, which ends its children; then kill the remaining ones."""
    pids = tree(process.pid)
    process.terminate()
    # A stopped process does not receive SIGTERM.
    send(pids, signal.SIGCONT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=ENDS_IN_S)
    send(pids, signal.SIGKILL)
    process.wait()
