"""ONNX Runtime alone, in a process of its own: what no server of the same network can beat."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.images import Photograph
from biasfree.artifact import INPUT, OUTPUT, SHIPPED
from biasfree.engines.cores import usable_cores


class RawEngine:
    """The shipped gray network with as many threads as the service has by default."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def seconds(self, image: Photograph, *, batch: int, runs: int) -> Sequence[float]:
        """Seconds of each of some runs of a batch of one image (H, W), without the way to the process and back."""
        return self._pool.submit(_seconds, image, batch, runs).result()


@contextmanager
def raw_engine() -> Iterator[RawEngine]:
    """A process with the network loaded, until the context ends."""
    # Spawned: ONNX Runtime's threads do not survive a fork.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        engine = RawEngine(pool)
        engine.seconds(np.zeros((64, 64), np.float32), batch=1, runs=1)
        yield engine


def _seconds(image: Photograph, batch: int, runs: int) -> list[float]:
    noisy = np.stack([image[None]] * batch)
    return [_run(noisy) for _ in range(runs)]


def _run(noisy: npt.NDArray[np.float32]) -> float:
    session = _session()
    start = time.perf_counter()
    session.run([OUTPUT], {INPUT: noisy})
    return time.perf_counter() - start


@cache
def _session() -> Any:
    # Here, because only the child needs it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(SHIPPED / "gray.onnx", options, providers=["CPUExecutionProvider"])
