"""Photographs with noise, and how to put them on the wire. Images come from scikit-image."""

import io
from functools import cache

import numpy as np
import skimage.data
import skimage.metrics
import skimage.transform


def photograph(side: int = 256, *, channels: int = 1) -> np.ndarray:
    """The astronaut, (H, W) or (H, W, 3), float64 in [0.2, 0.8]: room for noise of sigma 25 without clipping much."""
    return _resized(side, channels).copy()


@cache
def _resized(side: int, channels: int) -> np.ndarray:
    image = skimage.data.astronaut()[:512, :512] / 255
    image = image @ (0.299, 0.587, 0.114) if channels == 1 else image
    return 0.2 + 0.6 * skimage.transform.resize(image, (side, side), anti_aliasing=True)


def with_noise(clean: np.ndarray, sigma_255: float, *, seed: int = 0) -> np.ndarray:
    """Gaussian noise, not clipped."""
    return clean + sigma_255 / 255 * np.random.default_rng(seed).standard_normal(clean.shape)


def psnr(clean: np.ndarray, image: np.ndarray) -> float:
    """PSNR in dB for a range of 1."""
    return float(skimage.metrics.peak_signal_noise_ratio(clean, np.clip(image, 0, 1), data_range=1))


def npy(array: np.ndarray) -> bytes:
    """An array as an NPY file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def from_npy(content: bytes) -> np.ndarray:
    """The array in an NPY file."""
    return np.load(io.BytesIO(content), allow_pickle=False)


NPY = {"Content-Type": "application/x-npy"}
