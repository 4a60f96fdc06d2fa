"""The bounds on a connection that no request comes from, with a manual clock."""

import asyncio
from types import SimpleNamespace

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.http.connection import HEADERS_WITHIN_S, MOST_HEADER_BYTES, BoundedConnection

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OFFER = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
)
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class Task:
    """What uvicorn keeps of a request's task."""

    def add_done_callback(self, callback):
        """Nobody waits for it."""


class Clock:
    """Calls that are due later, and the tasks that a request becomes."""

    def __init__(self) -> None:
        self.now, self._calls, self.tasks = 0.0, [], []

    def call_later(self, delay, call):
        """Call when the clock has gone on so far."""
        entry = SimpleNamespace(due=self.now + delay, call=call)
        entry.cancel = lambda: entry in self._calls and self._calls.remove(entry)
        self._calls.append(entry)
        return entry

    def create_task(self, coroutine, **_):
        """Keep a request for the test to end."""
        self.tasks.append(coroutine)
        return Task()

    def go_on(self, seconds):
        """Let time pass."""
        self.now += seconds
        for entry in [each for each in self._calls if each.due <= self.now]:
            entry.cancel()
            entry.call()


class Transport(asyncio.Transport):
    """What was written, and whether it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data):
        """Keep it."""
        self.written += data

    def close(self):
        """Remember."""
        self.closed = True

    def is_closing(self):
        """Whether it was."""
        return self.closed

    def pause_reading(self):
        """Nothing to pause."""

    def resume_reading(self):
        """Nothing to resume."""


async def application(scope, receive, send):
    """Answers without reading the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def clock():
    """At zero."""
    clock = Clock()
    yield clock
    for task in clock.tasks:
        task.close()


@pytest.fixture
def connection(clock):
    """A client that has just connected."""
    config = Config(application, log_config=None, lifespan="off")
    connection = BoundedConnection(config=config, server_state=ServerState(), app_state={}, _loop=clock)
    connection.connection_made(Transport())
    return connection


def answer(clock):
    """Let the application answer what has been asked last."""
    asyncio.run(clock.tasks.pop())


def test_half_headers_are_ended(connection, clock):
    """However steadily they come: 408 and the end of the connection."""
    for byte in b"GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaa"[: int(HEADERS_WITHIN_S)]:
        connection.data_received(bytes([byte]))
        assert not connection.transport.closed
        clock.go_on(1)
    assert connection.transport.written.startswith(b"HTTP/1.1 408 ")
    assert connection.transport.closed


def test_a_silent_connection_is_closed_without_a_word(connection, clock):
    """A browser that connected in advance takes 408 for the answer to its next request."""
    clock.go_on(HEADERS_WITHIN_S)
    assert (connection.transport.written, connection.transport.closed) == (b"", True)


def test_a_request_under_way_is_left_alone(connection, clock):
    """Its body and its answer have bounds of their own."""
    connection.data_received(POST)
    clock.go_on(100 * HEADERS_WITHIN_S)
    assert not connection.transport.closed


def test_the_next_request_has_as_long_again(connection, clock):
    """On a connection that is kept."""
    connection.data_received(REQUEST)
    answer(clock)
    connection.data_received(REQUEST[:10])
    clock.go_on(HEADERS_WITHIN_S - 1)
    connection.data_received(REQUEST[10:])
    answer(clock)
    clock.go_on(1)
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == 2
    assert not connection.transport.closed


def test_a_body_whose_request_has_been_answered_is_ended(connection, clock):
    """Such as the rest of one that was too large."""
    connection.data_received(POST)
    answer(clock)
    for _ in range(int(HEADERS_WITHIN_S)):
        connection.data_received(b"a")
        clock.go_on(1)
    assert connection.transport.closed


def test_pipelined_requests_are_each_answered(connection, clock):
    """The wait for headers begins after the last of them."""
    connection.data_received(REQUEST + REQUEST)
    answer(clock)
    clock.go_on(2 * HEADERS_WITHIN_S)
    answer(clock)
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == 2
    assert not connection.transport.closed


@pytest.mark.parametrize("requests", [[OFFER, OFFER], [REQUEST, OFFER], [OFFER, REQUEST], [OFFER] * 1000])
def test_pipelined_offers_to_upgrade_are_each_answered_once(connection, clock, requests):
    """However many come in one piece: each used to begin with all requests before it, again and again."""
    connection.data_received(b"".join(requests))
    for _ in requests:
        answer(clock)
    assert not clock.tasks
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == len(requests)
    assert not connection.transport.closed


def test_an_offer_to_upgrade_that_comes_in_pieces_keeps_its_body(connection, clock):
    """The application sees the body, and headers without the offer."""
    request = OFFER.replace(b"GET", b"POST").replace(b"Host: x", b"Host: x\r\nContent-Length: 4") + b"body"
    for byte in request:
        connection.data_received(bytes([byte]))
    assert connection.cycle.body == b"body"
    assert {name for name, _ in connection.cycle.scope["headers"]} == {b"host", b"content-length", b"connection"}


def test_connect_is_refused(connection):
    """CONNECT is an upgrade without an offer, and was once parsed again without end."""
    connection.data_received(b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\nrest")
    assert connection.transport.written.startswith(b"HTTP/1.1 400 ")


def test_endless_headers_are_refused(connection):
    """431 as soon as there are too many of them."""
    connection.data_received(b"GET / HTTP/1.1\r\n")
    line = b"X-More: " + b"a" * 1000 + b"\r\n"
    for _ in range(MOST_HEADER_BYTES // len(line) + 1):
        connection.data_received(line)
    assert connection.transport.written.startswith(b"HTTP/1.1 431 ")
    assert connection.transport.closed


def test_a_client_that_leaves_leaves_nothing_behind(connection, clock):
    """No call is due any more."""
    connection.connection_lost(None)
    clock.go_on(HEADERS_WITHIN_S)
    assert connection.transport.written == b""
