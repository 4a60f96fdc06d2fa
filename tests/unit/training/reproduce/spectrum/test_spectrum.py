"""The paper's measurements, against plain NumPy on a Jacobian from plain autograd."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F
from typer.testing import CliRunner

from biasfree import rebuild
from biasfree.architectures import DnCNN, ResUNet
from biasfree.artifact import SHIPPED, Artifact
from tests.unit.training.reproduce.test_patches import SIDE, patches
from training.cli import app
from training.reproduce.pages import Request
from training.reproduce.spectrum import measure, published, subspaces
from training.reproduce.spectrum.activity import measure_activity
from training.reproduce.spectrum.dimensionality import SIGMAS_255, measure_dimensionality, slope
from training.reproduce.spectrum.gallery import measure_galleries, places
from training.reproduce.spectrum.spectra import measure_spectra
from training.reproduce.spectrum.subspaces import measure_subspaces, nestedness


@pytest.fixture(scope="module")
def gray():
    """Rebuild the shipped gray network."""
    return rebuild.network(Artifact.load(SHIPPED / "gray.onnx"))


def in_double(network, noisy):
    """Return A (N, N) and f(y) (N,), float64."""
    doubled = type(network)(**network.arguments).double().eval()
    doubled.load_state_dict(network.state_dict())
    denoise = lambda values: doubled(values[None])[0]  # noqa: E731
    size = noisy.numel()
    matrix = torch.func.jacrev(denoise)(noisy.double()).reshape(size, size)
    return matrix.detach().numpy(), denoise(noisy.double()).detach().numpy().ravel()


def test_the_effective_dimensionality_is_the_squared_norm_of_the_jacobian(photographs, gray):
    """This holds for each patch at each level."""
    chosen = patches(photographs, count=2)
    found = measure_dimensionality(gray, chosen)
    assert found.values.shape == (len(SIGMAS_255), 2)
    for row, column in ((0, 1), (9, 0)):
        matrix, _ = in_double(gray, chosen[column].noisy(SIGMAS_255[row]))
        assert found.values[row, column] == pytest.approx(np.sum(matrix**2), rel=1e-4)
    np.testing.assert_allclose(found.means, found.values.mean(axis=1))


def test_the_slope_of_a_power_law_is_its_exponent():
    """The factor does not matter."""
    assert slope([1, 2, 5, 70], 3 * np.array([1, 2, 5, 70.0]) ** -1.3) == pytest.approx(-1.3)


def test_the_papers_slope_is_that_of_its_upper_six_levels():
    """``published`` says so."""
    sigmas, values = zip(*published.DIMENSIONALITY.items(), strict=True)
    assert slope(sigmas, values) == pytest.approx(-1.14, abs=0.005)
    assert slope(sigmas[4:], values[4:]) == pytest.approx(published.SLOPE, abs=0.005)


def test_measures_are_those_of_the_jacobian(photographs, gray):
    """All of them are computed once more."""
    patch = patches(photographs)[0]
    sigma_255 = subspaces.SIGMAS_255[1]
    noisy = patch.noisy(sigma_255)
    matrix, denoised = in_double(gray, noisy)
    left, values, right = np.linalg.svd(matrix)
    symmetry = np.einsum("ni,in->i", left, right)
    first = int(np.sum(values**2))
    clean, removed = patch.clean.numpy().astype(float).ravel(), noisy.double().numpy().ravel() - denoised
    identity = np.eye(len(matrix))
    expected = {
        "effective_dimensionality": np.sum(values**2),
        "dimensionality_share": np.sum(values**2) / 100,
        "trace": np.trace(matrix),
        "largest": values[0],
        "amplified": np.sum(values > 1.5),
        "above_half": np.sum(values > 0.5),
        "above_tenth": np.sum(values > 0.1),
        "below_tenth": np.mean(values < 0.1),
        "below_hundredth": np.mean(values < 0.01),
        "symmetry_leading": symmetry[:first].mean(),
        "symmetry_amplified": symmetry[values > 1.5].mean() if values[0] > 1.5 else None,
        "symmetry_passed": symmetry[values > 0.1].mean(),
        "symmetry_small": symmetry[values < 0.1].mean() if values[-1] < 0.1 else None,
        "asymmetry": np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix),
        "signal_preserved": np.sum((left[:, :first].T @ clean) ** 2) / np.sum(clean**2),
        "filter_sum": matrix.sum(axis=1).mean(),
        "filter_sum_deviation": matrix.sum(axis=1).std(),
        "sigma_frobenius_255": 255 * np.linalg.norm(removed) / np.linalg.norm(identity - matrix),
        "sigma_trace_255": 255 * np.linalg.norm(removed) / math.sqrt(100 - np.trace(matrix)),
    }
    (found,) = measure_subspaces(gray, [patch])
    measured = vars(found.measures[1])
    assert measured.pop("homogeneity_error") < 1e-5
    for name in [name for name, value in expected.items() if value is None]:
        assert measured.pop(name) is expected.pop(name)
    assert measured == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_the_identity_passes_everything(photographs):
    """An untrained network removes no noise, has no small singular values, and all its subspaces coincide."""
    network = ResUNet(widths=(4, 8), blocks=1, bottom_blocks=1).eval()
    (found,) = measure_subspaces(network, patches(photographs, count=1))
    for measures in found.measures:
        assert measures.effective_dimensionality == measures.trace == measures.above_half == SIDE**2
        assert (measures.sigma_frobenius_255, measures.sigma_trace_255, measures.asymmetry) == (0, 0, 0)
        assert measures.symmetry_leading == measures.signal_preserved == pytest.approx(1)
        assert measures.symmetry_small is measures.symmetry_amplified is None
    assert [each.nestedness for each in found.nested] == pytest.approx([1, 1])
    assert [each.random for each in found.nested] == [1, 1]


def test_nestedness_is_one_within_zero_across_and_in_between_a_mean():
    """The subspaces are spanned by axes of a basis."""
    basis = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.double)).Q.T
    assert nestedness(basis[2:5], basis[:6]) == pytest.approx(1)
    assert nestedness(basis[6:], basis[:6]) == pytest.approx(0)
    assert nestedness(basis[4:8], basis[:6]) == pytest.approx(0.5)
    # All axes of another basis: on average a random subspace has a share of d / N.
    assert nestedness(torch.eye(12, dtype=torch.double), basis[:6]) == pytest.approx(0.5)


def test_activity_is_the_share_of_positive_inputs_over_the_whole_photograph(photographs):
    """The first layer is easy to check."""
    network = DnCNN(depth=3, width=5, normalise=False).eval().requires_grad_(False)
    chosen = patches(photographs)
    layers = measure_activity(network, chosen)
    assert [(layer.channels, layer.reduction, layer.active.shape) for layer in layers] == 2 * [(5, 1, (3, 3))]
    for row, sigma_255 in enumerate(subspaces.SIGMAS_255):
        for column, patch in enumerate(chosen):
            inputs = F.conv2d(patch.noisy_photograph(sigma_255)[None], network.head.weight, padding=1)
            assert layers[0].active[row, column] == pytest.approx((inputs > 0).double().mean())


def test_layers_are_named_by_their_resolution(photographs, gray):
    """It falls from half of the image's to an eighth, and rises again."""
    layers = measure_activity(gray, patches(photographs, count=1))
    assert [layer.reduction for layer in layers] == [2, 2, 4, 4, 8, 8, 8, 8, 4, 4, 2, 2]


