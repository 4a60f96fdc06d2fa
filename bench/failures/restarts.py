"""Rolling restarts of replicas behind nginx under load, during which no client may see an error."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from bench.failures.replicas import nginx, replicas
from bench.load import Connection, Outcome
from bench.payloads import UINT8, as_npy, noise
from bench.rows import Row

RESTARTS, CLIENTS, SIDES = 20, 4, (64, 128, 256)


def rows(*, restarts: int = RESTARTS) -> Iterator[Row]:
    """Measure the errors and delays that clients see.

    Args:
        restarts: Number of restarts, of two replicas in turn.
    """
    with replicas() as two, nginx(two) as url:
        clients = Clients(url, CLIENTS)
        for number in range(restarts):
            replica = two[number % 2]
            replica.stop()
            replica.start()
        outcomes = clients.finish()
    failed = [each.status for each in outcomes if each.status != 200]
    yield Row(
        f"{restarts} restarts by SIGTERM of two replicas in turn, {CLIENTS} clients: answered otherwise than with 200",
        f"{len(failed)} of {len(outcomes)}" + (f" ({sorted(set(failed))})" if failed else ""),
        wanted="0",
    )
    longest = max(each.seconds for each in outcomes)
    yield Row("the longest that a client waited", f"{longest:.2f} s")


class Clients:
    """A group of clients that send one image after the other until told to finish.

    Args:
        url: Scheme, host and port.
        count: Number of clients.
    """

    def __init__(self, url: str, count: int) -> None:
        rng = np.random.default_rng(0)
        self._requests = [as_npy(noise(rng, side, side, UINT8)) for side in SIDES]
        self._url, self._begin, self._enough = url, time.perf_counter(), threading.Event()
        self._outcomes: list[list[Outcome]] = [[] for _ in range(count)]
        self._threads = [threading.Thread(target=self._work, args=[each]) for each in self._outcomes]
        for thread in self._threads:
            thread.start()

    def finish(self) -> list[Outcome]:
        """Wait for the last answers, and return the outcomes of all requests."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        return [outcome for each in self._outcomes for outcome in each]

    def _work(self, outcomes: list[Outcome]) -> None:
        with Connection(self._url, self._begin) as connection:
            while not self._enough.is_set():
                outcomes.append(connection.send(self._requests[len(outcomes) % len(self._requests)]))
