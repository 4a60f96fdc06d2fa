"""A chunked body without an announced length: refused as soon as it exceeds the limit."""

import json
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.rows import Row
from bench.server import Server, service

LIMIT, SLACK_BYTES = 1_000_000, 64 * 1024
SETTINGS = {"BIASFREE_MAX_BODY_BYTES": str(LIMIT), "BIASFREE_ANALYSIS_ENABLED": "false"}
HEAD = b"POST /denoise HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
#: A client that sends this much counts as never stopping.
FLOOD_BYTES = 512 * 2**20
#: Time in which a premature answer, to a body within the limit, would have arrived.
QUIET_S = 0.5
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Refusal:
    """A refusal: the status, the bytes of body sent before it, and the bytes that the service reports having read."""

    status: int
    sent: int
    read: int


def rows() -> Iterator[Row]:
    """Measure where the server stops reading."""
    with service(SETTINGS) as server:
        early, gentle = byte_by_byte(server)
        yield Row(f"{LIMIT} bytes in chunks, the limit: answered before the body ended", f"{early}", wanted="False")
        yield Row(
            "one byte more: status, bytes read past the limit",
            f"{gentle.status}, {gentle.read - LIMIT}",
            wanted=f"413, at most {SLACK_BYTES}",
        )
        flooded = flood(server)
    yield Row(
        "a client that sends as fast as it can: status, bytes read past the limit",
        f"{flooded.status}, {flooded.read - LIMIT}",
        wanted=f"413, at most {SLACK_BYTES}",
    )
    yield Row(
        "the same: bytes past the limit that it had got rid of when the answer came, socket buffers included",
        f"{flooded.sent - LIMIT}",
    )


def byte_by_byte(server: Server) -> tuple[bool, Refusal]:
    """Send exactly the limit and wait, then one more byte; also tell whether there was a premature answer."""
    with _connected(server) as connection:
        for _ in range(LIMIT // SLACK_BYTES):
            connection.sendall(_chunk(SLACK_BYTES))
        connection.sendall(_chunk(LIMIT % SLACK_BYTES))
        early = _readable(connection, QUIET_S)
        connection.sendall(_chunk(1))
        return early, _refusal(connection, LIMIT + 1)


def flood(server: Server) -> Refusal:
    """Send until an answer arrives."""
    sent, piece = 0, _chunk(SLACK_BYTES)
    with _connected(server) as connection:
        while sent < FLOOD_BYTES and not _readable(connection, 0):
            connection.sendall(piece)
            sent += SLACK_BYTES
        return _refusal(connection, sent)


def _connected(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    connection = socket.create_connection((str(parts.hostname), parts.port), timeout=TIMEOUT_S)
    connection.sendall(HEAD)
    return connection


def _chunk(length: int) -> bytes:
    return b"%x\r\n" % length + bytes(length) + b"\r\n"


def _readable(connection: socket.socket, within_s: float) -> bool:
    return bool(select.select([connection], [], [], within_s)[0])


def _refusal(connection: socket.socket, sent: int) -> Refusal:
    answer, deadline = b"", time.monotonic() + TIMEOUT_S
    while b"}" not in answer and time.monotonic() < deadline:
        got = connection.recv(65_536)
        if not got:
            break
        answer += got
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    return Refusal(int(answer.split(b" ", 2)[1]), sent, document["actual"])