@given(st.integers(1, 5000).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))))
def test_places_are_different_rising_and_reach_both_ends(sizes):
    """This holds for every possible dimensionality."""
    leading, size = sizes
    chosen = places(leading, size)
    assert (chosen[0], chosen[-1]) == (0, size - 1)
    assert leading - 1 in chosen
    assert list(chosen) == sorted(set(chosen))


def test_vectors_are_pairs_of_the_jacobian(photographs, gray):
    """``A v = s u`` holds to float32 for each pair shown."""
    chosen = patches(photographs)
    galleries = measure_galleries(gray, chosen)
    assert [each.name for each in galleries] == ["0.png", "1.png"]
    for each in galleries:
        matrix, denoised = in_double(gray, torch.from_numpy(each.noisy))
        left, right = (vectors.reshape(len(each.indices), -1) for vectors in (each.left, each.right))
        np.testing.assert_allclose(right @ matrix.T, each.singular_values[:, None] * left, atol=1e-4)
        np.testing.assert_allclose(each.symmetry, np.sum(left * right, axis=1), atol=1e-6)
        np.testing.assert_allclose(each.denoised.ravel(), denoised, atol=1e-5)


def test_spectra_have_a_row_for_each_patch(photographs, gray):
    """The values are descending."""
    chosen = patches(photographs, count=2)
    found = measure_spectra(gray, chosen)
    assert found.singular_values.shape == found.symmetry.shape == (2, SIDE**2)
    for patch, values in zip(chosen, found.singular_values, strict=True):
        matrix, _ = in_double(gray, patch.noisy(50))
        np.testing.assert_allclose(values, np.linalg.svd(matrix, compute_uv=False), atol=1e-4)


