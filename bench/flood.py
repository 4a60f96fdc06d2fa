"""A cheap open loop: a separate process, raw sockets, and a request built in advance.

With one thread per connection, as in ``load``, those threads would limit the measurement of a server that answers most
requests within a millisecond.
"""

import asyncio
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from urllib.parse import urlsplit

from bench.load import Load, Outcome, Request, whole_seconds

#: Connections unused for longer are not reused, because servers close them (uvicorn after 5 s).
REUSED_WITHIN_S = 4


@dataclass(frozen=True)
class Plan:
    """A plan to send one request ``rate_per_s`` times per second for ``seconds``.

    Attributes:
        url: Scheme, host and port.
        request: The request.
        rate_per_s: Requests per second.
        seconds: Duration.
        connections: Maximum number of requests in progress; must exceed what the server holds, or the loop is not open.
    """

    url: str
    request: Request
    rate_per_s: float
    seconds: float
    connections: int


class Flooder:
    """The process that sends the flood. It starts with this object, so that a flood begins on time."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._pool.submit(time.perf_counter).result()

    def __enter__(self) -> "Flooder":
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        self._pool.shutdown()

    def start(self, plan: Plan, *, begin: float) -> Future[Load]:
        """Begin a flood at a ``time.perf_counter`` time, a clock that all processes share on Linux."""
        return self._pool.submit(flood, plan, begin)


def flood(plan: Plan, begin: float) -> Load:
    """Carry out a plan in this process and return every outcome; ``start_s`` counts from ``begin``."""
    return asyncio.run(_Flood(plan, begin).run())


@dataclass(frozen=True)
class Head:
    """The head of an answer; status 0 if the connection was lost."""

    status: int
    length: int = 0
    retry_after_s: int | None = None

    @classmethod
    def parse(cls, content: bytes) -> "Head":
        """Parse status line and headers, without the empty line at the end."""
        status, *lines = content.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return cls(int(status.split(" ")[1]), int(headers["content-length"]), whole_seconds(headers.get("retry-after")))


class _Channel(asyncio.Protocol):
    """A connection with at most one request in progress."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[Head] | None = None
        self._received, self._head, self._missing = bytearray(), Head(0), 0
        self._transport: asyncio.Transport | None = None
        self.used = time.perf_counter()

    @property
    def usable(self) -> bool:
        """Tell whether the server has not closed it and will not close it soon."""
        return self._transport is not None and time.perf_counter() - self.used < REUSED_WITHIN_S

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(Head(0))

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            head, end, body = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = Head.parse(bytes(head))
            self._missing = self._head.length - len(body)
            self._received.clear()
        if self._missing == 0:
            self._finish(self._head)

    async def exchange(self, content: bytes) -> Head:
        """Send a request and wait for the end of its answer."""
        if self._transport is None:
            return Head(0)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _finish(self, head: Head) -> None:
        self.used = time.perf_counter()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(head)


class _Flood:
    def __init__(self, plan: Plan, begin: float) -> None:
        self._plan, self._begin = plan, begin
        parts = urlsplit(plan.url)
        self._address = str(parts.hostname), parts.port or 80
        self._content = _on_the_wire(plan)
        self._places = asyncio.Semaphore(plan.connections)
        self._unused: list[_Channel] = []
        self._outcomes: list[Outcome] = []

    async def run(self) -> Load:
        """Send each request when it is due."""
        async with asyncio.TaskGroup() as group:
            for index in range(round(self._plan.rate_per_s * self._plan.seconds)):
                due = self._begin + index / self._plan.rate_per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._one())
        for channel in self._unused:
            channel.close()
        return Load(tuple(self._outcomes), time.perf_counter() - self._begin)

    async def _one(self) -> None:
        async with self._places:
            start = time.perf_counter()
            try:
                channel = await self._channel()
                head = await channel.exchange(self._content)
            except OSError:
                head = Head(0)
            else:
                self._unused.append(channel)
        seconds = time.perf_counter() - start
        self._outcomes.append(
            Outcome(self._plan.request, head.status, start - self._begin, seconds, b"", head.retry_after_s)
        )

    async def _channel(self) -> _Channel:
        """Return the connection used last, or a new one."""
        while self._unused:
            channel = self._unused.pop()
            if channel.usable:
                return channel
            channel.close()
        host, port = self._address
        _, channel = await asyncio.get_running_loop().create_connection(_Channel, host, port)
        return channel


def _on_the_wire(plan: Plan) -> bytes:
    request = plan.request
    lines = (
        f"POST {request.path} HTTP/1.1",
        f"Host: {urlsplit(plan.url).netloc}",
        f"Content-Type: {request.content_type}",
        f"Accept: {request.accept}",
        f"Content-Length: {len(request.body)}",
    )
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body
