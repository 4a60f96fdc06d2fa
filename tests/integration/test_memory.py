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
    """A service that has just started, in a process of its own."""

    url: str
    pid: int

    def kb(self, what: str) -> int:
        """What the kernel says of its memory."""
        found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1])

    def denoise(self, image: np.ndarray, query: str) -> None:
        """Denoise an image, which comes back in its shape, by the network that is only tried after another."""
        answer = httpx.post(f"{self.url}/denoise{query}", content=npy(image), headers=NPY, timeout=600)
        assert answer.status_code == 200
        assert from_npy(answer.content).shape == image.shape
        assert answer.headers["x-model"].startswith("color;")


@contextmanager
def fresh(models: str) -> Iterator[Fresh]:
    """A service with a folder of models; without one, with what is shipped."""
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu", "BIASFREE_MODELS_DIR": models}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"serving on (http://\S+)", line)))
        yield Fresh(url, process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def color(height: int, width: int) -> np.ndarray:
    """A photograph with white noise that repeats, (H, W, 3) uint8."""
    tile = np.clip(255 * with_noise(photograph(500, channels=3), 25), 0, 255).astype(np.uint8)
    return np.tile(tile, (-(-height // 500), -(-width // 500), 1))[:height, :width]


def test_an_idle_service_holds_its_weights_and_little_else(record_property) -> None:
    """424 MB; with a second copy of the weights, and what loading and checking left in the heap, it was 680."""
    with fresh("") as service:
        idle_kb = service.kb("VmRSS")
    record_property("idle_kb", idle_kb)
    assert idle_kb < IDLE_LIMIT_KB


@pytest.mark.parametrize(("query", "limit_kb"), [("?model=color", LIMIT_KB), ("", 6_500_000)], ids=["color", "default"])
def test_24_megapixels_of_color_stay_below_their_limit(record_property, stand_ins, default_models, query, limit_kb):
    """4000 x 6000 RGB: what the image takes with networks that take nothing, and what one tile takes of the real ones.

    Tiles of that size run one at a time, so that the sum is an upper bound of what both take together; the default
    tries two networks.
    """
    with fresh(str(stand_ins)) as service:
        idle_kb = service.kb("VmRSS")
        service.denoise(color(HEIGHT, WIDTH), query)
        image_kb = service.kb("VmHWM") - idle_kb
    with fresh(str(default_models)) as service:
        service.denoise(color(TILE_SIDE, TILE_SIDE), query)
        tile_kb = service.kb("VmHWM")
    record_property("peak_kb", image_kb + tile_kb)
    assert image_kb + tile_kb < limit_kb