def test_the_command_prints_and_writes_what_it_found(tmp_path, photographs):
    """It gives tables with the paper's numbers, all numbers as JSON, and three figures."""
    output = tmp_path / "new" / "output"
    arguments = ["reproduce", "spectrum", "--images", photographs, "--output", output, "--size", SIDE, "--count", 2]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output

    page = (output / "spectrum.md").read_text()
    facts = json.loads((output / "spectrum.json").read_text(), parse_constant=pytest.fail)
    version = Artifact.load(SHIPPED / "gray.onnx").card.version
    assert (facts["model"], facts["names"], facts["size"]) == (f"gray {version}", ["0.png", "1.png"], SIDE**2)
    for text in (result.output, page):
        assert f"{facts['dimensionality']['means'][0]:.1f}" in text
        assert f"{facts['dimensionality']['slope']:.2f}" in text
        assert "347" in text
    for known in published.MEASURES.values():
        assert known.keys() == set(subspaces.SIGMAS_255)
    assert "| 0.9985 |" in page
    assert len(facts["spectra"]["symmetry"][1]) == SIDE**2
    for name in ("spectra", "singular-vectors", "dimensionality"):
        with Image.open(output / f"{name}.png") as figure:
            assert figure.format == "PNG"


def test_published_measures_are_fields():
    """Each has a row beside ours."""
    assert published.MEASURES.keys() <= subspaces.Measures.__dataclass_fields__.keys()


def test_a_color_model_is_measured_on_color_patches(tmp_path, photographs):
    """N counts all channels."""
    findings = measure(Request(images=photographs, output=tmp_path, model=SHIPPED / "color.onnx", count=1, side=6))
    assert findings.size == 3 * 6 * 6
    assert findings.galleries[0].left.shape[1:] == (3, 6, 6)
    assert findings.subspaces[0].measures[0].filter_sum == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nowhere"], "there is no folder nowhere"),
        (["--images", "photographs", "--size", "25"], "0.png has 24 x 24 pixels"),
        (["--images", "photographs", "--model", "missing.onnx"], "no file 'missing.onnx'"),
    ],
    ids=["no images", "small images", "no model"],
)
def test_wrong_input_is_one_line(tmp_path, monkeypatch, photographs, arguments, message):
    """There is no traceback, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["reproduce", "spectrum", *arguments, "--output", "output"])
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert message in result.output
    assert not (tmp_path / "output").exists()
