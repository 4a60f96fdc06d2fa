"""ONNX Runtime on the CPU, its memory."""

import os
from pathlib import Path

import numpy as np
import pytest

from biasfree.artifact import SHIPPED, Artifact
from service.inference.engine import OnnxEngine

SIDE = 1536


def resident_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_released_memory_goes_back_to_the_system() -> None:
    """A large tile takes hundreds of megabytes, which are gone after; the next result is the same."""
    engine = OnnxEngine({"gray": Artifact.load(SHIPPED / "gray.onnx")}, device="cpu")
    small = np.random.default_rng(0).random((1, 1, 64, 64), np.float32)
    before, denoised = resident_bytes(), engine.run("gray", small)
    engine.run("gray", np.zeros((1, 1, SIDE, SIDE), np.float32))
    kept = resident_bytes() - before
    engine.release()
    left = resident_bytes() - before
    assert kept > 200e6
    assert left < kept / 4
    np.testing.assert_array_equal(engine.run("gray", small), denoised)
