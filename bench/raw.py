"""ONNX Runtime alone, in a separate process: the upper bound for any server of the same network."""

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
    """The shipped gray network with the service's default number of threads."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def seconds(self, image: Photograph, *, batch: int, runs: int) -> Sequence[float]:
        """Measure runs of a batch of one image (H, W), in seconds, without the transfer to the process and back."""
        return self._pool.submit(_seconds, image, batch, runs).result()


@contextmanager
def raw_engine() -> Iterator[RawEngine]:
    """Run a process with the network loaded, until the context ends."""
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
    # Imported here because only the child process needs it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(SHIPPED / "gray.onnx", options, providers=["CPUExecutionProvider"])
