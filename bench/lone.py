"""What the service adds to the time of one lone request, over the raw engine's run of the same image."""

import statistics
import time
from collections.abc import Callable, Iterator

from bench.images import Photograph, decode_png, noisy_photograph, npy, png
from bench.load import Request, closed_loop
from bench.raw import RawEngine
from bench.rows import Row
from service.imaging import ImageFormat, ImageLimits, decode, encode

ROUNDS, REQUESTS = 3, 10


def added_latency(url: str, engine: RawEngine, *, side: int) -> Iterator[Row]:
    """A row for NPY and one for PNG, the codec's own time beside; service and engine take turns."""
    image = noisy_photograph(side, side)
    # The engine gets what the service gets from the PNG.
    for name, request, same in (("float32 NPY", npy(image), image), ("8-bit PNG", png(image), _rounded(image))):
        pairs = [(_request_s(url, request), _engine_s(engine, same)) for _ in range(ROUNDS + 1)][1:]
        added_ms = 1e3 * statistics.median(whole - bare for whole, bare in pairs)
        engine_ms = 1e3 * statistics.median(bare for _, bare in pairs)
        other = f"engine {engine_ms:.0f} ms, codec {1e3 * codec_s(url, request):.1f} ms"
        what = f"Added latency of one lone request, {side} x {side} gray {name}"
        yield Row(what, f"{added_ms:.1f} ms", other, wanted="below 5 ms")


def codec_s(url: str, request: Request) -> float:
    """Seconds that decoding the request and encoding its answer take the service's own codec."""
    [outcome] = closed_loop(url, [request], clients=1, keep_bodies=True).require_served().outcomes
    limits = ImageLimits(max_pixels=request.pixels, max_frames=1)
    answer = decode(outcome.body, limits=limits)
    format = ImageFormat.PNG if request.content_type == "image/png" else ImageFormat.NPY
    return _median_s(lambda: decode(request.body, limits=limits)) + _median_s(lambda: encode(answer, format))


def _request_s(url: str, request: Request) -> float:
    return closed_loop(url, [request] * REQUESTS, clients=1).require_served().latency_s(0.5)


def _engine_s(engine: RawEngine, image: Photograph) -> float:
    return statistics.median(engine.seconds(image, batch=1, runs=REQUESTS))


def _rounded(image: Photograph) -> Photograph:
    return decode_png(png(image).body)


def _median_s(call: Callable[[], object]) -> float:
    return statistics.median(_seconds(call) for _ in range(REQUESTS))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
