"""Five hundred connections that send one byte per second: their effect on other clients, and what ends them."""

import select
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np

from bench.load import Load, closed_loop
from bench.payloads import UINT8, as_npy, noise
from bench.rows import Row
from bench.server import service
from service.http.connection import HEADERS_WITHIN_S

CONNECTIONS = 500
#: Time limit of a body, shorter than by default so that the trial sees the end.
TIMEOUT_S = 30
SETTINGS = {"BIASFREE_TIMEOUT_S": str(TIMEOUT_S), "BIASFREE_ANALYSIS_ENABLED": "false"}
ROUNDS, REQUESTS, CLIENTS, SIDE = 5, 400, 2, 64
HALF_HEADERS = b"POST /denoise HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_BODY = b"POST /denoise HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n\x89PNG"


class Slow:
    """A group of connections that have sent half a request and send one more byte per second.

    Args:
        url: Scheme, host and port.
        half: Bytes that each has sent.
        count: Number of connections.
    """

    def __init__(self, url: str, half: bytes, count: int) -> None:
        parts = urlsplit(url)
        address = str(parts.hostname), parts.port or 80
        self._begin = time.monotonic()
        self._open = [socket.create_connection(address, timeout=10) for _ in range(count)]
        #: For each ended connection: the seconds it lasted, and the last line received.
        self.ended: list[tuple[float, bytes]] = []
        for each in self._open:
            each.sendall(half)

    @property
    def open(self) -> int:
        """Return the number of connections that the server has not ended."""
        return len(self._open)

    def tick(self) -> None:
        """Send one byte on each connection, and check for answers."""
        poll = select.poll()
        for each in self._open:
            poll.register(each, select.POLLIN)
        answered = {number for number, _ in poll.poll(0)}
        for each in [each for each in self._open if each.fileno() in answered]:
            self._end(each)
        for each in self._open:
            try:
                each.sendall(b"a")
            except OSError:
                self._end(each)

    def close(self) -> None:
        """Close all connections."""
        for each in self._open:
            each.close()
        self._open.clear()

    def _end(self, connection: socket.socket) -> None:
        try:
            said = connection.recv(4096)
        except OSError:
            said = b""
        self.ended.append((time.monotonic() - self._begin, said.partition(b"\r\n")[0]))
        self._open.remove(connection)
        connection.close()


def rows(*, connections: int = CONNECTIONS, rounds: int = ROUNDS) -> Iterator[Row]:
    """Measure small requests and the fate of the slow connections.

    Args:
        connections: Number of slow connections, half of them in their headers, half in a body.
        rounds: Number of runs, each without and with them.
    """
    with service(SETTINGS) as server:
        _measure(server.url)
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(_measure(server.url))
            with _dribbling(_crowd(server.url, connections)) as crowd:
                beside.append(_measure(server.url))
                still_open = sum(each.open for each in crowd)
        quick, slow = ([1000 * load.latency_s(0.99) for load in loads] for loads in (alone, beside))
        yield Row(
            f"p99 of small requests beside {connections} slow connections, and without them; median of {rounds} runs",
            f"{statistics.median(slow):.1f} ms, {statistics.median(quick):.1f} ms",
            ratio=statistics.median(quick) / statistics.median(slow),
            wanted="less than doubled: a ratio over 0.5",
        )
        yield Row("slow connections that were still open at the end of the last run", f"{still_open}")
        headers, bodies = crowd = _crowd(server.url, connections)
        with _dribbling(crowd):
            deadline = time.monotonic() + HEADERS_WITHIN_S + TIMEOUT_S
            while sum(each.open for each in crowd) and time.monotonic() < deadline:
                time.sleep(1)
        yield _row("half headers", headers, f"408 after {HEADERS_WITHIN_S:g} s")
        yield _row(f"half bodies, with BIASFREE_TIMEOUT_S={TIMEOUT_S}", bodies, f"408 after {TIMEOUT_S} s")


def _crowd(url: str, connections: int) -> Sequence[Slow]:
    half = connections // 2
    return Slow(url, HALF_HEADERS, half), Slow(url, HALF_BODY, connections - half)


@contextmanager
def _dribbling(crowd: Sequence[Slow]) -> Iterator[Sequence[Slow]]:
    enough = threading.Event()

    def work() -> None:
        while not enough.wait(1):
            for each in crowd:
                each.tick()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield crowd
    finally:
        enough.set()
        thread.join()
        for each in crowd:
            each.close()


def _measure(url: str) -> Load:
    request = as_npy(noise(np.random.default_rng(0), SIDE, SIDE, UINT8))
    return closed_loop(url, [request] * REQUESTS, clients=CLIENTS).require_served()


def _row(what: str, slow: Slow, wanted: str) -> Row:
    times = sorted(seconds for seconds, _ in slow.ended) or [float("nan")]
    said = sorted({line.decode("latin-1") for _, line in slow.ended})
    ours = f"{len(slow.ended)} ended after {times[0]:.0f} to {times[-1]:.0f} s by {said}, {slow.open} still open"
    return Row(f"{what}: what ends them", ours, wanted=wanted)
