"""How much memory a large image takes, and how little a service that waits for one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.integration.images import NPY, from_npy, npy, photograph, with_noise

#: Of resident memory, at its peak, and when nothing has been asked for yet.
LIMIT_KB, IDLE_LIMIT_KB = 4_000_000, 550_000
#: An image of 24 megapixels, and the largest of its tiles.
HEIGHT, WIDTH, TILE_SIDE = 4000, 6000, 2184

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")


@dataclass(frozen=True)
class Fresh:
    """A service in a process of its own, and its resident memory before it was asked for anything."""

    url: str
    pid: int
    idle_kb: int

    def peak_kb(self) -> int:
        """Return the highest resident memory so far."""
        return resident_kb(self.pid, "VmHWM")

    def denoise(self, image: np.ndarray, **options: str) -> None:
        """Denoise an image, which comes back in its shape, by ``color``."""
        answer = httpx.post(f"{self.url}/denoise", params=options, content=npy(image), headers=NPY, timeout=600)
        assert answer.status_code == 200
        assert from_npy(answer.content).shape == image.shape
        assert answer.headers["x-model"].startswith("color;")


def resident_kb(pid: int, what: str) -> int:
    """Return what the kernel says of a process's memory."""
    found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


@contextmanager
def fresh(**settings: str) -> Iterator[Fresh]:
    """A service with environment variables."""
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", **settings}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"serving on (http://\S+)", line)))
        yield Fresh(url, process.pid, resident_kb(process.pid, "VmRSS"))
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def shipped() -> Iterator[Fresh]:
    """The service with the shipped networks, which takes seconds to start; one for both tests.

    Analyses have a process of their own, whose memory is not looked at.
    """
    with fresh(BIASFREE_ANALYSIS_ENABLED="false") as service:
        yield service


def color(height: int, width: int) -> np.ndarray:
    """A photograph with white noise that repeats, (H, W, 3) uint8."""
    tile = np.clip(255 * with_noise(photograph(500, channels=3), 25), 0, 255).astype(np.uint8)
    return np.tile(tile, (-(-height // 500), -(-width // 500), 1))[:height, :width]


def test_an_idle_service_holds_its_weights_and_little_else(record_property, shipped: Fresh) -> None:
    """424 MB; with a second copy of the weights, and what loading and checking left in the heap, it was 680."""
    record_property("idle_kb", shipped.idle_kb)
    assert shipped.idle_kb < IDLE_LIMIT_KB


def test_24_megapixels_of_color_stay_below_their_limit(record_property, shipped: Fresh, stand_ins: Path) -> None:
    """4000 x 6000 RGB: what the image takes with networks that take nothing, and what one tile takes of the real ones.

    Tiles of that size run one at a time, so that the sum is an upper bound of what both take together. The default
    tries two networks of one size on the image; one of them alone takes the same for a tile.
    """
    shipped.denoise(color(TILE_SIDE, TILE_SIDE), model="color")
    with fresh(BIASFREE_MODELS_DIR=str(stand_ins), BIASFREE_ANALYSIS_ENABLED="false") as service:
        service.denoise(color(HEIGHT, WIDTH))
        peak_kb = service.peak_kb() - service.idle_kb + shipped.peak_kb()
    record_property("peak_kb", peak_kb)
    assert peak_kb < LIMIT_KB
