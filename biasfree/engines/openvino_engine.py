"""The engine for OpenVINO on CPUs with bfloat16: an extra, imported only if a setting selects it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import openvino
from openvino import opset13 as operations

from biasfree.artifact import Artifact
from biasfree.engines.cores import usable_cores
from biasfree.engines.engine import DeviceUnavailable, EngineError, OutOfDeviceMemory
from biasfree.engines.onnx_engine import OUT_OF_MEMORY
from biasfree.pixels import FloatArray

PRECISION = "INFERENCE_PRECISION_HINT"
Precision = Literal["float32", "bfloat16"]
TYPES = {"float32": openvino.Type.f32, "bfloat16": openvino.Type.bf16}
#: Allowed difference from the golden tile (see ``golden``). In bfloat16 the shipped models differed by 9e-4 to 6e-3.
TOLERANCES = {"float32": 1e-3, "bfloat16": 1e-2}
#: Kept for the life of the process. OpenVINO gives the thread that loads its CPU plugin a signal stack, and frees it in
#: the thread that releases the last model: if that is a different one, the next signal (SIGTERM, say) causes SIGSEGV.
CORE = openvino.Core()


@dataclass(frozen=True)
class _Network:
    """A network in one or two parts: ``head``, up to the first convolution, exists if only that is float32."""

    head: openvino.InferRequest | None
    rest: openvino.InferRequest

    def __call__(self, batch: FloatArray) -> FloatArray:
        """Denoise (B, C, H, W). Inputs are not copied; the result is, because OpenVINO reuses its memory."""
        inputs = [batch]
        if self.head is not None:
            inputs += self.head.infer(inputs, share_inputs=True, share_outputs=True).to_tuple()
        (denoised,) = self.rest.infer(inputs, share_inputs=True).to_tuple()
        return np.asarray(denoised, np.float32)


class OpenVinoEngine:
    """An engine with one compiled OpenVINO network per model.

    In bfloat16 the first convolution of a ``resunet`` stays float32. It ignores brightness because its kernels sum to
    zero, which rounded kernels do not: ``gray-best`` lost 0.2 dB at sigma 5 (``tests/integration/test_openvino.py``).
    This costs 0.05 to 0.08 of the throughput.

    Args:
        models: Verified artifacts by name.
        threads: Threads per batch; None for one per core this process may use.
        precision: Precision of the multiplications; sums are float32 in both cases.

    Raises:
        DeviceUnavailable: The processor does not support ``precision``.
        EngineError: OpenVINO cannot load a model.
    """

    device, workers = "cpu", 1

    def __init__(
        self, models: Mapping[str, Artifact], *, threads: int | None = None, precision: Precision = "float32"
    ) -> None:
        self.tolerance = TOLERANCES[precision]
        options = {
            PRECISION: TYPES[precision],
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            # One batch at a time uses all threads; they share the cores with everything else in a container.
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        self._networks = {name: _network(model, options) for name, model in models.items()}

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch, always on all threads; see ``Engine.run``."""
        try:
            return self._networks[model](batch)
        except (RuntimeError, MemoryError) as exc:
            if isinstance(exc, MemoryError) or any(words in str(exc).lower() for words in OUT_OF_MEMORY):
                raise OutOfDeviceMemory(f"out of memory for a batch of shape {batch.shape}") from exc
            raise EngineError(f"OpenVINO failed on a batch of shape {batch.shape}") from exc

    def release(self) -> None:
        """Free the memory OpenVINO keeps for intermediate results; see ``Engine.release``."""
        for network in self._networks.values():
            for request in (network.head, network.rest):
                if request is not None:
                    request.get_compiled_model().release_memory()


def _network(model: Artifact, options: Mapping[str, Any]) -> _Network:
    try:
        network = CORE.read_model(model.content)
        if options[PRECISION] == openvino.Type.f32 or model.card.architecture != "resunet":
            return _Network(None, _request(network, options))
        head, rest = _cut(network)
        return _Network(_request(head, {**options, PRECISION: openvino.Type.f32}), _request(rest, options))
    except RuntimeError as exc:
        raise EngineError(f"OpenVINO cannot load {model.path}: {exc}") from exc


def _cut(network: openvino.Model) -> tuple[openvino.Model, openvino.Model]:
    """Split a network, in place, after its first convolution; the second part takes the image and the features."""
    first = next(node for node in network.get_ordered_ops() if node.get_type_name() == "Convolution")
    features = first.output(0)
    head = openvino.Model([features], network.get_parameters(), "head").clone()
    given = operations.parameter(features.get_partial_shape(), features.get_element_type(), "features")
    for reader in features.get_target_inputs():
        reader.replace_source_output(given.output(0))
    return head, openvino.Model(network.get_results(), [*network.get_parameters(), given], "rest")


def _request(network: openvino.Model, options: Mapping[str, Any]) -> openvino.InferRequest:
    compiled = CORE.compile_model(network, "CPU", dict(options))
    wanted, found = options[PRECISION], compiled.get_property(PRECISION)
    # OpenVINO silently falls back if the processor does not support the precision.
    if found != wanted:
        raise DeviceUnavailable(
            f"this processor does not support BIASFREE_PRECISION={wanted} and would compute in {found}: "
            "use BIASFREE_PRECISION=float32"
        )
    return compiled.create_infer_request()
