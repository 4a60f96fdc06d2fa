"""The engine for ONNX Runtime, on the CPU or by CUDA."""

import ctypes
import logging
import os
from collections.abc import Mapping

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from biasfree.artifact import INPUT, OUTPUT, Artifact
from biasfree.engines.cores import usable_cores
from biasfree.engines.engine import DeviceUnavailable, EngineError, OutOfDeviceMemory
from biasfree.pixels import FloatArray

log = logging.getLogger(__name__)

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

#: Messages ONNX Runtime's allocators raise on out-of-memory; there is no dedicated exception.
OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "bad_alloc", "bad allocation")


#: ONNX Runtime's exceptions have no common base.
FAILURES = (
    runtime_errors.EPFail,
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)


SHRINK = onnxruntime.RunOptions()
SHRINK.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")


class OnnxEngine:
    """An engine with two ONNX Runtime sessions per model: one on all threads, and one on the calling thread.

    Two batches side by side on one thread each are 4 % faster than one after the other on two threads. Also, when
    another process takes a core for a moment, it delays only one batch instead of all threads of the only one.

    Args:
        models: Verified artifacts by name.
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA if it works and the CPU otherwise.
        threads: Threads per batch on the CPU; None for one per core this process may use.
        bulk: True for large tiles: one at a time, since each takes a gigabyte, and on threads that do not spin between
            layers. Spinning makes small images up to a third faster (64 x 64: 1.51 against 1.11 Mpx/s), but not those
            from 512 x 512 on (1.70 against 1.70 Mpx/s, in separate runs), and it delays everything else on the same
            cores.

    Raises:
        DeviceUnavailable: ``device`` is ``cuda``, and CUDA cannot be used.
    """

    #: The shipped models differ between torch and ONNX Runtime on the CPU by 4e-7 in float32, and by 3e-3 to 4e-3 if
    #: everything is in bfloat16: this lies between.
    tolerance = 1e-3

    def __init__(
        self,
        models: Mapping[str, Artifact],
        *,
        device: str = "auto",
        threads: int | None = None,
        bulk: bool = False,
    ) -> None:
        cores = threads or usable_cores()
        wide, narrow = _options(cores, spinning=not bulk), _options(1, spinning=False)
        self._device = _choose(device)
        try:
            self._wide = _sessions(models, self._device, wide)
        except DeviceUnavailable as exc:
            if device != "auto":
                raise
            log.warning("%s; running on the CPU", exc)
            self._device = "cpu"
            self._wide = _sessions(models, self._device, wide)
        self.workers = 1 if bulk or self._device != "cpu" else cores
        self._narrow = _sessions(models, self._device, narrow) if self.workers > 1 else self._wide

    @property
    def device(self) -> str:
        """Return ``cpu`` or ``cuda``."""
        return self._device

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch; see ``Engine.run``."""
        session = (self._wide if wide else self._narrow)[model]
        try:
            (denoised,) = session.run([OUTPUT], {INPUT: batch})
        except (*FAILURES, MemoryError) as exc:
            if isinstance(exc, MemoryError) or any(words in str(exc).lower() for words in OUT_OF_MEMORY):
                raise OutOfDeviceMemory(f"out of memory for a batch of shape {batch.shape}") from exc
            raise EngineError(f"the device failed on a batch of shape {batch.shape}") from exc
        return np.asarray(denoised, np.float32)

    def release(self) -> None:
        """Shrink the arenas; see ``Engine.release``.

        ONNX Runtime shrinks them only at the end of a run, so this runs one pixel. Shrinking after every batch would
        reduce the throughput of large tiles by a seventh; never shrinking keeps 930 MB after a tile of 2136 x 2184.
        """
        if self._device != "cpu":
            return
        for session in {*self._wide.values(), *self._narrow.values()}:
            channels = session.get_inputs()[0].shape[1]
            session.run([OUTPUT], {INPUT: np.zeros((1, channels, 1, 1), np.float32)}, SHRINK)


def _options(threads: int, *, spinning: bool) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    # Spin only between the layers of a batch: after it, spinning threads would take cores from bulk batches, whose
    # threads have a lower priority. On two cores of an EPYC (Zen 4): 1.43 against 1.30 Mpx/s for sides of 64 to 2048 at
    # once. A single 64 x 64 image takes 3.2 ms; 3.1 ms if threads keep spinning, 3.7 ms if they never spin.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Errors only: its warnings (nodes left on the CPU by design) are of no use to an operator.
    options.log_severity_level = 3
    return options


def _choose(device: str) -> str:
    """Choose the device: ``auto`` is CUDA if this build of ONNX Runtime and the machine support it."""
    if device == "cpu":
        return "cpu"
    found = _cuda_is_usable()
    if device == "cuda" and not found:
        raise DeviceUnavailable(
            "device='cuda' (of a service BIASFREE_DEVICE=cuda), but ONNX Runtime cannot use CUDA here: "
            f"its providers are {', '.join(onnxruntime.get_available_providers())}, and no CUDA driver or library was "
            "found. Use auto or cpu."
        )
    return "cuda" if found else "cpu"


def _cuda_is_usable() -> bool:
    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers() or _cuda_device_count() == 0:
        return False
    # Loads CUDA and cuDNN from the wheels that torch installed.
    onnxruntime.preload_dlls()
    return True


def _cuda_device_count() -> int:
    """Ask the driver for the number of devices: ONNX Runtime lists its CUDA provider even without one."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _sessions(
    models: Mapping[str, Artifact], device: str, options: onnxruntime.SessionOptions
) -> dict[str, onnxruntime.InferenceSession]:
    return {name: _session(artifact, device, options) for name, artifact in models.items()}


def _session(artifact: Artifact, device: str, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(artifact.content, options, providers=[PROVIDERS[device]])
    except FAILURES as exc:
        raise EngineError(f"ONNX Runtime cannot load {artifact.path} on {device}: {exc}") from exc
    # ONNX Runtime silently falls back to the CPU when a provider does not start.
    if PROVIDERS[device] not in session.get_providers():
        raise DeviceUnavailable(f"ONNX Runtime did not start {PROVIDERS[device]} for {artifact.path}")
    return session
