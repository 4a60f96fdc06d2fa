"""How much memory a large image takes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.integration.images import NPY, from_npy, npy, photograph

#: Of resident memory, at its peak.
LIMIT_KB = 4_000_000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_24_megapixels_of_colour_peak_below_4_gigabytes(record_property):
    """A process of its own denoises 4000 x 6000 RGB; the kernel says what it held at most."""
    image = np.tile((255 * photograph(500, channels=3)).astype(np.uint8), (8, 12, 1))
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu"}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"serving on (http://\S+)", line)))
        answer = httpx.post(f"{url}/denoise", content=npy(image), headers=NPY, timeout=600)
        peak_kb = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert answer.status_code == 200
    assert from_npy(answer.content).shape == (4000, 6000, 3)
    record_property("peak_kb", peak_kb)
    assert peak_kb < LIMIT_KB
