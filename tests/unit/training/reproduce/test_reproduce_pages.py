"""Noise, filters, net bias and layers, each against plain autograd or plain NumPy."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.func import jacrev

from biasfree import rebuild
from biasfree.architectures import DnCNN
from biasfree.artifact import SHIPPED, Artifact
from tests.unit.training.fit.runs import write_photographs
from training.reproduce import bias, filters, layers, noise
from training.reproduce.page_names import PageName
from training.reproduce.pages import Request, reproduce
from training.reproduce.patches import Patch, read_patches

TINY = """
architecture = "dncnn"
arguments = { channels = 1, depth = 4, width = 4 }
steps = 3
patch = 16
batch = 2
precision = "fp32"
optimizer = "adamw"
"""


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """Return photographs to measure and train on, and replace the recipes by a tiny one."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    for module in (bias, layers):
        monkeypatch.setattr(module, "RECIPE", str(recipe))
    return Request(
        images=write_photographs(tmp_path / "clean", 2, side=40, seed=9),
        output=tmp_path / "out",
        train_on=write_photographs(tmp_path / "train", 2),
        side=24,
    )


def a_patch(folder: Path, side: int) -> Patch:
    """Return the middle of one photograph."""
    return read_patches(write_photographs(folder, 1, side=40), channels=1, count=1, side=side)[0]


def dncnn(*, with_bias: bool) -> DnCNN:
    """Build a small network whose kernels and additive constants matter."""
    torch.manual_seed(3)
    network = DnCNN(depth=5, width=6, bias=with_bias)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval().folded().eval()


def test_the_noise_is_what_it_is_called(request_):
    """It has the requested strength, zero mean, and no correlation."""
    facts = noise.page(request_).facts
    for level in facts["levels"]:
        sigma = level["sigma_255"]
        assert level["deviation_255"] == pytest.approx(sigma, rel=0.05)
        assert abs(level["mean_255"]) < 0.1 * sigma
        assert abs(level["correlation"]) < 0.1
        assert level["psnr_db"] == pytest.approx(level["expected_db"], abs=0.5)


def test_a_filter_is_a_row_of_the_jacobian(tmp_path):
    """The shipped network's filters agree with plain autograd."""
    network, patch = rebuild.network(Artifact.load(SHIPPED / "gray.onnx")), a_patch(tmp_path, 24)
    found = filters._measure(network, patch)
    for level, sigma in enumerate(filters.SIGMAS_255):
        noisy = patch.noisy(sigma)
        for kind, (row, column) in enumerate(found.pixels):
            image = noisy.clone().requires_grad_()
            (expected,) = torch.autograd.grad(network(image[None])[0, 0, row, column], image)
            torch.testing.assert_close(found.rows[level, kind], expected[0], atol=1e-5, rtol=1e-4)


def test_pixels_are_flat_textured_and_on_an_edge(tmp_path):
    """Their gradients show it."""
    clean = a_patch(tmp_path, 40).clean
    gradient = np.hypot(*np.gradient(clean[0].numpy()))
    flat, texture, edge = (gradient[pixel] for pixel in filters._pixels(clean))
    inside = gradient[filters.MARGIN : -filters.MARGIN, filters.MARGIN : -filters.MARGIN]
    assert (flat, edge) == (inside.min(), inside.max())
    assert texture == pytest.approx(np.median(inside), rel=0.05)


def test_a_radius_is_the_distance_of_the_weights(tmp_path):
    """It is 0 with all weights at the pixel, and 3 / sqrt 2 with half of the energy three pixels away."""
    rows = torch.zeros(1, 3, 20, 20)
    rows[0, :, 10, 10] = 1
    rows[0, 1, 10, 13] = 1
    found = filters.Filters(a_patch(tmp_path, 20), ((10, 10),) * 3, rows)
    assert found.radii[0].tolist() == pytest.approx([0, 3 / np.sqrt(2), 0])
    assert found.sums[0].tolist() == [1, 2, 1]


