"""The latency that the service adds to a single request, compared to a run of the raw engine."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from bench.images import noisy_photograph, npy, png
from bench.load import Outcome, Request, closed_loop
from bench.raw import RawEngine, raw_engine
from bench.rows import Row
from bench.server import service
from service.imaging import ImageFormat, ImageLimits, decode, encode

SIDE, ROUNDS, REQUESTS = 512, 5, 20
#: Limit on the added latency besides the codec.
BOUND_MS = 5.0


def rows() -> Iterator[Row]:
    """Measure one row for NPY and one for PNG."""
    with service() as server, raw_engine() as engine:
        yield from _added(server.url, engine)


def _added(url: str, engine: RawEngine) -> Iterator[Row]:
    """Measure the latency minus the engine's time in the same request, and the codec's time.

    Both are from the same request because the engine's time varies by more than the difference to measure.
    """
    image = noisy_photograph(SIDE, SIDE)
    for name, request in (("float32 NPY", npy(image)), ("8-bit PNG", png(image))):
        closed_loop(url, [request] * REQUESTS, clients=1).require_served()
        codec_ms = 1e3 * _codec_s(url, request)
        outcomes = [each for _ in range(ROUNDS) for each in _outcomes(url, request)]
        added_ms = statistics.median(1e3 * each.seconds - each.stages_ms["infer"] for each in outcomes)
        inside_ms = statistics.median(each.stages_ms["infer"] for each in outcomes)
        alone_ms = 1e3 * statistics.median(engine.seconds(image, batch=1, runs=REQUESTS))
        other = f"engine {inside_ms:.0f} ms inside, {alone_ms:.0f} ms alone; codec {codec_ms:.1f} ms"
        what = f"Added latency of one lone request, {SIDE} x {SIDE} gray {name}"
        yield Row(what, f"{added_ms:.1f} ms", other, wanted=f"below {BOUND_MS + codec_ms:.1f} ms")


def _codec_s(url: str, request: Request) -> float:
    """Measure the seconds that the service's codec takes to decode the request and encode its answer."""
    [outcome] = closed_loop(url, [request], clients=1, keep_bodies=True).require_served().outcomes
    limits = ImageLimits(max_pixels=request.pixels, max_frames=1)
    answer = decode(outcome.body, limits=limits)
    format = ImageFormat.PNG if request.content_type == "image/png" else ImageFormat.NPY
    return _median_s(lambda: decode(request.body, limits=limits)) + _median_s(lambda: encode(answer, format))


def _outcomes(url: str, request: Request) -> Sequence[Outcome]:
    return closed_loop(url, [request] * REQUESTS, clients=1).require_served().outcomes


def _median_s(call: Callable[[], object]) -> float:
    return statistics.median(_seconds(call) for _ in range(REQUESTS))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
