"""Clients that load a server: plain ``http.client`` in threads, which costs the least that Python can.

A closed loop keeps a number of clients busy: each sends its next request when it has the answer. ``flood`` is the open
loop, which sends at a rate, whatever the server does.
"""

import http.client
import math
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

#: A request that takes longer has failed.
TIMEOUT_S = 600


@dataclass(frozen=True)
class Request:
    """One POST: ``pixels`` is what it counts as in megapixels a second."""

    path: str
    content_type: str
    body: bytes
    pixels: int
    accept: str = "*/*"


@dataclass(frozen=True)
class Outcome:
    """How a request ended.

    Attributes:
        request: What was sent.
        status: HTTP status; 0 where the connection failed.
        start_s: When it was sent, in seconds since the load began.
        seconds: How long its answer took.
        body: The answer.
        retry_after_s: What ``Retry-After`` said, if it said seconds.
        server_timing: What ``Server-Timing`` said.
    """

    request: Request
    status: int
    start_s: float
    seconds: float
    body: bytes = b""
    retry_after_s: int | None = None
    server_timing: str = ""

    @property
    def end_s(self) -> float:
        """When the answer was there, in seconds since the load began."""
        return self.start_s + self.seconds

    @property
    def stages_ms(self) -> dict[str, float]:
        """``decode;dur=1.2, queue;dur=3.4`` of ``Server-Timing`` as numbers."""
        pairs = (entry.split(";dur=") for entry in self.server_timing.split(", "))
        return {stage: float(ms) for stage, ms in pairs}


@dataclass(frozen=True)
class Load:
    """What a server made of a load: outcomes in the order of their ends, and the seconds from first to last."""

    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def served(self) -> tuple[Outcome, ...]:
        """Those that were answered with 200."""
        return tuple(each for each in self.outcomes if each.status == 200)

    @property
    def mpx_s(self) -> float:
        """Megapixels a second of what was served."""
        return sum(each.request.pixels for each in self.served) / self.seconds / 1e6

    def latency_s(self, share: float) -> float:
        """Quantile of the latency of what was served: 0.5 is the median, 0.99 the p99 (nearest rank)."""
        ordered = sorted(each.seconds for each in self.served)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    def require_served(self) -> "Load":
        """Itself, where every request got 200.

        Raises:
            RuntimeError: One did not.
        """
        failed = [each.status for each in self.outcomes if each.status != 200]
        if failed:
            raise RuntimeError(f"expected 200 for all {len(self.outcomes)} requests, got {sorted(set(failed))}")
        return self


def closed_loop(url: str, requests: Sequence[Request], *, clients: int, keep_bodies: bool = False) -> Load:
    """Send a list of requests from ``clients`` at once; each takes the next when it is free.

    Args:
        url: Scheme, host and port.
        requests: What is sent, in this order.
        clients: Connections, each kept open.
        keep_bodies: Whether outcomes hold the answers.
    """
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    for each in requests:
        waiting.put(each)
    begin = time.perf_counter()

    def work(outcomes: list[Outcome]) -> None:
        with Connection(url, begin, keep_bodies=keep_bodies) as connection:
            while True:
                try:
                    request = waiting.get_nowait()
                except queue.Empty:
                    return
                outcomes.append(connection.send(request))

    return _run(begin, [work] * clients)


class Connection:
    """One kept-alive connection; a lost one is opened again for the next request."""

    def __init__(self, url: str, begin: float, *, keep_bodies: bool = False) -> None:
        parts = urlsplit(url)
        self._begin, self._keep_bodies = begin, keep_bodies
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> "Connection":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._connection.close()

    def send(self, request: Request) -> Outcome:
        """Send one request and read its answer."""
        start = time.perf_counter()
        headers = {"Content-Type": request.content_type, "Accept": request.accept}
        try:
            self._connection.request("POST", request.path, request.body, headers)
            response = self._connection.getresponse()
            body, status = response.read(), response.status
            headers = {name.lower(): value for name, value in response.getheaders()}
        except (OSError, http.client.HTTPException):
            self._connection.close()
            body, status, headers = b"", 0, {}
        seconds = time.perf_counter() - start
        kept = body if self._keep_bodies else b""
        retry_after_s, timing = whole_seconds(headers.get("retry-after")), headers.get("server-timing", "")
        return Outcome(request, status, start - self._begin, seconds, kept, retry_after_s, timing)


def whole_seconds(retry_after: str | None) -> int | None:
    """The value of ``Retry-After`` in seconds; None where there is none, or a date."""
    return int(retry_after) if retry_after is not None and retry_after.isdecimal() else None


def quantile(values: Iterable[float], share: float) -> float:
    """The nearest rank, as ``Load.latency_s`` takes it; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median of the ratios of rounds in which both took turns."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _run(begin: float, works: Sequence[Callable[[list[Outcome]], None]]) -> Load:
    outcomes: list[list[Outcome]] = [[] for _ in works]
    threads = [threading.Thread(target=work, args=(mine,)) for work, mine in zip(works, outcomes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    return Load(tuple(sorted((each for mine in outcomes for each in mine), key=lambda each: each.end_s)), seconds)
