"""``python -m bench.failures.faulty``: the service, whose device breaks where it is given certain pixels."""

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

#: An image of one of these values breaks the device, as float32; nobody else sends them.
DEATH, DAMAGE = 1.25e7, 1.5e7


class FaultyEngine(OnnxEngine):
    """ONNX Runtime, whose thread ends or whose weights change in memory."""

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
        """Change the sign bit of the largest weight, as a bit that flips in memory would."""
        content = _with_flipped_bit(self._models[model].content)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self._wide[model] = self._narrow[model] = session


def _with_flipped_bit(content: bytes) -> bytes:
    """The model, in which one weight has the other sign."""
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
    vars(app)["OnnxEngine"] = FaultyEngine  # where the start-up takes it from
    command.main()
