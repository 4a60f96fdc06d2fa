"""How much memory a large image takes, and how little a service that waits for one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.integration.images import NPY, from_npy, npy, photograph

#: Of resident memory, at its peak, and when nothing has been asked for yet.
LIMIT_KB, IDLE_LIMIT_KB = 4_000_000, 550_000

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


@pytest.fixture
def fresh() -> Iterator[Fresh]:
    """Started for this test, with what is shipped."""
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu"}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"serving on (http://\S+)", line)))
        yield Fresh(url, process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_an_idle_service_holds_its_weights_and_little_else(fresh, record_property):
    """424 MB; with a second copy of the weights, and what loading and checking left in the heap, it was 680."""
    idle_kb = fresh.kb("VmRSS")
    record_property("idle_kb", idle_kb)
    assert idle_kb < IDLE_LIMIT_KB


@pytest.mark.parametrize(("query", "limit_kb"), [("?model=color", LIMIT_KB), ("", 6_500_000)], ids=["color", "default"])
def test_24_megapixels_of_color_stay_below_their_limit(fresh, record_property, query, limit_kb):
    """A process of its own denoises 4000 x 6000 RGB; the kernel says what it held at most. The default tries two."""
    image = np.tile((255 * photograph(500, channels=3)).astype(np.uint8), (8, 12, 1))
    answer = httpx.post(f"{fresh.url}/denoise{query}", content=npy(image), headers=NPY, timeout=600)
    peak_kb = fresh.kb("VmHWM")
    assert answer.status_code == 200
    assert from_npy(answer.content).shape == (4000, 6000, 3)
    record_property("peak_kb", peak_kb)
    assert peak_kb < limit_kb
