"""The measures of quality."""

import math

import numpy as np
import pytest
from skimage import metrics

from tests.unit.training.fit.runs import photograph
from training.evaluate.metrics import add_noise, psnr_db, ssim


def image(channels: int = 1) -> np.ndarray:
    """Make an image (H, W, C) float32 in [0, 1]."""
    return photograph(21, 34, seed=5, channels=channels).astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_the_published_formula(channels: int) -> None:
    """It is default_rng([0, round(100 sigma), i]), (H, W) for gray, (H, W, 3) for color (``ANCHORS.md``)."""
    clean = image(channels)
    shape = (21, 34) if channels == 1 else (21, 34, 3)
    noise = np.random.default_rng([0, 1250, 4]).standard_normal(shape).reshape(clean.shape)
    noisy = add_noise(clean, sigma_255=12.5, index=4)
    assert noisy.dtype == np.float32
    assert np.array_equal(noisy, (clean + 12.5 / 255 * noise).astype(np.float32))
    loud = add_noise(clean, sigma_255=200, index=0)
    assert loud.min() < 0
    assert loud.max() > 1


def test_psnr_and_ssim_clamp_the_output_and_equal_scikit_image() -> None:
    """The data range is 1, without rounding."""
    clean = image(3)
    noisy = add_noise(clean, sigma_255=90, index=0)
    clamped = np.clip(noisy, 0, 1)
    error = np.mean((clean.astype(np.float64) - clamped) ** 2)
    assert psnr_db(clean, noisy) == pytest.approx(10 * math.log10(1 / error), abs=1e-6)
    assert psnr_db(clean, noisy) == pytest.approx(
        metrics.peak_signal_noise_ratio(clean, clamped, data_range=1), abs=1e-6
    )
    assert ssim(clean, noisy) == metrics.structural_similarity(clean, clamped, data_range=1, channel_axis=2)


def test_gray_ssim_is_that_of_the_plain_image() -> None:
    """A channel axis of length one changes nothing."""
    clean = image()
    noisy = np.clip(add_noise(clean, sigma_255=20, index=0), 0, 1)
    assert ssim(clean, noisy) == pytest.approx(
        metrics.structural_similarity(clean[..., 0], noisy[..., 0], data_range=1)
    )


def test_equal_images_have_infinite_psnr() -> None:
    """This includes images that clamping makes equal."""
    white = np.ones((8, 8, 1), np.float32)
    assert psnr_db(white, white + 1) == math.inf
    assert ssim(white, white + 1) == 1
