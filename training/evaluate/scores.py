"""PSNR and SSIM of a denoiser over a folder of images, by the rules in ``training.evaluate.metrics``."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np

from training.data.images import NamedImage
from training.evaluate.metrics import FloatImage, add_noise, psnr_db, ssim


class Denoiser(Protocol):
    """Anything that denoises one image. It is called from several threads at once."""

    def __call__(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise (H, W, C) float32 in units of [0, 1], not clipped; the result has the same shape."""


@dataclass(frozen=True)
class Score:
    """Means over images at noise ``sigma_255`` (0-255 scale): ``psnr_db``, infinite without any error, and ``ssim``."""

    sigma_255: float
    psnr_db: float
    ssim: float


def evaluate(denoiser: Denoiser, images: Sequence[NamedImage], sigmas_255: Sequence[float]) -> tuple[Score, ...]:
    """Measure a denoiser; the noise is seeded, so every denoiser gets the same.

    Args:
        denoiser: What is measured.
        images: Clean images in the order of their names, which seeds the noise.
        sigmas_255: Noise standard deviations, 0-255 scale; 0 is allowed.

    Returns:
        One score for each of ``sigmas_255``, in their order.

    Raises:
        ValueError: There are no images.
    """
    if not images:
        raise ValueError("expected at least one image to measure on, got none")
    clean = [image.unit for image in images]

    def measure(task: tuple[float, int]) -> tuple[float, float]:
        sigma_255, index = task
        denoised = denoiser(add_noise(clean[index], sigma_255=sigma_255, index=index))
        return psnr_db(clean[index], denoised), ssim(clean[index], denoised)

    # One image a core: SSIM and the noise run on one core whatever the denoiser does.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        values = list(pool.map(measure, product(sigmas_255, range(len(clean)))))
    means = np.reshape(values, (len(sigmas_255), len(clean), 2)).mean(axis=1).tolist()
    return tuple(Score(sigma, psnr, similarity) for sigma, (psnr, similarity) in zip(sigmas_255, means, strict=True))


def identity(noisy: FloatImage, /) -> FloatImage:
    """The denoiser that does nothing: its scores are those of the noisy input."""
    return noisy
