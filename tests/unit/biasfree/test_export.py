"""The export refuses what is not bias-free."""

import logging
from typing import Never

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from biasfree.architectures import DnCNN, ResUNet
from biasfree.artifact import ArtifactError, initializers
from biasfree.export import refuse_constants, to_onnx


def graph_of(*nodes, constant: float = 0.5):
    """A graph over ``noisy`` with a float constant ``c``."""
    shape = [1, 1, 4, 4]
    return helper.make_model(
        helper.make_graph(
            list(nodes),
            "test",
            [helper.make_tensor_value_info("noisy", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("denoised", TensorProto.FLOAT, shape)],
            initializer=[helper.make_tensor("c", TensorProto.FLOAT, [1], np.array([constant], np.float32))],
        )
    )


@pytest.mark.parametrize("operator", ["Add", "Sub", "Sum"])
def test_a_graph_that_adds_a_constant_is_refused(operator):
    """Whatever the operator that adds it."""
    with pytest.raises(ArtifactError, match=operator):
        refuse_constants(graph_of(helper.make_node(operator, ["noisy", "c"], ["denoised"])))


def test_a_constant_factor_is_allowed():
    """Gains are homogeneous."""
    refuse_constants(graph_of(helper.make_node("Mul", ["noisy", "c"], ["denoised"])))


def test_adding_zero_is_allowed():
    """It adds nothing."""
    refuse_constants(graph_of(helper.make_node("Add", ["noisy", "c"], ["denoised"]), constant=0.0))


def test_a_network_with_biases_is_refused():
    """The comparison networks of the paper are never served."""
    network = DnCNN(depth=3, width=4, bias=True).eval().folded()
    with pytest.raises(ArtifactError, match="adds the constant"):
        to_onnx(network)


def test_a_network_that_is_not_homogeneous_is_refused():
    """Saturation adds no constant, and is found by its numbers."""

    class Saturating(ResUNet):
        def forward(self, noisy: torch.Tensor) -> torch.Tensor:
            return torch.tanh(noisy)

    with pytest.raises(ArtifactError, match="is not homogeneous"):
        to_onnx(Saturating(widths=(4,), blocks=1, bottom_blocks=1).eval())


def test_a_dncnn_exports_with_its_normalisation_folded():
    """No gain survives as an operator of its own: convolutions, ReLUs and one subtraction, in color as in gray.

    Every kernel is found again by its parameter's name. The tests of imported checkpoints export the paper's networks.
    """
    torch.manual_seed(0)
    network = DnCNN(depth=4, width=4, channels=3)
    network.train()
    network(torch.rand(2, 3, 16, 16))
    network = network.eval().folded()
    model = to_onnx(network)
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "Sub"}
    assert {name: values.shape for name, values in initializers(model).items() if values.ndim == 4} == {
        name: tuple(value.shape) for name, value in network.state_dict().items()
    }


def test_the_exporter_says_nothing_of_its_internals(monkeypatch):
    """Such as operators of torchvision, which is not installed; afterwards all is as before."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    heard = []

    def export(*_: object, **__: object) -> Never:
        heard.append(log.isEnabledFor(logging.WARNING))
        raise RuntimeError

    monkeypatch.setattr("torch.onnx.export", export)
    with pytest.raises(RuntimeError):
        to_onnx(ResUNet(widths=(4,)))
    assert heard == [False]
    assert log.isEnabledFor(logging.WARNING)


def test_the_graph_tells_nothing_of_the_machine_that_made_it(tiny_model):
    """No path and no source line of the exporter's run."""
    content = tiny_model.read_bytes()
    assert b".py" not in content
    assert b"/site-packages" not in content
