"""SIGTERM with requests in progress, each of which must still be answered."""

import http.client
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import numpy as np

from bench.load import Request
from bench.payloads import UINT8, as_npy, noise
from bench.rows import Row
from bench.server import service

REQUESTS, SIDE = 100, 256
#: Time in which all requests are accepted and read if the server has a core; denoising all of them takes seconds.
READ_WITHIN_S = 0.5
#: If the server has no core: connections take turns, so all are read after this number of later answers.
PROBES = 3
TIMEOUT_S = 300


def rows(*, requests: int = REQUESTS) -> Iterator[Row]:
    """Measure the outcome of the requests.

    Args:
        requests: Number of requests in progress, each on its own connection.
    """
    request = as_npy(noise(np.random.default_rng(0), SIDE, SIDE, UINT8))
    with service() as server:
        waiting = [_sent(server.url, request) for _ in range(requests)]
        time.sleep(READ_WITHIN_S)
        for _ in range(PROBES):
            httpx.get(f"{server.url}/healthz", timeout=TIMEOUT_S).raise_for_status()
        server.process.send_signal(signal.SIGTERM)
        begin = time.perf_counter()
        statuses = [_status(each) for each in waiting]
        answered_s = time.perf_counter() - begin
        server.process.wait(timeout=TIMEOUT_S)
        ended_s = time.perf_counter() - begin
    yield Row(
        f"SIGTERM with {requests} requests of {SIDE} x {SIDE} under way: answered with 200",
        f"{statuses.count(200)}",
        wanted=f"{requests}",
    )
    yield Row("after the signal: the last answer, the end of the process", f"{answered_s:.1f} s, {ended_s:.1f} s")


def _sent(url: str, request: Request) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
    connection.request("POST", request.path, request.body, {"Content-Type": request.content_type})
    return connection


def _status(connection: http.client.HTTPConnection) -> int:
    """Return the HTTP status of the answer; 0 if there was none."""
    try:
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status
