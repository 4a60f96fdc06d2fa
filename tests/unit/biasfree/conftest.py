"""A small model file, exported once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from biasfree.architectures import Network, ResUNet
from biasfree.artifact import initializers, save, weights_sha256
from biasfree.card import Card, Golden, Training
from biasfree.export import to_onnx
from tests.unit.exporter import one_table


@pytest.fixture(scope="session", autouse=True)
def _one_table() -> Iterator[None]:
    """Let all exports share the exporter's table of operators."""
    with one_table():
        yield


@pytest.fixture(scope="session")
def tiny_network() -> Network:
    """An untrained resunet of two scales whose every kernel is random, none zero."""
    torch.manual_seed(0)
    network = ResUNet(channels=1, widths=(4, 8), blocks=1, bottom_blocks=1).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="session")
def tiny_model(tiny_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its model file."""
    model = to_onnx(tiny_network)
    noisy = torch.rand(1, 1, 9, 9)
    with torch.no_grad():
        golden = Golden.of(noisy[0].numpy(), tiny_network(noisy)[0].numpy())
    card = Card(
        name="tiny",
        version="1",
        architecture="resunet",
        arguments=tiny_network.arguments,
        channels=1,
        receptive_radius=tiny_network.receptive_radius,
        stride=tiny_network.stride,
        parameters=tiny_network.parameter_count,
        macs_per_pixel=tiny_network.macs_per_pixel,
        training=Training(
            data="none",
            licence="none",
            images=0,
            images_sha256="",
            sigma_range_255=(0, 100),
            stages=(),
        ),
        evaluations=(),
        golden=golden,
        weights_sha256=weights_sha256(initializers(model)),
        git_commit="unknown",
        libraries={},
    )
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    save(model, card, path)
    return path
