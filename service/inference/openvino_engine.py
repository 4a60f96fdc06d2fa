"""The network on the CPU by OpenVINO, for processors with bfloat16: an extra, imported where a setting asks for it."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import openvino

from biasfree.artifact import Artifact
from service.inference.cores import usable_cores
from service.inference.engine import OUT_OF_MEMORY, DeviceUnavailable, EngineError, OutOfDeviceMemory
from service.inference.tiling import FloatArray

Precision = Literal["float32", "bfloat16"]
TYPES = {"float32": openvino.Type.f32, "bfloat16": openvino.Type.bf16}
#: See ``golden``: what a correct device may differ by. The shipped models moved by 3e-3 to 4e-3 in bfloat16.
TOLERANCES = {"float32": 1e-3, "bfloat16": 1e-2}
#: For the life of the process. OpenVINO gives the thread that loads its plugin for CPUs a signal stack, and frees it in
#: the thread that lets go of the last model: if that is another one, the next signal, SIGTERM say, is SIGSEGV.
CORE = openvino.Core()


class OpenVinoEngine:
    """OpenVINO with one compiled network for each model.

    Args:
        models: Verified artifacts by name.
        threads: Threads of one batch; None for one for each core this process may use.
        precision: Of the multiplications; sums are float32 in both.

    Raises:
        DeviceUnavailable: The processor does not compute in ``precision``.
        EngineError: OpenVINO cannot load a model.
    """

    device, workers = "cpu", 1

    def __init__(
        self, models: Mapping[str, Artifact], *, threads: int | None = None, precision: Precision = "float32"
    ) -> None:
        self.tolerance = TOLERANCES[precision]
        options = {
            "INFERENCE_PRECISION_HINT": TYPES[precision],
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            # One batch at a time has all threads; they share the cores with everything else in a container.
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        self._requests = {name: _request(model, options) for name, model in models.items()}

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch, always on all threads; see ``Engine.run``."""
        try:
            # The batch is read where it is, the result is a copy: the request's own memory is used again.
            (denoised,) = self._requests[model].infer([batch], share_inputs=True).to_tuple()
        except (RuntimeError, MemoryError) as exc:
            if isinstance(exc, MemoryError) or any(words in str(exc).lower() for words in OUT_OF_MEMORY):
                raise OutOfDeviceMemory(f"no memory for a batch of {batch.shape}") from exc
            raise EngineError(f"OpenVINO failed on a batch of {batch.shape}") from exc
        return np.asarray(denoised, np.float32)

    def release(self) -> None:
        """Free what OpenVINO holds for intermediate results; see ``Engine.release``."""
        for request in self._requests.values():
            request.get_compiled_model().release_memory()


def _request(model: Artifact, options: Mapping[str, Any]) -> openvino.InferRequest:
    try:
        compiled = CORE.compile_model(CORE.read_model(model.content), "CPU", dict(options))
    except RuntimeError as exc:
        raise EngineError(f"OpenVINO cannot load {model.path}: {exc}") from exc
    wanted, found = options["INFERENCE_PRECISION_HINT"], compiled.get_property("INFERENCE_PRECISION_HINT")
    # OpenVINO falls back without an error where the processor has no such arithmetic.
    if found != wanted:
        raise DeviceUnavailable(f"BIASFREE_PRECISION asks for {wanted}, and this processor computes in {found}")
    return compiled.create_infer_request()
