import numpy as np
import pytest

from biasfree.analysis import probes
from biasfree.analysis.jacobian import Jacobian
from biasfree.analysis.probes import jackknife, patch_measures, whole_image
from biasfree.estimates import Estimate
from tests.unit.biasfree.analysis.networks import network, noisy_patch

#: Standard errors that an estimate may be off; the probes are seeded, so the tests are not a matter of luck.
ERRORS = 4


def test_the_jackknife_error_of_a_mean_is_its_standard_error() -> None:
    """s / sqrt(n), which is known in closed form."""
    samples = np.random.default_rng(0).standard_normal((20, 1))
    measured = jackknife(samples, lambda means: means[0])
    assert measured.value == pytest.approx(samples.mean())
    assert measured.standard_error == pytest.approx(samples.std(ddof=1) / np.sqrt(20))


def test_one_sample_has_no_error() -> None:
    """None, rather than a number that means nothing."""
    assert jackknife(np.ones((1, 1)), lambda means: means[0]).standard_error is None


@pytest.mark.parametrize("name", ["shipped gray", "shipped color"])
def test_a_patch_is_estimated_within_its_errors(name: str) -> None:
    """Against the matrix."""
    jacobian = Jacobian(network(name), noisy_patch(name, 16, 16))
    matrix = jacobian.dense(memory_bytes=10**8)
    exact = {
        "effective_dimensionality": float((matrix**2).sum()),
        "trace": float(matrix.trace()),
        "asymmetry": float((matrix - matrix.T).norm() / matrix.norm()),
    }
    for field, measured in patch_measures(jacobian).items():
        assert abs(measured.value - exact[field]) < ERRORS * measured.standard_error
        assert measured.standard_error < 0.3 * exact[field]


@pytest.fixture
def image() -> np.ndarray:
    """A noisy gray image (1, 300, 331) in 0..255."""
    return (255 * noisy_patch("shipped gray", 300, 312).numpy()).astype(np.float32)


def test_tiles_give_what_the_whole_image_gives(image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same probes, however the image is cut; its sides are no multiples of the network's stride."""
    built = network("shipped gray").float()
    try:
        whole = whole_image(built, image, probes=3, white=255, device="cpu")
        monkeypatch.setattr(probes, "TILE_SIDE", 288)
        tiled = whole_image(built, image, probes=3, white=255, device="cpu")
    finally:
        built.double()
    for field in ("effective_dimensionality", "trace", "sigma_255", "psnr_db"):
        assert getattr(tiled, field).value == pytest.approx(getattr(whole, field).value, rel=1e-4)


def test_whole_image_estimates_are_those_of_the_jacobian(image: np.ndarray) -> None:
    """d and tr A within their errors of the matrix, sigma and PSNR as ``biasfree.estimates`` has them."""
    small = image[:, :24, :24]
    built = network("shipped gray").float()
    try:
        found = whole_image(built, small, probes=32, white=255, device="cpu")
        scaled = noisy_patch("shipped gray", 300, 312)[:, :24, :24].float()
        jacobian = Jacobian(built, scaled)
        matrix = jacobian.dense(memory_bytes=10**8)
    finally:
        built.double()
    d, trace = found.effective_dimensionality, found.trace
    assert abs(d.value - float((matrix**2).sum())) < ERRORS * d.standard_error
    assert abs(trace.value - float(matrix.trace())) < ERRORS * trace.standard_error
    residual = 255 * float((scaled - jacobian.denoised).norm())
    estimate = Estimate(small.size, residual, trace.value)
    assert found.sigma_255.value == pytest.approx(estimate.sigma_255(white=255), rel=1e-4)
    assert found.psnr_db.value == pytest.approx(estimate.psnr_db(white=255), rel=1e-4)
    assert found.sigma_255.value == pytest.approx(25, rel=0.1)
