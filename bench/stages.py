"""The breakdown of a request's time: the stages of ``Server-Timing``, and the rest for HTTP and the client."""

import statistics
from collections.abc import Iterator, Mapping

from bench.images import noisy_photograph, npy, png
from bench.load import Load, Outcome, closed_loop
from bench.rows import Row
from bench.server import service

SIDES, CLIENTS, REQUESTS = (64, 512), (1, 16), 32
REST = "http and client"


def rows() -> Iterator[Row]:
    """Measure the median of every stage, for two sizes, two formats, and one and sixteen clients."""
    with service() as server:
        for side in SIDES:
            image = noisy_photograph(side, side)
            for name, request in (("float32 NPY", npy(image)), ("8-bit PNG", png(image))):
                closed_loop(server.url, [request] * REQUESTS, clients=4).require_served()
                for clients in CLIENTS:
                    load = closed_loop(server.url, [request] * REQUESTS, clients=clients).require_served()
                    yield from _rows(f"{side} x {side} gray {name}, {clients} at once", load)


def _rows(what: str, load: Load) -> Iterator[Row]:
    stages = [_stages_ms(each) for each in load.served]
    whole_ms = 1e3 * load.latency_s(0.5)
    for stage in stages[0]:
        median_ms = statistics.median(each[stage] for each in stages)
        yield Row(f"{what}: {stage}", f"{median_ms:.1f} ms", f"of {whole_ms:.1f} ms", median_ms / whole_ms)


def _stages_ms(outcome: Outcome) -> Mapping[str, float]:
    """Return the server's stages, and the rest of the time measured by the client."""
    told = outcome.stages_ms
    return told | {REST: 1e3 * outcome.seconds - sum(told.values())}
