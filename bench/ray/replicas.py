"""The trial on a real cluster: same answers as the service, scaling under load, a killed replica, replaced replicas."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from signal import SIGKILL

import numpy as np

from bench.failures.kill import CALLS, CLIENTS, through_the_sdk
from bench.failures.restarts import Clients
from bench.load import Connection, Outcome, Request
from bench.payloads import FLOAT32, UINT8, as_npy, as_png, noise
from bench.ray.cluster import Cluster, cluster, wait_until
from bench.rows import Row
from bench.server import service

#: Number of clients that makes Serve start a second replica at TARGET requests per replica, and the number of replicas.
CROWD, TARGET, REPLICAS = 12, 6, 2
#: Fast scaling, to keep the trial short.
AUTOSCALING = {
    "min_replicas": 1,
    "max_replicas": REPLICAS,
    "target_ongoing_requests": TARGET,
    "upscale_delay_s": 2,
    "downscale_delay_s": 3600,
}
SETTINGS = {"analysis_enabled": False}
#: Seconds before and after a replica is killed.
PAUSE_S = 2.0


def rows() -> Iterator[Row]:
    """Make the trial on a temporary cluster."""
    with cluster() as ours:
        yield from trial(ours)


def trial(ours: Cluster) -> Iterator[Row]:
    """Measure what clients see, and how long Serve takes.

    Args:
        ours: A cluster, without an application or with one replica of it.
    """
    requests = _requests()
    with service({"BIASFREE_THREADS": "1", "BIASFREE_ANALYSIS_ENABLED": "false"}) as ordinary:
        expected = _answers(ordinary.url, requests)
    before = ours.pids()
    ours.deploy(settings=SETTINGS, deployment={"autoscaling_config": AUTOSCALING})
    seconds = wait_until(lambda: not before & ours.pids(), "another replica", ours.counts) + ours.wait_for_replicas(1)
    yield Row("from the configuration to the first replica that runs", f"{seconds:.1f} s")
    different = sum(a != b for a, b in zip(_answers(ours.url, requests), expected, strict=True))
    yield Row(
        "images of 8 and 16 bit, float32, RGB; PNG, NPY; 1 x 1 to 600 x 500: other bytes than the service's own",
        f"{different} of {len(requests)}",
        wanted="0",
    )
    yield from _scaled(ours)
    yield from _killed(ours)
    yield from _replaced(ours)


def _scaled(ours: Cluster) -> Iterator[Row]:
    seconds, outcomes = _under_load(ours, CROWD, lambda: ours.wait_for_replicas(REPLICAS))
    yield Row(f"{CROWD} clients, {TARGET} requests a replica wanted: until the second replica runs", f"{seconds:.1f} s")
    yield _failed(f"{CROWD} clients meanwhile", outcomes, wanted="0")


def _killed(ours: Cluster) -> Iterator[Row]:
    seconds, outcomes = _under_load(ours, CROWD, lambda: _kill(ours))
    yield _failed(
        f"kill -9 of one of {REPLICAS} replicas, {CROWD} clients that try once",
        outcomes,
        wanted=f"at most {CROWD}, those under way, with 503",
    )
    yield Row("from the kill until there are as many replicas again", f"{seconds:.1f} s")
    sent, errors = through_the_sdk(ours.url, lambda: os.kill(min(ours.pids()), SIGKILL))
    _settle(ours)
    yield Row(
        f"the same under {CLIENTS} clients of the SDK, which tries again after 503: calls that failed",
        f"{len(errors)} of {sent}",
        wanted=f"0 of {CLIENTS * CALLS}",
    )


def _replaced(ours: Cluster) -> Iterator[Row]:
    """Deploy a new configuration, which drains and replaces each replica, under clients without retries."""
    before = ours.pids()

    def replace() -> float:
        start = time.perf_counter()
        changed = SETTINGS | {"codec_threads": 3}
        ours.deploy(settings=changed, deployment={"autoscaling_config": AUTOSCALING})
        wait_until(lambda: not before & ours.pids(), "other replicas", ours.counts)
        _settle(ours)
        return time.perf_counter() - start

    seconds, outcomes = _under_load(ours, CLIENTS, replace)
    yield _failed(
        f"all {REPLICAS} replicas replaced in turn by a new configuration, {CLIENTS} clients that try once",
        outcomes,
        wanted="0",
    )
    yield Row("which took", f"{seconds:.1f} s")


def _under_load(ours: Cluster, count: int, act: Callable[[], float]) -> tuple[float, Sequence[Outcome]]:
    """Act while clients send requests; return the result and the outcomes of all requests."""
    clients = Clients(ours.url, count)
    try:
        time.sleep(PAUSE_S)
        seconds = act()
        time.sleep(PAUSE_S)
    finally:
        outcomes = clients.finish()
    return seconds, outcomes


def _kill(ours: Cluster) -> float:
    start = time.perf_counter()
    os.kill(min(ours.pids()), SIGKILL)
    # Serve notices a moment later.
    time.sleep(PAUSE_S)
    _settle(ours)
    return time.perf_counter() - start


def _settle(ours: Cluster) -> None:
    """Wait until both Serve and the kernel report all replicas."""
    wait_until(lambda: len(ours.pids()) == REPLICAS, f"{REPLICAS} replicas", ours.counts)
    ours.wait_for_replicas(REPLICAS)


def _failed(what: str, outcomes: Sequence[Outcome], *, wanted: str) -> Row:
    failed = sorted(each.status for each in outcomes if each.status != 200)
    return Row(
        f"{what}: answered otherwise than with 200",
        f"{len(failed)} of {len(outcomes)}" + (f" {failed}" if failed else ""),
        wanted=wanted,
    )


def _answers(url: str, requests: Sequence[Request]) -> list[bytes]:
    with Connection(url, time.perf_counter(), keep_bodies=True) as connection:
        outcomes = [connection.send(each) for each in requests]
    if failed := [each.status for each in outcomes if each.status != 200]:
        raise RuntimeError(f"{url} did not answer every image with 200: {failed}")
    return [each.body for each in outcomes]


def _requests() -> list[Request]:
    rng = np.random.default_rng(0)
    sides = [(1, 1), (7, 13), (64, 64), (181, 155), (600, 500)]
    gray = [noise(rng, *side, dtype) for side in sides for dtype in (UINT8, FLOAT32)]
    deep = [rng.integers(0, 65536, side, dtype=np.uint16) for side in sides]
    colour = [rng.integers(0, 256, (*side, 3), dtype=np.uint8) for side in sides]
    pictures = [each for each in [*gray, *colour] if each.dtype == UINT8]
    return [*map(as_npy, [*gray, *deep, *colour]), *map(as_png, pictures)]
