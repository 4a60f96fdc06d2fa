"""ONNX Runtime on the CPU, its memory."""

import os
from pathlib import Path

import numpy as np
import pytest

from biasfree.artifact import SHIPPED, Artifact
from biasfree.engines.onnx_engine import OnnxEngine

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
    assert kept > 100e6
    assert left < kept / 4
    np.testing.assert_array_equal(engine.run("gray", small), denoised)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (17, 33), (100, 7), (255, 257), (512, 512)], ids=str)
@pytest.mark.parametrize("model", ["gray", "color"])
def test_the_number_of_threads_changes_no_bit(model: str, shape: tuple[int, int]) -> None:
    """A result does not depend on what else was running."""
    artifact = Artifact.load(SHIPPED / f"{model}.onnx")
    engine = OnnxEngine({model: artifact}, device="cpu", threads=2)
    batch = np.random.default_rng(0).random((1, artifact.card.channels, *shape), np.float32)
    np.testing.assert_array_equal(engine.run(model, batch, wide=True), engine.run(model, batch, wide=False))
