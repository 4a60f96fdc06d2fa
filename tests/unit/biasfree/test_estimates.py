"""The estimates, where the truth is known."""

import numpy as np
import pytest

from biasfree.estimates import STEP, Estimate, probe


def measure(noisy: np.ndarray, network) -> Estimate:
    """The estimate for a network."""
    signs = probe(noisy.shape)
    return Estimate.of(noisy, network(noisy), network(noisy + STEP * signs), signs)


def projection(side: int, kept: int):
    """The orthogonal projection onto the ``kept`` lowest frequencies along each axis, in float64 inside."""
    frequencies = np.arange(side)
    basis = np.cos(np.pi * (frequencies[:, None] + 0.5) * np.arange(kept) / side)
    basis /= np.linalg.norm(basis, axis=0)
    matrix = basis @ basis.T
    return lambda image: (matrix @ image.astype(np.float64) @ matrix).astype(np.float32)


def test_a_projection_that_keeps_the_signal_gives_the_truth():
    """sigma^2 = ||y - f||^2 / (N - tr A) is exact in expectation where f is the orthogonal projection on the signal."""
    network = projection(256, 12)
    random = np.random.default_rng(0)
    clean = network(random.random((256, 256)))
    noisy = (clean + 0.1 * random.standard_normal(clean.shape)).astype(np.float32)
    estimate = measure(noisy, network)
    assert estimate.trace == pytest.approx(12 * 12, rel=0.25)
    assert estimate.sigma == pytest.approx(0.1, rel=0.01)
    truth = -10 * np.log10(np.mean((network(noisy) - clean) ** 2))
    assert estimate.psnr_db(white=1.0) == pytest.approx(truth, abs=1.0)


def test_the_identity_tells_nothing_and_does_not_fail():
    """Nothing was taken away: no noise is seen, and no PSNR can be told."""
    estimate = measure(np.random.default_rng(0).random((32, 32), np.float32), lambda image: image)
    assert estimate.sigma == 0
    assert estimate.psnr_db(white=1.0) is None


def test_scale_and_white_only_change_the_unit():
    """An image of 0..4095 with white 4095 has the same noise on the 0-255 scale."""
    network = projection(64, 8)
    noisy = np.random.default_rng(0).random((64, 64), np.float32)
    signs = probe(noisy.shape)
    sides = (noisy, network(noisy), network(noisy + STEP * signs), signs)
    unit, twelve_bit = Estimate.of(*sides), Estimate.of(*sides, scale=4095)
    assert twelve_bit.sigma_255(white=4095) == pytest.approx(unit.sigma_255(white=1))
    assert twelve_bit.psnr_db(white=4095) == pytest.approx(unit.psnr_db(white=1))


def test_images_add_up():
    """The estimate over two equal images is that over one."""
    one = measure(np.random.default_rng(0).random((64, 64), np.float32), projection(64, 8))
    assert (one + one).sigma == pytest.approx(one.sigma)
