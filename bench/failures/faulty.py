"""The service with a device that fails on certain pixels: ``python -m bench.failures.faulty``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from biasfree.artifact import Artifact
from biasfree.engines.onnx_engine import OnnxEngine
from biasfree.pixels import FloatArray
from service import app, command

#: Float32 values of pixels on which the device fails; no other image has them.
DEATH, DAMAGE = 1.25e7, 1.5e7


class FaultyEngine(OnnxEngine):
    """An ONNX Runtime engine whose thread dies or whose weights change in memory."""

    def __init__(self, models: Mapping[str, Artifact], **options: Any) -> None:
        super().__init__(models, **options)
        self._models = models

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch; see ``Engine.run``."""
        if batch.max() == DEATH:
            raise SystemExit
        if batch.max() == DAMAGE:
            self._damage(model)
        return super().run(model, batch, wide=wide)

    def _damage(self, model: str) -> None:
        """Flip the sign bit of the largest weight, like a bit flip in memory."""
        content = _with_flipped_bit(self._models[model].content)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self._wide[model] = self._narrow[model] = session


def _with_flipped_bit(content: bytes) -> bytes:
    """Return the model with the sign of one weight changed."""
    graph = onnx.load_model_from_string(content)
    floats = [each for each in graph.graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
    largest = max(floats, key=lambda each: float(np.abs(numpy_helper.to_array(each)).max()))
    weights = numpy_helper.to_array(largest).copy()
    at = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    weights[at] = -weights[at]
    largest.CopyFrom(numpy_helper.from_array(weights, largest.name))
    changed: bytes = graph.SerializeToString()
    return changed


if __name__ == "__main__":
    vars(app)["OnnxEngine"] = FaultyEngine  # the name that the start-up uses
    command.main()
