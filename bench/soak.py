"""A soak test of memory growth: thousands of images of every size, and a leaking server to validate the test."""

import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import numpy as np

from bench.load import Request, closed_loop
from bench.payloads import FLOAT32, UINT8, as_npy, as_png, noise
from bench.rows import Row
from bench.server import Server, resident_bytes, service

REQUESTS, CLIENTS = 10_000, 8
#: The leak keeps some 160 KB per request, of which the check sees nearly half: here about 200 MB.
LEAKING_REQUESTS = 3_000
SIDES = (8, 384)
BOUND_BYTES = 100_000_000
SAMPLE_S = 1.0
#: Number of requests created at a time; all of them at once would take hundreds of megabytes.
PORTION = 500
#: Minimum number of samples; the check uses a tenth at the end and a tenth in the middle.
FEWEST_SAMPLES = 10


def rows(
    *,
    requests: int = REQUESTS,
    leaking_requests: int = LEAKING_REQUESTS,
    sides: tuple[int, int] = SIDES,
    sample_s: float = SAMPLE_S,
) -> Iterator[Row]:
    """Measure the memory growth of the service, and of the leaking one.

    Args:
        requests: Number of requests to the service.
        leaking_requests: Number of requests to the leaking server.
        sides: Shortest and longest side of an image.
        sample_s: Seconds between memory samples.
    """
    what = f"requests of {sides[0]} to {sides[1]} pixels a side: growth of resident memory after the midpoint"
    samples = _samples(service(), requests, sides, sample_s)
    yield Row(f"{requests} {what}", _told(samples), wanted=f"below {BOUND_BYTES // 10**6} MB")
    samples = _samples(service(module="bench.leaky"), leaking_requests, sides, sample_s)
    wanted = f"more than {BOUND_BYTES // 10**6} MB, or the check finds nothing"
    yield Row(f"{leaking_requests} {what}, with a leak on purpose", _told(samples), wanted=wanted)


def growth_bytes(samples: Sequence[int]) -> int:
    """Return the growth in the second half: the median of the last tenth minus that of the middle tenth.

    Memory that fills once (arenas, caches, the pages that threads keep) is full by the middle; a leak continues.

    Args:
        samples: Resident bytes at equal intervals.

    Raises:
        ValueError: There are too few samples.
    """
    if len(samples) < FEWEST_SAMPLES:
        raise ValueError(f"{len(samples)} samples are too few: at least {FEWEST_SAMPLES} are required")
    tenth = len(samples) // 10
    first = (len(samples) - tenth) // 2
    return round(statistics.median(samples[-tenth:]) - statistics.median(samples[first : first + tenth]))


def random_requests(count: int, sides: tuple[int, int], rng: np.random.Generator) -> list[Request]:
    """Draw images with log-uniform sides, as float32 or uint8 NPY, or as 8-bit PNG."""
    return [_random_request(sides, rng) for _ in range(count)]


def _random_request(sides: tuple[int, int], rng: np.random.Generator) -> Request:
    shortest, longest = sides
    height, width = np.exp(rng.uniform(np.log(shortest), np.log(longest), 2)).round().astype(int).tolist()
    kind = rng.integers(3)
    if kind == 0:
        return as_npy(noise(rng, height, width, FLOAT32))
    image = noise(rng, height, width, UINT8)
    return as_npy(image) if kind == 1 else as_png(image)


def _told(samples: Sequence[int]) -> str:
    return f"{growth_bytes(samples) / 1e6:.1f} MB (to {samples[-1] / 1e6:.0f} MB)"


def _samples(
    serving: AbstractContextManager[Server], requests: int, sides: tuple[int, int], sample_s: float
) -> list[int]:
    """Sample the resident bytes of a server while it serves the requests, which are the same for every server."""
    rng = np.random.default_rng(0)
    with serving as server, _Sampler(server.process.pid, sample_s) as sampler:
        for first in range(0, requests, PORTION):
            portion = random_requests(min(PORTION, requests - first), sides, rng)
            closed_loop(server.url, portion, clients=CLIENTS).require_served()
    return sampler.samples


class _Sampler:
    """A sampler of a process's memory in a thread, until the context ends."""

    def __init__(self, pid: int, interval_s: float) -> None:
        self._pid, self._interval_s = pid, interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples: list[int] = []

    def __enter__(self) -> "_Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.samples.append(resident_bytes(self._pid))
