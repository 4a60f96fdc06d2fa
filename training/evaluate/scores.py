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


class ImageDenoiser(Protocol):
    """A function that denoises one image. It must allow calls from several threads at once."""

    def __call__(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise (H, W, C) float32 in units of [0, 1], not clipped; the result has the same shape."""


@dataclass(frozen=True)
class Score:
    """Mean PSNR and SSIM over images at one noise level (0-255 scale); the PSNR is infinite without any error."""

    sigma_255: float
    psnr_db: float
    ssim: float


def evaluate(denoiser: ImageDenoiser, images: Sequence[NamedImage], sigmas_255: Sequence[float]) -> tuple[Score, ...]:
    """Measure a denoiser with seeded noise, which is the same for every denoiser.

    Args:
        denoiser: The denoiser to measure.
        images: Clean images in the order of their names, which seeds the noise.
        sigmas_255: Noise standard deviations, 0-255 scale; 0 is allowed.

    Returns:
        One score per element of ``sigmas_255``, in the same order.

    Raises:
        ValueError: There are no images.
    """
    if not images:
        raise ValueError("there are no images to measure on")
    clean = [image.unit for image in images]

    def measure(task: tuple[float, int]) -> tuple[float, float]:
        sigma_255, index = task
        denoised = denoiser(add_noise(clean[index], sigma_255=sigma_255, index=index))
        return psnr_db(clean[index], denoised), ssim(clean[index], denoised)

    # One image per core: the noise and SSIM use one core, whatever the denoiser does.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        values = list(pool.map(measure, product(sigmas_255, range(len(clean)))))
    means = np.reshape(values, (len(sigmas_255), len(clean), 2)).mean(axis=1).tolist()
    return tuple(Score(sigma, psnr, similarity) for sigma, (psnr, similarity) in zip(sigmas_255, means, strict=True))


def identity(noisy: FloatImage, /) -> FloatImage:
    """Return the image unchanged: the scores of this denoiser are those of the noisy input."""
    return noisy


def denoise_planes(denoiser: ImageDenoiser, noisy: FloatImage) -> FloatImage:
    """Denoise an image (C, H, W), the layout of the passes in ``biasfree.frames``."""
    return np.ascontiguousarray(denoiser(noisy.transpose(1, 2, 0)).transpose(2, 0, 1))
