"""The export of a trained torch network to a verified ONNX graph."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from biasfree.architectures import Network
from biasfree.artifact import INPUT, OUTPUT, ArtifactError
from biasfree.card import FloatArray

#: Batch sizes, heights and widths on which torch and ONNX Runtime must agree: one pixel, odd, smaller and larger than a
#: cell.
SHAPES = ((1, 1, 1), (2, 1, 9), (3, 7, 5), (1, 17, 33), (2, 64, 64), (1, 101, 67))
AGREEMENT = 1e-5
#: Factors of the homogeneity check (DESIGN.md).
SCALES = (0.01, 0.5, 7.0, 1000.0)
HOMOGENEITY = 1e-5
OPSET = 20

#: Operators that add, and which of their inputs must not be constants.
ADDING = {"Add": (0, 1), "Sub": (0, 1), "Sum": None, "Conv": (2,), "ConvTranspose": (2,), "Gemm": (2,), "Pad": (2,)}


def to_onnx(network: Network, *, allow_bias: bool = False) -> onnx.ModelProto:
    """Export a network with dynamic B, H and W, and verify the graph against it.

    Args:
        network: Folded (``Network.folded``), in evaluation mode, float32, on the CPU.
        allow_bias: Allow additive constants, and so a map that is not homogeneous: for comparison only.

    Returns:
        The graph: input ``noisy`` and output ``denoised``, float32 (B, C, H, W).

    Raises:
        ArtifactError: The graph adds a constant, is not homogeneous (unless ``allow_bias``), or disagrees with torch.
    """
    channels = int(network.arguments["channels"])
    example = torch.rand(2, channels, 24, 40)
    auto = torch.export.Dim.DYNAMIC
    with _exporter_silenced():
        program = torch.onnx.export(
            network,
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"noisy": {0: auto, 2: auto, 3: auto}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _strip(model)
    session = _session(model)
    if not allow_bias:
        refuse_constants(model)
    _refuse_disagreement(network, session, channels)
    if not allow_bias:
        _refuse_inhomogeneity(session, channels)
    return model


@contextmanager
def _exporter_silenced() -> Iterator[None]:
    """Silence the exporter about its internals (onnxscript's deprecations, torchvision); its result is verified."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's metadata, whose source lines contain paths of this machine."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.doc_string = model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]


def refuse_constants(model: onnx.ModelProto) -> None:
    """Refuse a graph that adds a constant.

    Raises:
        ArtifactError: The graph adds a constant; the message names the node.
    """
    constants = set(_float_constants(model))
    for node in model.graph.node:
        places = ADDING.get(node.op_type, ())
        inputs = node.input if places is None else [node.input[place] for place in places if place < len(node.input)]
        added = constants.intersection(inputs)
        if added or node.op_type == "BatchNormalization":
            raise ArtifactError(f"{node.op_type} {node.name!r} adds the constant {sorted(added)}")


def _float_constants(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the names of floating-point constants that are not all zero."""
    for tensor in model.graph.initializer:
        if _adds(tensor):
            yield tensor.name
    for node in model.graph.node:
        if node.op_type == "Constant" and any(_adds(attribute.t) for attribute in node.attribute):
            yield node.output[0]


def _adds(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == onnx.TensorProto.FLOAT and bool(np.any(numpy_helper.to_array(tensor)))


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, noisy: FloatArray) -> FloatArray:
    (denoised,) = session.run([OUTPUT], {INPUT: noisy})
    return np.asarray(denoised, np.float32)


def _refuse_disagreement(network: Network, session: onnxruntime.InferenceSession, channels: int) -> None:
    random = np.random.default_rng(0)
    # On some processors torch itself exceeds the allowed error in float32.
    exact = deepcopy(network).double()
    for batch, height, width in SHAPES:
        noisy = random.random((batch, channels, height, width), np.float32)
        with torch.no_grad():
            expected = exact(torch.from_numpy(noisy).double()).numpy()
        worst = float(np.abs(_run(session, noisy) - expected).max())
        if not worst <= AGREEMENT:
            raise ArtifactError(
                f"ONNX Runtime differs from torch by {worst:.1e} at {height} x {width}; at most {AGREEMENT} is allowed"
            )


def _refuse_inhomogeneity(session: onnxruntime.InferenceSession, channels: int) -> None:
    noisy = np.random.default_rng(1).random((1, channels, 45, 52), np.float32)
    denoised = _run(session, noisy)
    for scale in SCALES:
        scaled = _run(session, noisy * np.float32(scale)) / np.float32(scale)
        worst = float(np.linalg.norm(scaled - denoised) / np.linalg.norm(denoised))
        if not worst <= HOMOGENEITY:
            raise ArtifactError(
                f"the network is not homogeneous: f(a y) and a f(y) differ by {worst:.1e} at a = {scale}; "
                f"at most {HOMOGENEITY} is allowed"
            )
