"""The cost of an analysis for other requests: ``/denoise`` alone, and beside an analysis that would take minutes."""

import contextlib
import http.client
import select
import statistics
import time
from collections.abc import Iterator

import httpx
import numpy as np

from bench.payloads import FLOAT32, PATH, as_npy, noise
from bench.rows import Row
from bench.server import service

ROUNDS, REQUESTS, SIDE = 5, 12, 512
HEADERS = {"Content-Type": "application/x-npy"}


def rows() -> Iterator[Row]:
    """Measure images per second alone and beside an analysis."""
    content = as_npy(noise(np.random.default_rng(0), SIDE, SIDE, FLOAT32)).body
    with service() as server, httpx.Client(base_url=server.url, timeout=300) as client:
        _images_per_s(client, content)
        pairs = [(_images_per_s(client, content), _beside(client, content)) for _ in range(ROUNDS)]
    alone, beside = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    what = f"`/denoise` of {SIDE} x {SIDE} gray NPY, one client, beside an iterative analysis of {SIDE} x {SIDE}"
    yield Row(what, f"{beside:.1f} images/s", f"{alone:.1f} images/s alone", ratio)


def _images_per_s(client: httpx.Client, content: bytes) -> float:
    start = time.perf_counter()
    for _ in range(REQUESTS):
        client.post(PATH, content=content, headers=HEADERS).raise_for_status()
    return REQUESTS / (time.perf_counter() - start)


def _beside(client: httpx.Client, content: bytes) -> float:
    """Measure images per second while an analysis runs, whose client disconnects at the end."""
    with contextlib.closing(http.client.HTTPConnection(client.base_url.host, client.base_url.port)) as other:
        other.request("POST", f"/analyze?size={SIDE}&k=64", content, HEADERS)
        time.sleep(1)  # the analysis has begun
        measured = _images_per_s(client, content)
        if select.select([other.sock], [], [], 0)[0]:
            raise RuntimeError("the analysis ended before the measurement")
    return measured
