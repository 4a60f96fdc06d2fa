"""What the classical denoisers compute, against independent results."""

import numpy as np
import pytest
import pywt
from scipy.integrate import quad
from scipy.stats import gennorm

from biasfree.classical.coring import MEASURED, marginal, posterior_gain
from biasfree.classical.wavelet import shrunk, sure_threshold
from biasfree.classical.wiener import global_wiener, local_wiener


@pytest.mark.parametrize(("scale", "exponent"), [(0.02, 0.4), (0.5, 0.7), (1.0, 1.0), (3.0, 0.5), (10.0, 2.0)])
def test_the_posterior_mean_is_the_quotient_of_its_integrals(scale: float, exponent: float) -> None:
    """By adaptive quadrature, one measured value at a time."""
    gains = posterior_gain(scale, exponent)

    def posterior(x: float, y: float) -> float:
        return float(np.exp(-(abs(x / scale) ** exponent) - (y - x) ** 2 / 2))

    for index in (1, 20, 60, 120, 200):
        y = float(MEASURED[index])
        options = {"points": sorted({-scale, 0.0, scale, y}), "limit": 400, "epsabs": 0, "epsrel": 1e-10}
        mean, _ = quad(lambda x, y=y: x * posterior(x, y), -30, 45, **options)
        total, _ = quad(posterior, -30, 45, args=(y,), **options)
        assert gains[index] == pytest.approx(mean / total / y, rel=1e-3, abs=1e-6)


def test_a_gaussian_prior_gives_wieners_gain() -> None:
    """The exponent 2 is a Gaussian of variance s^2 / 2, whose posterior mean is linear."""
    variance = 3.0
    np.testing.assert_allclose(posterior_gain(np.sqrt(2 * variance), 2), variance / (variance + 1), rtol=1e-4)


@pytest.mark.parametrize(("scale", "exponent"), [(0.7, 0.5), (2.0, 1.0), (4.0, 1.6)])
def test_the_marginal_is_found_from_the_moments_of_noisy_samples(scale: float, exponent: float) -> None:
    """Of a million of them."""
    random = np.random.default_rng(0)
    noisy = gennorm.rvs(exponent, scale=scale, size=10**6, random_state=random) + random.standard_normal(10**6)
    found_scale, found_exponent = marginal(np.mean(noisy**2), np.mean(noisy**4))
    assert found_exponent == pytest.approx(exponent, rel=0.1)
    assert found_scale == pytest.approx(scale, rel=0.25)


def test_the_threshold_of_least_risk_is_that_of_a_search() -> None:
    """Over every candidate, by the formula as it is printed."""
    random = np.random.default_rng(0)
    band = np.concatenate([random.standard_normal(150), 6 * random.standard_normal(50)]).astype(np.float32)
    sizes = np.abs(band).astype(np.float64)

    def risk(t: float) -> float:
        return len(sizes) - 2 * np.count_nonzero(sizes <= t) + np.sum(np.minimum(sizes, t) ** 2)

    assert risk(sure_threshold(band.reshape(10, 20))) == pytest.approx(min(map(risk, sizes)))


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (64, 50)])
@pytest.mark.parametrize(("wavelet", "levels"), [("sym4", 4), ("haar", 2)])
def test_the_transform_gives_back_what_nobody_changed(shape: tuple[int, int], wavelet: str, levels: int) -> None:
    """Whatever the size; and its bands have the noise's own level."""
    plane = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    levels_seen: list[float] = []

    def look(band: np.ndarray) -> np.ndarray:
        levels_seen.append(float(np.std(band)))
        return band

    np.testing.assert_allclose(shrunk(plane, look, wavelet=wavelet, levels=levels), plane, atol=1e-5)
    assert len(levels_seen) == 3 * levels
    assert levels_seen[-3:] == pytest.approx([1, 1, 1], rel=0.15)


def test_a_shift_of_the_image_shifts_the_result_of_undecimated_wavelets() -> None:
    """Away from the borders: no place is special, as in a decimated transform every second one is."""
    plane = np.random.default_rng(0).standard_normal((96, 96)).astype(np.float32)

    def soft(band: np.ndarray) -> np.ndarray:
        return pywt.threshold(band, 1.0, "soft")

    inside = slice(40, 56)
    # The whole cells of the padding follow the size, which stays.
    first, shifted = shrunk(plane, soft, levels=2), shrunk(np.roll(plane, 3, axis=1), soft, levels=2)
    np.testing.assert_allclose(shifted[inside, 43:59], first[inside, 40:56], atol=1e-5)


def test_the_global_filter_finds_the_amplitude_of_a_1_over_f_squared_image() -> None:
    """Its result is that of the filter whose spectrum is known."""
    random, side, sigma, amplitude = np.random.default_rng(0), 128, 0.1, 1e-3
    frequency = np.arange(side) / (2 * side)
    squared = frequency[:, None] ** 2 + frequency**2
    squared[0, 0] = np.inf
    power = amplitude / squared
    coefficients = np.sqrt(power) * random.standard_normal((side, side))
    noise = sigma * random.standard_normal((side, side))
    basis = _cosines(side)
    clean, noisy = basis.T @ coefficients @ basis, basis.T @ (coefficients + noise) @ basis
    expected = basis.T @ ((coefficients + noise) * power / (power + sigma**2)) @ basis
    denoised = global_wiener(noisy.astype(np.float32), sigma)
    # The filter leaves the mean, which here is noise alone.
    error, least = (np.mean((image - image.mean() - clean) ** 2) for image in (denoised, expected))
    assert error <= 1.01 * least


def test_the_local_filter_does_not_darken_borders() -> None:
    """What lies outside the image is its reflection, not black."""
    plane = 1 + 0.01 * np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    assert np.abs(local_wiener(plane.astype(np.float32), 0.01) - 1).max() < 0.02


def _cosines(side: int) -> np.ndarray:
    """The orthonormal cosine basis, one function a row."""
    place = (np.arange(side) + 0.5) / side
    rows = np.sqrt(2 / side) * np.cos(np.pi * np.arange(side)[:, None] * place)
    rows[0] /= np.sqrt(2)
    return rows
