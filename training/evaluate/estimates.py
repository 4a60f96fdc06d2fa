"""``estimates``: how far the service's estimates, which see no clean image, are from the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from biasfree.estimates import STEP, Estimate, probe
from training.data.images import read_folder
from training.evaluate.metrics import FloatImage, add_noise
from training.evaluate.onnx_model import OnnxDenoiser


@dataclass(frozen=True)
class EstimateErrors:
    """Mean and standard deviation over images, at one noise level.

    Attributes:
        sigma_255: The true level, 0-255 scale.
        estimated_255: The estimated level, 0-255 scale.
        psnr_error_db: Estimated minus true PSNR, dB.
    """

    sigma_255: float
    estimated_255: tuple[float, float]
    psnr_error_db: tuple[float, float]


def measure_estimates(model: Path, images: Path, sigmas_255: Sequence[float]) -> list[EstimateErrors]:
    """Compare estimates with the truth on clean images with seeded noise.

    Raises:
        ValueError: ``model`` is no model, or there are no images.
    """
    denoiser = OnnxDenoiser(model)
    clean = [image.unit for image in read_folder(images, channels=denoiser.channels)]
    return [_measure(denoiser, clean, sigma_255) for sigma_255 in sigmas_255]


def table(rows: Sequence[EstimateErrors]) -> Table:
    """The errors as a table for the terminal."""
    result = Table("sigma", "sigma estimated", "PSNR estimated - true, dB")
    for row in rows:
        estimated, error = row.estimated_255, row.psnr_error_db
        result.add_row(
            f"{row.sigma_255:g}", f"{estimated[0]:.2f} +- {estimated[1]:.2f}", f"{error[0]:+.2f} +- {error[1]:.2f}"
        )
    return result


def _measure(denoiser: OnnxDenoiser, images: Sequence[FloatImage], sigma_255: float) -> EstimateErrors:
    pairs = np.array([_one(denoiser, clean, sigma_255, index) for index, clean in enumerate(images)])
    means, deviations = pairs.mean(axis=0).tolist(), pairs.std(axis=0).tolist()
    return EstimateErrors(sigma_255, (means[0], deviations[0]), (means[1], deviations[1]))


def _one(denoiser: OnnxDenoiser, clean: FloatImage, sigma_255: float, index: int) -> tuple[float, float]:
    """Estimated sigma, and estimated minus true PSNR (not clamped: the estimate knows no range)."""
    noisy = add_noise(clean, sigma_255=sigma_255, index=index)
    denoised = denoiser(noisy)
    signs = probe(noisy.shape)
    estimate = Estimate.of(noisy, denoised, denoiser(noisy + STEP * signs), signs)
    truth = -10 * np.log10(np.mean((denoised - clean) ** 2))
    psnr_db = estimate.psnr_db(white=1.0)
    return estimate.sigma_255(white=1.0), np.nan if psnr_db is None else psnr_db - float(truth)