def test_the_net_bias_is_what_the_jacobian_does_not_explain(tmp_path):
    """It is f(y) - A y, with A from plain autograd, and zero without additive constants."""
    patch = a_patch(tmp_path, 12)
    for with_bias in (True, False):
        network, noisy = dncnn(with_bias=with_bias), patch.noisy(30)
        jacobian = jacrev(lambda y: network(y[None])[0])(noisy)  # noqa: B023  # called at once
        expected = network(noisy[None])[0] - torch.einsum("abcdef,def->abc", jacobian, noisy)
        expected = expected.detach()
        net_bias, removed = bias._norms(network, patch, 30)
        assert net_bias == pytest.approx(float(expected.norm()), rel=1e-3, abs=1e-4)
        assert (net_bias > 0.01) is with_bias
        assert removed == pytest.approx(float((noisy - network(noisy[None])[0]).detach().norm()), rel=1e-5)


def test_layers_are_the_jacobians_of_the_features(tmp_path):
    """Rank, gain, asymmetry and agreement of every layer equal those from plain autograd in float64."""
    network, noisy = dncnn(with_bias=False), a_patch(tmp_path, 8).noisy(30)
    found = layers.measure(network, noisy)
    double = DnCNN(**network.arguments).double()
    double.load_state_dict(network.state_dict())
    size = noisy.numel()

    def features(y: torch.Tensor, count: int) -> torch.Tensor:
        values = torch.relu(double.head(y.view(1, *noisy.shape)))
        for convolution in double.hidden[: count - 1]:
            values = torch.relu(convolution(values))
        return values

    flat = noisy.double().flatten()
    whole = jacrev(lambda y: double(y.view(1, *noisy.shape)).flatten())(flat).detach()
    _, values, right = torch.linalg.svd(whole)
    kept = right[: min(int((values**2).sum()), size - 1)]
    for place, layer in enumerate(found, start=1):
        product = jacrev(lambda y: features(y, place).flatten())(flat).detach()  # noqa: B023  # called at once
        read_out = jacrev(lambda y: double.tail(features(y, place)).flatten())(flat).detach()  # noqa: B023
        energies = torch.linalg.svdvals(product) ** 2
        inside = float((product @ kept.T).square().sum()) / len(kept)
        outside = (float(energies.sum()) - inside * len(kept)) / (size - len(kept))
        removed = torch.eye(size) - whole
        assert layer.active == pytest.approx(float((features(flat, place) > 0).double().mean()))
        assert layer.rank == pytest.approx(float(energies.sum() ** 2 / (energies**2).sum()), rel=1e-3)
        assert layer.signal_gain == pytest.approx(inside / outside, rel=1e-2)
        assert layer.asymmetry == pytest.approx(float((read_out - read_out.T).norm() / read_out.norm()), rel=1e-3)
        agreement = float((read_out * removed).sum() / (read_out.norm() * removed.norm()))
        assert layer.agreement == pytest.approx(agreement, abs=1e-3)
    assert found[-1].agreement == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("module", [noise, filters, bias, layers], ids=lambda module: module.__name__.split(".")[-1])
def test_a_page_is_written_with_its_numbers_and_pictures(request_, module, monkeypatch):
    """It has tables, JSON without NaN, and a figure that shows something."""
    if module is layers:
        monkeypatch.setattr(layers, "SIDE", 10)
    page = module.page(request_)
    page.write(request_.output)
    name = module.__name__.split(".")[-1]
    assert page.name == name
    json.loads((request_.output / f"{name}.json").read_text(), parse_constant=pytest.fail)
    assert all(sheet.markdown() in (request_.output / f"{name}.md").read_text() for sheet in page.sheets)
    assert (request_.output / f"{name}.png").stat().st_size > 5000


def test_a_network_that_is_no_dncnn_is_refused_by_layers(request_):
    """The message is one sentence."""
    with pytest.raises(ValueError, match="must be a DnCNN"):
        layers.page(Request(images=request_.images, output=request_.output, model=SHIPPED / "gray.onnx"))


def test_a_patch_too_small_for_the_filters_is_refused_before_the_first_page(request_):
    """The three pixels would be the same one."""
    small = replace(request_, side=filters.LEAST_SIDE - 1)
    for page in (PageName.ALL, PageName.FILTERS):
        with pytest.raises(
            ValueError, match="the page filters needs patches of at least 24 x 24 pixels: use --size 24"
        ):
            reproduce(page, small, Console(quiet=True))
    assert not request_.output.exists()


def test_a_model_is_taken_by_its_name(request_):
    """The default is the shipped gray model."""
    assert replace(request_, model="color").artifact().card.name == "color"
    assert request_.artifact().card.name == "gray"
    with pytest.raises(ValueError, match="did you mean 'gray'"):
        replace(request_, model="grey").artifact()
