"""Clients that load a server, with plain ``http.client`` in threads, the cheapest way in Python.

A closed loop keeps a number of clients busy: each sends its next request when it has the answer. ``flood`` is the open
loop, which sends at a fixed rate, whatever the server does.
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

#: A request that takes longer counts as failed.
TIMEOUT_S = 600


@dataclass(frozen=True)
class Request:
    """A POST request; ``pixels`` is its size for rates in megapixels per second."""

    path: str
    content_type: str
    body: bytes
    pixels: int
    accept: str = "*/*"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request.

    Attributes:
        request: The request.
        status: HTTP status; 0 if the connection failed.
        start_s: When it was sent, in seconds since the load began.
        seconds: Time until the answer.
        body: The answer.
        retry_after_s: Value of ``Retry-After``, if it is in seconds.
        server_timing: Value of ``Server-Timing``.
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
        """Return when the answer was complete, in seconds since the load began."""
        return self.start_s + self.seconds

    @property
    def stages_ms(self) -> dict[str, float]:
        """Parse ``Server-Timing``, such as ``decode;dur=1.2, queue;dur=3.4``, to numbers."""
        pairs = (entry.split(";dur=") for entry in self.server_timing.split(", "))
        return {stage: float(ms) for stage, ms in pairs}


@dataclass(frozen=True)
class Load:
    """The result of a load: outcomes in the order of their ends, and the seconds from first to last."""

    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def served(self) -> tuple[Outcome, ...]:
        """Return the outcomes with status 200."""
        return tuple(each for each in self.outcomes if each.status == 200)

    @property
    def mpx_s(self) -> float:
        """Return the megapixels per second served."""
        return sum(each.request.pixels for each in self.served) / self.seconds / 1e6

    def latency_s(self, share: float) -> float:
        """Return a quantile of the latency of served requests: 0.5 is the median, 0.99 the p99."""
        return quantile((each.seconds for each in self.served), share)

    def require_served(self) -> "Load":
        """Return this load if every request got 200.

        Raises:
            RuntimeError: A request did not get 200.
        """
        failed = [each.status for each in self.outcomes if each.status != 200]
        if failed:
            raise RuntimeError(
                f"{len(failed)} of {len(self.outcomes)} requests were not answered with 200 but {sorted(set(failed))}"
            )
        return self


def closed_loop(url: str, requests: Sequence[Request], *, clients: int, keep_bodies: bool = False) -> Load:
    """Send a list of requests from several ``clients`` at once; each takes the next one when it is free.

    Args:
        url: Scheme, host and port.
        requests: The requests, in this order.
        clients: Number of connections, each kept open.
        keep_bodies: True to keep the answers in the outcomes.
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
    """A keep-alive connection, reopened for the next request if it is lost."""

    def __init__(self, url: str, begin: float, *, keep_bodies: bool = False) -> None:
        parts = urlsplit(url)
        self._begin, self._keep_bodies = begin, keep_bodies
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> "Connection":
        """Return this connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
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
    """Return the value of ``Retry-After`` in seconds; None if there is none or it is a date."""
    return int(retry_after) if retry_after is not None and retry_after.isdecimal() else None


def quantile(values: Iterable[float], share: float) -> float:
    """Return a quantile by nearest rank; NaN if there are no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios over rounds in which both took turns."""
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
