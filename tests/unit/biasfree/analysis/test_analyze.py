from dataclasses import replace

import numpy as np
import pytest

from biasfree.analysis.analyze import analyze
from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.report import Patch, Report
from biasfree.analysis.request import AnalysisRequest
from tests.unit.biasfree.analysis.networks import CHANNELS, network, noisy_patch
from tests.unit.biasfree.analysis.test_jacobian import network_in_float32

SIDE = 12


def request_of(name: str, **changes: object) -> AnalysisRequest:
    """An analysis of a 12 x 12 patch in 0..255."""
    noisy = (255 * noisy_patch(name, SIDE, SIDE).numpy()).astype(np.float32)
    request = AnalysisRequest(noisy, Patch(30, 40, SIDE, SIDE), white=255.0, k=3, memory_bytes=10**8)
    return replace(request, **changes)


def report_of(name: str, **changes: object) -> Report:
    """Its report."""
    return analyze(network_in_float32(name), request_of(name, **changes))


@pytest.mark.parametrize("name", ["shipped gray", "shipped color"])
def test_the_expansion_adds_up_to_the_denoised_patch(name: str) -> None:
    """f(y) = sum c_i u_i, and the shares of its energy end at 1."""
    values = CHANNELS[name] * SIDE**2
    report = report_of(name, k=values)  # all vectors
    left = report.vectors.left.reshape(values, -1)
    np.testing.assert_allclose(report.expansion @ left, report.denoised.ravel(), rtol=0, atol=1e-3)
    assert report.energy_share[-1] == pytest.approx(1, abs=1e-5)
    assert (np.diff(report.energy_share) >= 0).all()


def test_the_numbers_are_those_of_the_matrix() -> None:
    """d, trace, nuclear norm, asymmetry, u.v, sigma, energy in the subspace: recomputed from A in float64."""
    report = report_of("shipped gray")
    noisy = noisy_patch("shipped gray", SIDE, SIDE)
    jacobian = Jacobian(network("shipped gray"), noisy)
    matrix = jacobian.dense(memory_bytes=10**8).numpy()
    u, s, vt = np.linalg.svd(matrix)
    f = jacobian.denoised.numpy().ravel()
    d = (s**2).sum()
    assert report.method == "dense"
    np.testing.assert_allclose(report.singular_values, s, rtol=0, atol=1e-5)
    assert report.effective_dimensionality.value == pytest.approx(d, rel=1e-5)
    assert report.trace.value == pytest.approx(np.trace(matrix), rel=1e-5)
    assert report.nuclear_norm == pytest.approx(s.sum(), rel=1e-5)
    asymmetry = np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix)
    assert report.asymmetry.value == pytest.approx(asymmetry, rel=1e-4)
    np.testing.assert_allclose(report.symmetry[:20], (u.T * vt).sum(1)[:20], atol=1e-3)
    kept = u[:, : int(d)].T @ f
    assert report.signal_preserved == pytest.approx((kept**2).sum() / (f**2).sum(), rel=1e-5)
    residual = 255 * np.linalg.norm(noisy.numpy().ravel() - f)
    assert report.sigma_255 == pytest.approx(residual / np.sqrt(f.size - np.trace(matrix)), rel=1e-4)
    assert report.homogeneity_error < 1e-5
    assert report.net_bias_norm is None


def test_iterative_reports_the_same_within_its_errors() -> None:
    """The same numbers from products alone, with standard errors; what needs all of A is not told."""
    noisy = (255 * noisy_patch("shipped gray", 16, 16).numpy()).astype(np.float32)
    patch = Patch(0, 0, 16, 16)
    exact = report_of("shipped gray", noisy=noisy, patch=patch)
    found = report_of("shipped gray", noisy=noisy, patch=patch, method="iterative")
    assert found.method == "iterative"
    np.testing.assert_allclose(found.singular_values, exact.singular_values[:3], rtol=1e-4)
    np.testing.assert_allclose(found.filters[0].weights, exact.filters[0].weights, atol=1e-5)
    for field in ("effective_dimensionality", "trace", "asymmetry"):
        measured = getattr(found, field)
        assert abs(measured.value - getattr(exact, field).value) < 4 * measured.standard_error
    assert found.nuclear_norm is None
    assert found.signal_preserved is None
    assert found.vectors.indices.tolist() == [0, 1, 2]


