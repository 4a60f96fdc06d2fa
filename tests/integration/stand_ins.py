"""Stand-ins for the shipped networks: the same names and channels, and a start in half a second instead of eight.

For every test whose subject is the service and not what a network makes of an image. A start loads, checks and times
all shipped models, which is nine tenths of a start; with ``BIASFREE_MODELS_DIR`` a folder replaces them by name.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from biasfree.artifact import INPUT, OUTPUT, SHIPPED, Artifact, initializers, save, weights_sha256
from biasfree.card import Golden

#: The binomial kernel: it smooths, adds no constant, and is exact for powers of two.
KERNEL = np.outer((1, 2, 1), (1, 2, 1)).astype(np.float32) / 16


def write_stand_ins(folder: Path, *, but: Collection[str] = ()) -> Path:
    """Write a stand-in for every shipped model, except those whose names are given; return the folder.

    The cards are those of the shipped models but for what the file itself has to keep, so that ``/analyze``, which
    rebuilds a network from its card, refuses stand-ins.
    """
    for path in sorted(SHIPPED.glob("*.onnx")):
        if path.stem not in but:
            _write(Artifact.load(path), folder / path.name)
    return folder


def write_renamed(folder: Path, shipped: str, name: str) -> None:
    """Write a shipped model under another name, where a stand-in would be too poor a network to be chosen."""
    artifact = Artifact.load(SHIPPED / f"{shipped}.onnx")
    card = artifact.card.model_copy(update={"name": name})
    save(onnx.load_model_from_string(artifact.content), card, folder / f"{name}.onnx")


def _write(shipped: Artifact, path: Path) -> None:
    channels = shipped.card.channels
    model = _smoothing(channels)
    noisy = np.random.default_rng(0).random((1, channels, 16, 16), np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (denoised,) = session.run([OUTPUT], {INPUT: noisy})
    card = shipped.card.model_copy(
        update={
            "receptive_radius": 1,
            "stride": 1,
            "parameters": KERNEL.size * channels,
            "macs_per_pixel": float(KERNEL.size),
            "golden": Golden.of(noisy[0], np.asarray(denoised)[0]),
            "weights_sha256": weights_sha256(initializers(model)),
        }
    )
    save(model, card, path)


def _smoothing(channels: int) -> onnx.ModelProto:
    """Each channel smoothed by itself, on images (B, C, H, W) of any size."""
    shape = ["batch", channels, "height", "width"]
    node = helper.make_node("Conv", [INPUT, "kernel"], [OUTPUT], pads=[1, 1, 1, 1], group=channels)
    graph = helper.make_graph(
        [node],
        "smoothing",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.tile(KERNEL, (channels, 1, 1, 1)), "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
