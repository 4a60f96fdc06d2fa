"""Sizing of a machine: megapixels per second and memory of each shipped model, by engine and threads."""

import io
import re
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bench.images import noisy_photograph
from bench.load import Request, closed_loop
from bench.rows import Row
from bench.server import service
from biasfree.artifact import SHIPPED, Artifact
from biasfree.engines.cores import usable_cores
from biasfree.engines.engine import DeviceUnavailable
from biasfree.engines.openvino_engine import OpenVinoEngine

SIDE, IMAGES, CLIENTS, ROUNDS = 512, 12, 4, 3
#: Sizes for which the peak resident memory is measured.
SIZES = ((1000, 1000), (4000, 6000))
OPENVINO = {"BIASFREE_ENGINE": "openvino", "BIASFREE_PRECISION": "bfloat16"}


def rows() -> Iterator[Row]:
    """Measure each shipped model by itself."""
    engines: dict[str, Mapping[str, str]] = {"ONNX Runtime": {}}
    if _has_bfloat16():
        engines["OpenVINO, bfloat16"] = OPENVINO
    cores = usable_cores()
    for path in sorted(SHIPPED.glob("*.onnx")):
        card = Artifact.load(path).card
        for engine, settings in engines.items():
            for threads in sorted({1, cores}):
                limited = {**settings, "BIASFREE_THREADS": str(threads), "BIASFREE_ANALYSIS_ENABLED": "false"}
                rate = _mpx_s(card.name, card.channels, limited)
                noun = "thread" if threads == 1 else "threads"
                yield Row(f"{card.name}, {engine}, {threads} {noun}: {SIDE} x {SIDE}, {CLIENTS} clients", rate)
            for (height, width), peak in _peaks(card.name, card.channels, settings):
                what = f"{card.name}, {engine}, {cores} threads: peak of memory after one image of {height} x {width}"
                yield Row(what, peak)


def _has_bfloat16() -> bool:
    try:
        OpenVinoEngine({}, precision="bfloat16")
    except DeviceUnavailable:
        return False
    return True


def _mpx_s(model: str, channels: int, settings: Mapping[str, str]) -> str:
    requests = [_request(model, channels, SIDE, SIDE)] * IMAGES
    with service(settings) as server:
        closed_loop(server.url, requests[:CLIENTS], clients=CLIENTS).require_served()
        rates = [closed_loop(server.url, requests, clients=CLIENTS).require_served().mpx_s for _ in range(ROUNDS)]
    return f"{statistics.median(rates):.2f} Mpx/s"


def _peaks(model: str, channels: int, settings: Mapping[str, str]) -> Iterator[tuple[tuple[int, int], str]]:
    """Measure the peak resident memory of a fresh service, from the smallest size to the largest (Linux)."""
    with service({**settings, "BIASFREE_ANALYSIS_ENABLED": "false"}) as server:
        for size in SIZES:
            closed_loop(server.url, [_request(model, channels, *size)], clients=1).require_served()
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            assert found is not None
            yield size, f"{int(found[1]) * 1024 / 1e6:.0f} MB"


def _request(model: str, channels: int, height: int, width: int) -> Request:
    """Return an 8-bit NPY of a noisy photograph; pixels are counted once, whatever the number of channels."""
    levels = np.rint(noisy_photograph(height, width) * 255).clip(0, 255).astype(np.uint8)
    image = np.repeat(levels[..., None], channels, axis=2) if channels > 1 else levels
    buffer = io.BytesIO()
    np.save(buffer, image)
    return Request(f"/denoise?model={model}", "application/x-npy", buffer.getvalue(), height * width)
