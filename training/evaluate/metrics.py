"""The measures of quality: seeded noise, PSNR and SSIM on floats in [0, 1]."""

import math

import numpy as np
import numpy.typing as npt
from skimage import metrics  # its modules are loaded when used

FloatImage = npt.NDArray[np.float32]

#: Default noise levels of a measurement, 0-255 scale: those of the paper's tables, both ends of its range, and beyond.
SIGMAS_255 = (5.0, 10.0, 15.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0)


def add_noise(clean: FloatImage, *, sigma_255: float, index: int) -> FloatImage:
    """Add the evaluation noise, which is the same for every model and different for every image and level.

    Args:
        clean: (H, W, C) float32 in [0, 1].
        sigma_255: Standard deviation, 0-255 scale.
        index: Place of the image among the sorted file names.

    Returns:
        (H, W, C) float32, not clipped.
    """
    height, width, channels = clean.shape
    shape = (height, width) if channels == 1 else (height, width, channels)
    noise = np.random.default_rng([0, round(sigma_255 * 100), index]).standard_normal(shape)
    return (clean + sigma_255 / 255 * noise.reshape(clean.shape)).astype(np.float32)


def psnr_db(clean: FloatImage, image: FloatImage) -> float:
    """Compute the PSNR in dB for a data range of 1, with ``image`` clamped to [0, 1]; infinite for equal images."""
    clamped = np.clip(image, 0, 1)
    if np.array_equal(clean, clamped):
        return math.inf
    error = np.mean(np.square(clean - clamped, dtype=np.float64))
    return float(-10 * np.log10(error))


def ssim(clean: FloatImage, image: FloatImage) -> float:
    """Compute the SSIM with scikit-image's defaults, with ``image`` clamped to [0, 1]."""
    clamped = np.clip(image, 0, 1)
    value = metrics.structural_similarity(clean, clamped, data_range=1, channel_axis=2)  # type: ignore[no-untyped-call]
    return float(value)
