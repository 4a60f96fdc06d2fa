"""Clients that disconnect: their cost for the device, and their effect on other clients."""

import socket
import statistics
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

import numpy as np

from bench.load import Load, Request, closed_loop
from bench.payloads import UINT8, as_npy, noise
from bench.probe import Probe
from bench.rows import Row
from bench.server import service

CLIENTS, AT_A_TIME, SIDE = 1000, 32, 256
#: The time until the queue is empty varies between rounds by more than the bound.
ROUNDS = 5
#: Maximum time a client stays connected after sending.
STAYS_S = 0.05
#: One in this number sends only half of its body.
HALVES = 4
REQUESTS, NEXT_CLIENTS = 500, 8
#: Time for which the queue must stay empty, since requests may still be read or decoded while it looks empty.
QUIET_S, PAUSE_S = 3.0, 0.01
#: Time after which to give up on the queue becoming empty.
GIVE_UP_S = 120.0


@dataclass(frozen=True)
class Leaver:
    """A client: what it sends, and the seconds after which it disconnects."""

    content: bytes
    stays_s: float


@dataclass(frozen=True)
class Aftermath:
    """The observations of a round.

    Attributes:
        whole: Number of clients that sent a whole request.
        emptied_s: Seconds from the last client until the queue stayed empty.
        batches: Number of batches run for them, if the server counts them.
        load: The next requests.
    """

    whole: int
    emptied_s: float
    batches: int | None
    load: Load


def rows(*, clients: int = CLIENTS, requests: int = REQUESTS, rounds: int = ROUNDS) -> Iterator[Row]:
    """Measure the queue afterwards, the device's work, and the next clients.

    Args:
        clients: Number of clients that disconnect in a round.
        requests: Number of requests of the next clients.
        rounds: Number of rounds.
    """
    request = as_npy(noise(np.random.default_rng(0), SIDE, SIDE, UINT8))
    with service() as server:
        closed_loop(server.url, [request] * AT_A_TIME, clients=NEXT_CLIENTS).require_served()
        leavers = planned(request, clients, Random(0))  # noqa: S311  # a load, not a secret
        found = [_aftermath(server.url, request, leavers, requests) for _ in range(rounds)]
    emptied_s = [each.emptied_s for each in found]
    yield Row(
        f"{clients} clients that leave within {1000 * STAYS_S:g} ms: until nothing waits for the device",
        f"{statistics.median(emptied_s):.2f} s (median of {rounds}: {min(emptied_s):.2f} to {max(emptied_s):.2f} s)",
        wanted="below 1 s",
    )
    # The round in which the device did most, and the one in which fewest of the next requests were served.
    yield _work(max(found, key=lambda each: each.batches or 0))
    yield _next(min((each.load for each in found), key=lambda load: len(load.served)))


def planned(request: Request, count: int, random: Random) -> list[Leaver]:
    """Plan the clients, reproducibly for the same ``random``."""
    head = (
        f"POST {request.path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n\r\n"
    ).encode("latin-1")
    whole, half = head + request.body, head + request.body[: len(request.body) // 2]
    return [Leaver(half if random.randrange(HALVES) == 0 else whole, random.uniform(0, STAYS_S)) for _ in range(count)]


def _work(found: Aftermath) -> Row:
    told = "not counted by the server" if found.batches is None else f"{found.batches} batches"
    return Row(
        "The same: what the device ran for them", told, f"{found.whole} whole requests", wanted="at most one batch each"
    )


def _next(load: Load) -> Row:
    told = f"{len(load.served)} of {len(load.outcomes)} served"
    return Row(f"The next requests, {NEXT_CLIENTS} clients", told, wanted="all")


def _aftermath(url: str, request: Request, leavers: list[Leaver], requests: int) -> Aftermath:
    with Probe(url) as probe:
        before = probe.readyz().batches
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda leaver: _leave(url, leaver), leavers))
    with Probe(url) as probe:
        emptied_s = _emptied_s(probe)
        after = probe.readyz().batches
    batches = None if before is None or after is None else after - before
    longest = max(len(leaver.content) for leaver in leavers)
    whole = sum(len(leaver.content) == longest for leaver in leavers)
    return Aftermath(whole, emptied_s, batches, closed_loop(url, [request] * requests, clients=NEXT_CLIENTS))


def _leave(url: str, leaver: Leaver) -> None:
    """Connect, send, wait a little, and close so that the server gets a reset."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(leaver.content)
        time.sleep(leaver.stays_s)
        # Linger for 0 s: discards unsent and unread data, and sends RST to the peer.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _emptied_s(probe: Probe) -> float:
    """Measure the seconds until the last poll that found work in the queue."""
    begin = time.perf_counter()
    busy_s = now_s = 0.0
    while now_s - busy_s < QUIET_S and now_s < GIVE_UP_S:
        idle = probe.readyz().idle
        now_s = time.perf_counter() - begin
        if not idle:
            busy_s = now_s
        time.sleep(PAUSE_S)
    return busy_s