def test_vectors_come_from_both_ends() -> None:
    """k of each; all of them once where there are fewer than 2k."""
    assert report_of("shipped gray").vectors.indices.tolist() == [0, 1, 2, 141, 142, 143]
    assert report_of("shipped gray", k=100).vectors.indices.tolist() == list(range(144))


@pytest.mark.parametrize("name", ["shipped gray", "shipped color"])
def test_equivalent_filters_are_rows_of_the_jacobian(name: str) -> None:
    """Of the pixels asked for, in the image's coordinates, for every channel: their product with y is f(y) there."""
    request = request_of(name, pixels=((30, 40), (41, 45)))
    report = analyze(network_in_float32(name), request)
    places = [(each.x, each.y, each.channel) for each in report.filters]
    assert places == [(x, y, c) for x, y in request.pixels for c in range(CHANNELS[name])]
    for each in report.filters:
        value = (each.weights * request.noisy).sum()
        assert value == pytest.approx(report.denoised[each.channel, each.y - 40, each.x - 30], abs=1e-2)


def test_without_a_pixel_the_middle_is_taken() -> None:
    """In the image's coordinates."""
    assert [(each.x, each.y) for each in report_of("shipped gray").filters] == [(36, 46)]


def test_a_clean_patch_is_what_is_preserved() -> None:
    """signal_preserved is that of the clean patch where there is one; of noise little is kept."""
    noise = np.random.default_rng(1).standard_normal((1, SIDE, SIDE)).astype(np.float32)
    of_image = report_of("shipped gray").signal_preserved
    assert of_image > 0.9
    assert report_of("shipped gray", clean=noise).signal_preserved < of_image - 0.1


@pytest.mark.parametrize("factor", [1 / 255, 16, 1e-30, 1e30])
def test_the_range_of_the_intensities_does_not_matter(factor: float) -> None:
    """The spectrum stays; intensities and the expansion scale along; sigma is on the scale of white."""
    plain = report_of("shipped gray")
    request = request_of("shipped gray")
    scaled = analyze(
        network_in_float32("shipped gray"),
        replace(request, noisy=request.noisy.astype(np.float64) * factor, white=255 * factor),
    )
    np.testing.assert_allclose(scaled.singular_values, plain.singular_values, rtol=0, atol=1e-5)
    # What is near black is a difference of large numbers.
    np.testing.assert_allclose(scaled.denoised / factor, plain.denoised, rtol=1e-4, atol=1e-6 * plain.denoised.max())
    assert scaled.sigma_255 == pytest.approx(plain.sigma_255, rel=1e-4)


def test_a_black_patch_gives_numbers() -> None:
    """Zero divided by zero is told as 0 or as unknown, never as NaN."""
    report = report_of("shipped gray", noisy=np.zeros((1, SIDE, SIDE), np.uint8))
    assert np.isfinite(report.energy_share).all()
    assert report.homogeneity_error == 0
    assert report.signal_preserved is None
    assert report.sigma_255 == 0


def test_a_network_with_bias_reports_its_net_bias() -> None:
    """||f(y) - A y||, in the units of the image; such networks come from training only, in [0, 1]."""
    noisy = noisy_patch("dncnn with bias", SIDE, SIDE).numpy().astype(np.float32)
    report = report_of("dncnn with bias", noisy=noisy, white=1.0)
    exact = Jacobian(network("dncnn with bias"), noisy_patch("dncnn with bias", SIDE, SIDE)).net_bias.norm()
    assert report.net_bias_norm == pytest.approx(float(exact), rel=1e-4)
