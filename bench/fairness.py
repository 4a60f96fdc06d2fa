"""The cost of a large image for a small one: its latency on an idle service, and beside the large one."""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.load import Connection, Outcome, Request, median_ratio, quantile
from bench.payloads import FLOAT32, UINT8, as_npy, noise
from bench.probe import Probe
from bench.rows import Row
from bench.server import service

ROUNDS, REQUESTS, SIDE = 3, 40, 256
LARGE = (4000, 6000)
#: Number of small requests before the first measured one.
WARM_UP = 20
#: Enough for a large image on a slow machine, and for the small ones that wait for it.
PATIENCE_S = 600
#: Interval between checks whether the large image is on the device.
PAUSE_S = 0.01


@dataclass(frozen=True)
class Round:
    """The seconds of the small and the large image, each alone and beside the other."""

    small_alone: tuple[float, ...]
    small_beside: tuple[float, ...]
    large_alone: float
    large_beside: float


def rows(*, rounds: int = ROUNDS, requests: int = REQUESTS, large: tuple[int, int] = LARGE) -> Iterator[Row]:
    """Measure the latency of both.

    Args:
        rounds: Number of rounds, each idle and busy.
        requests: Number of small requests measured per turn.
        large: Height and width of the large image.
    """
    rng = np.random.default_rng(0)
    small, big = as_npy(noise(rng, SIDE, SIDE, FLOAT32)), as_npy(noise(rng, *large, UINT8))
    with service() as server:
        _alone(server.url, small, WARM_UP)
        measured = [_round(server.url, small, big, requests) for _ in range(rounds)]
    size = f"{large[0]} x {large[1]}"
    yield _small_row(measured, size)
    yield _large_row(measured, size)


def within(small: Outcome, large: Sequence[Outcome]) -> bool:
    """Tell whether one of the large requests was in progress during all of the small one."""
    return any(each.start_s <= small.start_s and small.end_s <= each.end_s for each in large)


def _small_row(measured: Sequence[Round], size: str) -> Row:
    alone = [quantile(each.small_alone, 0.95) for each in measured]
    beside = [quantile(each.small_beside, 0.95) for each in measured]
    count = sum(len(each.small_beside) for each in measured)
    return Row(
        f"p95 latency of {SIDE} x {SIDE} float32 NPY, one client, while {size} gray is denoised ({count} requests)",
        f"{1000 * statistics.median(beside):.0f} ms",
        f"{1000 * statistics.median(alone):.0f} ms on an idle service",
        median_ratio(beside, alone),
        "at most 3 times",
    )


def _large_row(measured: Sequence[Round], size: str) -> Row:
    alone, beside = [each.large_alone for each in measured], [each.large_beside for each in measured]
    return Row(
        f"Latency of {size} gray uint8 NPY beside those small requests",
        f"{statistics.median(beside):.2f} s",
        f"{statistics.median(alone):.2f} s alone",
        median_ratio(beside, alone),
    )


def _round(url: str, small: Request, big: Request, requests: int) -> Round:
    small_alone = _alone(url, small, requests)
    (large_alone,) = _alone(url, big, 1)
    small_beside, large_beside = _beside(url, small, big, requests)
    return Round(small_alone, small_beside, large_alone, large_beside)


def _alone(url: str, request: Request, count: int) -> tuple[float, ...]:
    with Connection(url, time.perf_counter()) as connection, Probe(url) as probe:
        return tuple(_after_a_look(connection, request, probe)[0].seconds for _ in range(count))


def _after_a_look(connection: Connection, request: Request, probe: Probe) -> tuple[Outcome, bool]:
    """Return the outcome of a request, and whether work was queued when it was sent."""
    busy = not probe.readyz().idle
    outcome = connection.send(request)
    if outcome.status != 200:
        raise RuntimeError(f"the service answered with {outcome.status} instead of 200")
    return outcome, busy


class _Repeated:
    """A client in a thread that sends one request repeatedly until the context ends."""

    def __init__(self, url: str, request: Request, begin: float) -> None:
        self._url, self._request, self._begin = url, request, begin
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.outcomes: list[Outcome] = []

    def __enter__(self) -> "_Repeated":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        with Connection(self._url, self._begin) as connection:
            while not self._stop.is_set():
                self.outcomes.append(connection.send(self._request))


def _beside(url: str, small: Request, big: Request, requests: int) -> tuple[tuple[float, ...], float]:
    """Measure small requests that begin and end while a large image is in progress."""
    begin = time.perf_counter()
    with _Repeated(url, big, begin) as repeated, Connection(url, begin) as connection, Probe(url) as probe:
        sent = _send_until_enough(connection, probe, small, repeated, requests)
    if any(each.status != 200 for each in repeated.outcomes):
        raise RuntimeError("a large image was not answered with 200")
    measured = tuple(each.seconds for each in sent if within(each, repeated.outcomes))
    # The last one ended after the small requests.
    beside = repeated.outcomes[:-1] or repeated.outcomes
    return measured, statistics.median(each.seconds for each in beside)


def _send_until_enough(
    connection: Connection, probe: Probe, small: Request, repeated: _Repeated, requests: int
) -> list[Outcome]:
    """Send small requests while a large one has the device: enough of them, and over at least one large image."""
    sent: list[Outcome] = []
    end = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < end:
        outcome, busy = _after_a_look(connection, small, probe)
        if busy:
            sent.append(outcome)
        else:
            time.sleep(PAUSE_S)
        if repeated.outcomes and len(sent) >= requests:
            return sent
    raise RuntimeError(f"only {len(sent)} of {requests} requests met a large image within {PATIENCE_S} s")
