"""Scaling: the start, the memory, and the cost per megapixel at every size up to the largest image."""

import statistics
import time
from collections.abc import Iterator

from bench.images import noisy_photograph, npy
from bench.load import Request, closed_loop
from bench.rows import Row
from bench.server import resident_bytes, service
from service.queue.batch_queue import IDLE_S

STARTS, ROUNDS = 3, 3
#: Heights and widths, from 0.01 to 24 megapixels.
SIZES = ((100, 100), (256, 256), (512, 512), (1000, 1000), (2000, 2000), (3000, 4000), (4000, 6000))
#: Megapixels per size and round, but at least one image.
MPX_OF_A_ROUND = 1.0


def rows() -> Iterator[Row]:
    """Measure the start, then each size alone with one client."""
    yield Row(
        "From the start of the process to the first answer", f"{statistics.median(map(_start_s, range(STARTS))):.1f} s"
    )
    with service() as server:
        idle = resident_bytes(server.process.pid)
        yield Row("Resident memory of the idle service, without its analysis process", f"{idle / 1e6:.0f} MB")
        requests = [npy(noisy_photograph(*size)) for size in SIZES]
        closed_loop(server.url, requests[:3], clients=1).require_served()
        costs = [[_cost_s_mpx(server.url, each) for each in requests] for _ in range(ROUNDS)]
        after = resident_bytes(server.process.pid)
        time.sleep(IDLE_S + 1)
        idle_again = resident_bytes(server.process.pid)
    best = statistics.median(min(row) for row in costs)
    for size, column in zip(SIZES, zip(*costs, strict=True), strict=True):
        cost = statistics.median(column)
        what = f"Seconds per megapixel, one client, {size[0]} x {size[1]} gray float32 NPY, over the least"
        yield Row(what, f"{cost:.3f} s", f"{best:.3f} s", cost / best)
    yield Row("Resident memory after all of them", f"{after / 1e6:.0f} MB")
    yield Row("Resident memory when it has been idle since", f"{idle_again / 1e6:.0f} MB")


def _start_s(_: int) -> float:
    start = time.perf_counter()
    with service() as server:
        closed_loop(server.url, [npy(noisy_photograph(8, 8))], clients=1).require_served()
        return time.perf_counter() - start


def _cost_s_mpx(url: str, request: Request) -> float:
    count = max(1, round(MPX_OF_A_ROUND * 1e6 / request.pixels))
    load = closed_loop(url, [request] * count, clients=1).require_served()
    return 1 / load.mpx_s
